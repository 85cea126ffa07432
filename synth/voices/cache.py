"""Clips that were spoken once are kept: a file for every take, under the sha256 of all that decides its
sound.

`speak_all` speaks what is missing on all cores and gives the clips in the order of the takes, whatever was
ready first. Interrupted at any point, it goes on where it was: a clip is there whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.events import RATE_HZ
from edge.wav import write_wav

from . import Costs, Engine, Take, Voice, open_engines
from .pool import Pool
from .process import VoiceError, samples_of

PATIENCE = 5  # failures in a row until a voice is left alone

Sound = NDArray[np.float32]


def default_folder() -> Path:
    """$XDG_CACHE_HOME/heychip/clips."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heychip" / "clips"


class Clips:
    """The folder of clips: PCM16 wav files, which any program plays."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def path(self, take: Take) -> Path:
        """Where the clip of a take is or would be."""
        return self.folder / take.key[:2] / f"{take.key[2:]}.wav"

    def get(self, take: Take) -> Sound | None:
        """float32 [n] at 16 kHz, or None where there is no whole clip."""
        try:
            data = self.path(take).read_bytes()
        except FileNotFoundError:
            return None
        if len(data) < 44 or int.from_bytes(data[4:8], "little") != len(data) - 8:
            return None  # cut off by a full disk or a power cut: it is made again
        try:
            return samples_of(data, str(self.path(take)))[0]
        except VoiceError:
            return None

    def put(self, take: Take, samples: Sound) -> None:
        """Keeps a clip. Raises VoiceError where it cannot be written."""
        try:
            write_wav(self.path(take), samples, RATE_HZ)
        except (OSError, WavError) as error:
            raise VoiceError(
                f"{self.folder}: a clip cannot be written ({error}); make room or name another --cache"
            ) from error


class Quarantine:
    """Voices that fail again and again, seen in the order of the takes and so the same in every run."""

    def __init__(self) -> None:
        self._failures: dict[Voice, int] = {}
        self.reasons: dict[Voice, str] = {}

    def judge(self, take: Take, failed: str) -> str:
        """The reason why the take has no clip (empty: it has), after its voice's record."""
        if take.voice in self.reasons:
            return self.reasons[take.voice]
        self._failures[take.voice] = self._failures.get(take.voice, 0) + 1 if failed else 0
        if self._failures[take.voice] >= PATIENCE:
            self.reasons[take.voice] = (
                f"voice quarantined after {PATIENCE} failures in a row, the last: {failed}"
            )
        return failed


def speak_all(
    takes: Sequence[Take],
    engines: Sequence[Engine] | None = None,
    *,
    jobs: int = 0,
    progress: Callable[[int], None] | None = None,
    cache: Path | None = None,
) -> Iterator[tuple[Take, Sound | None, str]]:
    """(take, float32 [n] at 16 kHz or None, the reason where None) for each take, in the order given.

    `engines` defaults to those that the takes name; `jobs` 0 is a process for every core, 1 none but this
    one; `progress` is told how many more are done; `cache` is the folder of clips. A take that fails is
    counted and tried again by the next run; a voice that fails five times in a row is left alone for the rest
    of this one. Raises EngineLostError where an engine cannot go on, and VoiceError, before anything is
    spoken, where what is missing costs more than was allowed.
    """
    takes, clips, quarantine = list(takes), Clips(cache), Quarantine()
    if engines is None:
        engines = open_engines(sorted({take.voice.engine for take in takes})) if takes else []
    missing = {take.key: take for take in takes if clips.get(take) is None}
    for engine in engines:
        if isinstance(engine, Costs):
            engine.consent([take for take in missing.values() if take.voice.engine == engine.name])
    with Pool(
        list(missing.values()), engines, clips, jobs, lambda voice: voice in quarantine.reasons
    ) as pool:
        for take in takes:
            failed = pool.result(take) if take.key in missing else ""
            reason = quarantine.judge(take, failed)
            samples = None if reason else clips.get(take)
            if samples is None and not reason:
                reason = "its clip is gone from the cache"
            if progress is not None:
                progress(1)
            yield take, samples, reason
