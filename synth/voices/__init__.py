"""Voices that speak a text: one Protocol, one ordered table, every engine optional.

To add an engine: write a class that satisfies `Engine`, and add one line to `ENGINES`.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ

from .process import EngineLostError, VoiceError

LOG = logging.getLogger(__name__)

# Ordered by what they cost: the instant ones first. Each is imported only when it is asked for.
ENGINES = {
    "espeak-ng": ("synth.voices.espeak", "Espeak"),
    "flite": ("synth.voices.flite", "Flite"),
    "festival": ("synth.voices.festival", "Festival"),
    "kokoro": ("synth.voices.kokoro", "Kokoro"),
    "piper": ("synth.voices.piper", "Piper"),
    "google": ("synth.voices.google", "Google"),
    "folder": ("synth.voices.folder", "Folder"),
}

ALIASES = {"espeak": "espeak-ng"}

# Never used unless the user names them, though they be here: why, for lists.
ONLY_NAMED = {"google": "costs money and needs an account, so it speaks only when named: --engine google"}

__all__ = [
    "ENGINES",
    "ONLY_NAMED",
    "Costs",
    "Engine",
    "EngineLostError",
    "Settings",
    "Take",
    "Voice",
    "VoiceError",
    "finish",
    "make_engine",
    "open_engines",
    "same_language",
    "why_not",
]


@dataclass(frozen=True)
class Voice:
    """One voice of one engine."""

    engine: str
    """a key of ENGINES"""
    name: str
    """the engine's own name for it"""
    language: str
    """a tag such as en-us"""
    licence: str
    """what may be done with its sound"""
    extra: tuple[tuple[str, str], ...] = ()
    """what else is known: `version` of the engine always; `speaker`, `sex`, `accent` where there is one"""

    def get(self, key: str, default: str = "") -> str:
        """The value of `key` in `extra`."""
        return dict(self.extra).get(key, default)

    @property
    def speaker(self) -> str:
        """Whose throat this is: voices of one (kal speaks in flite and in festival) never part in a split."""
        return self.get("speaker") or f"{self.engine}/{self.name}"


@dataclass(frozen=True)
class Settings:
    """How a text is said."""

    speed: float = 1.0
    """1 is the voice's own; 1.3 is faster"""
    pitch: float = 0.0
    """semitones above the voice's own"""
    seed: int = 0
    """for engines that can say a text in more than one way"""


@dataclass(frozen=True)
class Take:
    """One clip to be made: a text, who says it and how."""

    text: str
    """what to say; [[...]] holds phonemes of espeak-ng, for engines whose `phonemes` is true"""
    voice: Voice
    """who says it"""
    speed: float = 1.0
    """see Settings"""
    pitch: float = 0.0
    """see Settings"""
    seed: int = 0
    """see Settings"""

    @functools.cached_property
    def key(self) -> str:
        """sha256 over all that decides how it sounds, the engine's version (in `voice.extra`) included."""
        voice = self.voice
        facts = [1, self.text, voice.engine, voice.name, voice.language, sorted(voice.extra)]
        facts += [f"{self.speed:.4f}", f"{self.pitch:.3f}", self.seed]
        return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()

    @property
    def settings(self) -> Settings:
        """The part that goes to `Engine.say`."""
        return Settings(self.speed, self.pitch, self.seed)


class Engine(Protocol):
    """A program or model that speaks. It can be pickled: sessions and programs start at the first `say`."""

    name: str
    """its key in ENGINES"""
    family: str
    """what kind of voice it makes: families matter more than counts, so plans spread over them"""
    licence: str
    """of its sound"""
    phonemes: bool
    """whether it says [[phonemes of espeak-ng]]"""
    batch: int
    """takes that one worker does at a time: about a quarter of a second of work"""

    def voices(self) -> list[Voice]:
        """Its voices for the language it was opened with; empty where it has none."""
        ...

    def available(self) -> str | None:
        """None where it can speak, else the reason with its remedy."""
        ...

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """float32 [n] mono at 16 kHz, full scale -1..1. Raises VoiceError."""
        ...


@runtime_checkable
class Costs(Protocol):
    """An engine whose clips cost money."""

    def consent(self, takes: Sequence[Take]) -> None:
        """Asked once, before any of `takes` is spoken. Raises VoiceError where they cost more than was
        allowed."""
        ...


def open_engines(names: Sequence[str] | None = None, lang: str = "en-us") -> list[Engine]:
    """The engines `names` (None: all that are here) for a language, in the order of ENGINES.

    An engine that was named but is missing or unknown is a VoiceError; one that was not named is passed over
    with a line in the log, one of ONLY_NAMED in silence. `name=PATH` gives an engine its folder:
    `folder=recordings/hey_chip`, `kokoro=/data/kokoro`; what google takes there is in `google.options`.
    """
    asked: dict[str, str] = {}
    for spec in names or ():
        name, _, path = spec.partition("=")
        asked[ALIASES.get(name, name)] = path
    for name in asked:
        if name not in ENGINES:
            near = difflib.get_close_matches(name, ENGINES, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise VoiceError(f"no voice engine is called {name!r}{hint} There are: {', '.join(ENGINES)}")
    opened: list[Engine] = []
    for name in ENGINES:
        if name not in (asked if names is not None else ENGINES.keys() - ONLY_NAMED.keys()):
            continue
        engine = make_engine(name, lang, asked.get(name, ""))
        reason = why_not(engine)
        if reason is None:
            opened.append(engine)
        elif name in asked:
            raise VoiceError(f"{name}: {reason}")
        else:
            LOG.info("voices passed_over=%s reason=%r", name, reason)
    if not opened:
        raise VoiceError("no voice engine is here: apt-get install espeak-ng flite festival")
    return opened


def make_engine(name: str, lang: str = "en-us", path: str = "") -> Engine:
    """The engine of that name in ENGINES, whether it can speak or not."""
    module, cls = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), cls)(lang, path)
    return engine


def why_not(engine: Engine) -> str | None:
    """None where the engine can speak, else the reason; a broken voice file must not hide other engines."""
    try:
        return engine.available()
    except VoiceError as error:
        return str(error)


def refuse_path(name: str, path: str) -> None:
    """For engines that keep their voices where they are installed."""
    if path:
        raise VoiceError(f"{name} takes no folder (=...): its voices are where it is installed")


def same_language(tag: str, wanted: str) -> bool:
    """Whether two tags are of one language: en-gb-scotland and en-us are."""
    return tag.lower().replace("_", "-").split("-")[0] == wanted.lower().replace("_", "-").split("-")[0]


def finish(samples: NDArray[np.float32], rate_hz: int, *, shift: float = 0.0) -> NDArray[np.float32]:
    """`samples` [n] at `rate_hz` -> float32 [m] at 16 kHz, raised by `shift` semitones where the engine
    cannot.

    The shift is by resampling, so the whole throat grows or shrinks and the time with it: the caller asks the
    engine for a speed divided by 2 ** (shift / 12).
    """
    if samples.size == 0 or not np.isfinite(samples).all():
        raise VoiceError("the voice gave no samples" if samples.size == 0 else "the voice gave NaN")
    told_hz = round(rate_hz * 2 ** (shift / 12))
    if told_hz != RATE_HZ:
        samples = np.asarray(
            importlib.import_module("soxr").resample(samples.astype(np.float32), told_hz, RATE_HZ), np.float32
        )
    return np.clip(samples, -1.0, 1.0).astype(np.float32)
