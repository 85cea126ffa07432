"""Google Cloud Text-to-Speech: hundreds of voices, for money and with an account, and only when named.

What heychip's ancestor spoke with. `--engine google` takes all kinds of voices, `--engine google=WaveNet`
only those, which are cheaper; `--spend USD` says what may be spent, which is nothing until then.
"""

from __future__ import annotations

import datetime
import difflib
import importlib.util
import json
import logging
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ
from edge.files import sha256_of, write_whole

from . import Settings, Take, Voice, finish, same_language
from .google_client import INSTALL, LOG_IN, Client, Listed, RefusedError, check_endpoint, is_loopback
from .google_cost import BOTH, KINDS, NAME, NEITHER, SPEED, consent, kind_of
from .google_pace import Clock, default_folder
from .process import VoiceError, samples_of

LOG = logging.getLogger(__name__)

RECIPE = 1  # counted up when `say` changes; Google tells no versions, and the library's own changes no sound
LIST_DAYS = 90  # a new list is another plan, and other clips to buy, so it is not asked for every day
SHIFTED_HZ = 24_000  # of sound that is shifted afterwards, which costs some of its band
SPEEDS = (0.25, 2.0)
PROSODY = re.compile(r"pitch|speaking[ _]?rate", re.IGNORECASE)  # in what a voice says that takes none


@dataclass(frozen=True)
class Options:
    """What may follow `google=`, with commas between."""

    endpoint: str = ""
    """HOST:PORT, or a host with a dot; $HEYCHIP_GOOGLE_ENDPOINT, else Google's own"""
    kinds: frozenset[str] = frozenset()
    """names in KINDS; empty: all"""
    spend_usd: float = 0.0
    """from `spend=USD`: the most that may be spent"""


def options(text: str) -> Options:
    """Such as `WaveNet,Standard,spend=2.50` or `127.0.0.1:50051`. Raises VoiceError."""
    endpoint, kinds, spend = os.environ.get("HEYCHIP_GOOGLE_ENDPOINT", ""), set(), 0.0
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.startswith("spend="):
            spend = _usd(part.removeprefix("spend="))
        elif ":" in part or "." in part:
            endpoint = part
        elif part.lower() in KINDS:
            kinds.add(KINDS[part.lower()].name)
        else:
            near = difflib.get_close_matches(part.lower(), KINDS, 1)
            hint = f"; did you mean {KINDS[near[0]].name}?" if near else "."
            names = ", ".join(kind.name for kind in KINDS.values())
            raise VoiceError(f"google={part}: no kind of voice and no HOST:PORT{hint} Kinds are: {names}")
    return Options(endpoint, frozenset(kinds), spend)


def _usd(text: str) -> float:
    try:
        usd = float(text)
    except ValueError:
        usd = math.nan
    if not (math.isfinite(usd) and usd >= 0):
        raise VoiceError(f"google=spend={text}: an amount in USD, 0 or more")
    return usd


class Google:
    """Satisfies `Engine` and `Costs`."""

    name, family, phonemes, batch = "google", "neural", False, 1
    licence = "Google Cloud terms of service; what you make is yours to use in line with them"

    def __init__(self, lang: str = "en-us", path: str = "", *, clock: Clock | None = None) -> None:
        self.lang, self.options, self._clock = lang, options(path), clock
        self._client: Client | None = None
        self._listed: list[Listed] | None = None
        self._takes: dict[str, int] = {}  # voices that turned out to take less than their kind does

    def __getstate__(self) -> dict[str, Any]:
        """Without the connection: each process has its own."""
        return {**self.__dict__, "_client": None, "_listed": None}

    def available(self) -> str | None:
        """None, or that the library or the credentials are missing. Asks nobody: the network is not touched
        before a voice is wanted."""
        check_endpoint(self.options.endpoint)
        if not _has_library():
            return INSTALL
        if is_loopback(self.options.endpoint):
            return None
        key = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
        if key:
            return None if Path(key).is_file() else f"GOOGLE_APPLICATION_CREDENTIALS={key}: no such file"
        return None if _has_login() else f"no credentials, which --engine google needs: {LOG_IN}"

    def voices(self) -> list[Voice]:
        """Those of the language, with all its accents. Raises VoiceError where no list can be had."""
        if self._listed is None:
            self._listed = self._list()
        found = (self._voice(one) for one in sorted(self._listed, key=lambda one: one.name))
        return [voice for voice in found if voice is not None]

    def consent(self, takes: Sequence[Take]) -> None:
        """See `Costs`."""
        consent(takes, self.options.spend_usd)

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`. Where a voice takes no pitch it is shifted afterwards; where it takes no speed
        either, it keeps its own. Raises EngineLostError where nothing more will be said in this run."""
        if "[[" in text:
            raise VoiceError("google says no phonemes of espeak-ng")
        kind = kind_of(voice.name)
        self._client = self._client or Client(self.options.endpoint, self._clock)
        who = {"name": voice.name, "language_code": voice.get("accent", voice.language)}
        for takes in range(self._takes.get(voice.name, kind.takes), NEITHER - 1, -1):
            audio, shift = _audio(settings, takes)
            try:
                wav = self._client.speech(text, who, audio, (kind.name, kind.rpm))
            except RefusedError as error:
                if takes == NEITHER or not PROSODY.search(str(error)):
                    raise
                self._takes[voice.name] = takes - 1
                continue
            return finish(*samples_of(wav, f"google {voice.name}"), shift=shift)
        raise VoiceError(f"google {voice.name}: takes no request")

    def _voice(self, one: Listed) -> Voice | None:
        """None for other languages and kinds, and for names without a tag, which other services speak."""
        parts = NAME.fullmatch(one.name)
        tag = next((tag for tag in one.languages if same_language(tag, self.lang)), "")
        if parts is None or not tag:
            return None
        kind = kind_of(one.name).name
        if self.options.kinds and kind not in self.options.kinds:
            return None
        # a country's letter may be one person in Standard, WaveNet and Neural2; a name is one everywhere
        who = f"{parts['tag']}-{parts['who']}" if len(parts["who"]) == 1 else f"{kind}-{parts['who']}"
        facts = {"version": f"v1.{RECIPE}", "speaker": f"google/{who}", "sex": one.sex, "accent": tag,
                 "kind": kind}  # fmt: skip
        return Voice(self.name, one.name, tag.lower(), self.licence, tuple(facts.items()))

    def _list(self) -> list[Listed]:
        """The list that is kept, asked for anew where it is old; an old one is better than none."""
        path = default_folder() / f"voices-{sha256_of(self.options.endpoint.encode())[:8]}.json"
        kept, age = _read(path)
        if kept and age <= LIST_DAYS:
            return kept
        try:
            self._client = self._client or Client(self.options.endpoint, self._clock)
            listed = self._client.voices()
        except VoiceError as error:
            if not kept:
                raise
            LOG.warning("voices engine=google list=%d_days_old reason=%r", age, str(error))
            return kept
        rows = [[one.name, list(one.languages), one.sex] for one in listed]
        today = datetime.date.today().isoformat()
        write_whole(path, json.dumps({"date": today, "voices": rows}, indent=0).encode())
        return listed


def _audio(settings: Settings, takes: int) -> tuple[dict[str, float], float]:
    """What to ask for, and the semitones that are left to do."""
    shift = settings.pitch if takes < BOTH else 0.0
    audio: dict[str, float] = {"sample_rate_hertz": SHIFTED_HZ if shift else RATE_HZ}
    speed = settings.speed / 2 ** (shift / 12)
    if not SPEEDS[0] <= speed <= SPEEDS[1] or abs(settings.pitch) > 20:
        raise VoiceError(f"google: speed {settings.speed:g} or pitch {settings.pitch:g} is out of its range")
    if takes >= SPEED and speed != 1.0:
        audio["speaking_rate"] = speed
    if takes == BOTH and settings.pitch:
        audio["pitch"] = settings.pitch
    return audio, shift


def _read(path: Path) -> tuple[list[Listed], int]:
    """The kept list and its age in days; an empty one where there is none that can be read."""
    try:
        kept = json.loads(path.read_bytes())
        age = datetime.date.today() - datetime.date.fromisoformat(kept["date"])
        rows = [Listed(str(name), tuple(map(str, tags)), str(sex)) for name, tags, sex in kept["voices"]]
        return rows, age.days
    except (OSError, ValueError, KeyError, TypeError):
        return [], 0


def _has_library() -> bool:
    needed = ("grpc", "google.auth", "google.cloud.texttospeech_v1")
    try:
        return all(importlib.util.find_spec(name) is not None for name in needed)
    except ImportError:  # of a package that one of them is in
        return False


def _has_login() -> bool:
    """Whether somebody has logged in with gcloud, or this is a machine of Google's, which needs no login."""
    folder = os.environ.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud"
    if (Path(folder) / "application_default_credentials.json").is_file():
        return True
    product = Path("/sys/class/dmi/id/product_name")
    try:
        return product.read_text("utf-8").startswith("Google")
    except (OSError, UnicodeDecodeError):
        return False
