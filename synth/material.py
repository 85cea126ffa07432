"""Everything that is said for one bundle: the phrase, what sounds like it, sentences, real speech and noise.

Three ways are kept apart from the very start: voices and recordings to train on, to choose thresholds with,
and to report with. No voice that is reported on has been trained on.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synth import negatives, progress
from synth.acoustics import Sound
from synth.ingest import Fault, Rejected, check_clip, trim
from synth.near_misses import near_misses
from synth.negatives import WAYS, Source
from synth.packs import Pcm, in_one_block
from synth.phrase import spellings
from synth.presets import Preset, shares
from synth.sentences import matcher, sentences
from synth.voices import Engine, Take, Voice
from synth.voices.cache import speak_all
from synth.voices.plan import plan, split

SHARE = {"train": 1.0, "choose": 0.16, "report": 0.16}  # of a preset's amounts, for each way
HELD_OUT_HOURS = 2.0  # of the hours to train on: a promise of one in ten hours wants hours to be found on
LONGEST_PHRASE_S = 2.5  # a take of the phrase that is longer has gone wrong


@dataclass(frozen=True)
class Spoken:
    """A clip and who said it."""

    sound: Sound
    """[n], 16 kHz, trimmed"""
    voice: Voice
    text: str
    place: int
    """in the plan of its kind, where some are left out"""


@dataclass(frozen=True)
class Way:
    """The material of one way."""

    phrases: list[Spoken] = field(default_factory=list)
    near: list[Spoken] = field(default_factory=list)
    sentences: list[Spoken] = field(default_factory=list)
    speech: list[Pcm] = field(default_factory=list)
    """of real people"""
    noise: list[Pcm] = field(default_factory=list)
    """real background and music"""
    music: list[Pcm] = field(default_factory=list)
    """the music alone: hours of it are a stream in which nobody calls"""


class Asked(NamedTuple):
    """A take, and what it is for."""

    way: str
    kind: str
    place: int
    take: Take


@dataclass(frozen=True)
class Material:
    """All of it, with what a manifest has to say about it."""

    ways: dict[str, Way]
    rejected: Rejected
    sources: list[Source]
    name: str
    """sha256 of all of it: the same name, the same material"""
    real_hours: dict[str, float] = field(default_factory=dict)
    """of real speech, by way"""

    def without_recordings(self, name: str) -> Material:
        """Without the recordings of one way: they fill the memory, and once there are examples of them nobody
        needs them."""
        way = replace(self.ways[name], speech=[], noise=[], music=[])
        return replace(self, ways={**self.ways, name: way})

    @property
    def voices(self) -> dict[str, list[Voice]]:
        """The voices of the phrase by way, each once."""
        return {way: list(dict.fromkeys(s.voice for s in self.ways[way].phrases)) for way in WAYS}


def gather(
    phrase: str, preset: Preset, engines: Sequence[Engine], folders: Sequence[Path], *, lang: str, seed: int,
    jobs: int, cache: Path,
) -> Material:
    """Speaks and reads everything. Raises VoiceError where the phrase could not be said often enough."""
    texts = {
        "phrases": spellings(phrase, lang),
        "near": [near.text for near in near_misses(phrase, lang=lang, seed=seed)],
        "sentences": sentences(max(50, preset.sentences), seed, lang=lang),
    }
    contains = matcher(phrase)
    amounts = {"phrases": preset.phrases, "near": preset.near_misses, "sentences": preset.sentences}
    voices = split([voice for engine in engines for voice in engine.voices()], seed)
    takes: list[Asked] = []
    for w, way in enumerate(WAYS):
        for k, (kind, amount) in enumerate(amounts.items()):
            planned = plan(texts[kind], engines, int(amount * SHARE[way]), seed * 100 + w * 10 + k,
                           voices[way], own_recordings=kind == "phrases", weights=shares(preset, kind))
            takes += [Asked(way, kind, k, take) for k, take in enumerate(planned)
                      if kind != "sentences" or not contains(take.text)]
    ways, rejected = _spoken(takes, engines, jobs, cache / "clips")
    sources = negatives.installed(folders)
    _recorded(ways, sources, preset, cache)
    hours = {name: seconds(way.speech) / 3600 for name, way in ways.items()}
    return Material(ways, rejected, sources, _digest((phrase, preset, seed), ways), hours)


def _digest(asked: tuple[object, ...], ways: dict[str, Way]) -> str:
    """sha256 of what was asked for and of every sample that came of it, so that what is kept of an earlier
    run is used only where nothing at all has changed."""
    digest = hashlib.sha256(repr(asked).encode())
    for way in ways.values():
        spoken = (s.sound for s in way.phrases + way.near + way.sentences)
        for sound in itertools.chain(spoken, way.speech, way.noise):
            digest.update(np.ascontiguousarray(sound).data)
            digest.update(b"|")
    return digest.hexdigest()[:16]


def _spoken(
    takes: Sequence[Asked], engines: Sequence[Engine], jobs: int, cache: Path
) -> tuple[dict[str, Way], Rejected]:
    """Every take through its engine, trimmed and judged."""
    ways = {way: Way() for way in WAYS}
    faults: list[tuple[str, Fault]] = []
    with progress.bar("speaking", len(takes)) as done:
        spoken = speak_all([asked.take for asked in takes], engines, jobs=jobs, progress=done, cache=cache)
        for (way, kind, place, take), (_, said, reason) in zip(takes, spoken, strict=True):
            sound = said
            fault = Fault(reason or "no sound", take.voice.name) if sound is None else check_clip(sound)
            if fault is None and sound is not None:
                sound = trim(sound)
                fault = check_clip(sound)
                if fault is None and kind == "phrases" and len(sound) > LONGEST_PHRASE_S * 16_000:
                    fault = Fault("too long for the phrase", f"{len(sound) / 16_000:.1f} s")
            if fault is not None or sound is None:
                faults.append((f"{take.voice.engine}/{take.voice.name}", fault or Fault("no sound", "")))
                continue
            getattr(ways[way], kind).append(Spoken(sound, take.voice, take.text, place))
    return ways, Rejected.of(faults)


def _recorded(ways: dict[str, Way], sources: Sequence[Source], preset: Preset, cache: Path) -> None:
    """Adds real speech and noise to each way."""
    with progress.bar("reading real speech and noise", len(sources) * len(WAYS)) as done:
        for source in sources:
            for way in WAYS:
                hours = preset.speech_hours * (1.0 if way == "train" else HELD_OUT_HOURS)
                found = in_one_block(list(negatives.recordings(source, way, hours, cache / "recordings")))
                (ways[way].noise if source.kind == "noise" else ways[way].speech).extend(found)
                if source.music:
                    ways[way].music.extend(found)
                done(1)


def families(spoken: Sequence[Spoken]) -> dict[str, int]:
    """How many clips each family of voices has given, most first."""
    return dict(Counter(s.voice.engine for s in spoken).most_common())


def seconds(sounds: Sequence[Sound | Pcm]) -> float:
    """How long they are together."""
    return float(np.sum([len(s) for s in sounds])) / 16_000
