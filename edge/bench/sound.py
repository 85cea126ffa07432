"""What the benchmark listens to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.events import RATE_HZ, STEP
from edge.replay import samples_of
from edge.resample import Resampler

MICROPHONE_HZ = 48_000  # what most USB microphones give
KINDS = ("golden", "noise", "quiet")
NOISE_S = 10.0
NOISE_DB, QUIET_DB = -30.0, -70.0  # of full scale: a loud room, and one with nobody in it


@dataclass(frozen=True)
class Sound:
    """A recording that begins again when it is over."""

    name: str
    """in words"""
    hops: NDArray[np.float32]
    """[K, 1280] at 16 kHz"""

    def hop(self, number: int) -> NDArray[np.float32]:
        """The samples [1280] of a hop."""
        row: NDArray[np.float32] = self.hops[number % len(self.hops)]
        return row

    def at_microphone(self) -> NDArray[np.float32]:
        """The same [K, 3840] as a microphone of 48 kHz gives it."""
        up = Resampler(RATE_HZ, MICROPHONE_HZ)
        row = np.concatenate([up.step(self.hops.reshape(-1)), up.flush()])
        return row[: len(self.hops) * STEP * MICROPHONE_HZ // RATE_HZ].reshape(len(self.hops), -1)


def room(level_db: float, seconds: float = NOISE_S) -> NDArray[np.float32]:
    """White noise [n] of whole hops at so many dB of full scale, always the same."""
    noise = np.random.RandomState(0).standard_normal(int(seconds * RATE_HZ) // STEP * STEP)
    return (noise * 10 ** (level_db / 20)).astype(np.float32)


def sound_of(asked: str, bundles: Sequence[Bundle]) -> Sound:
    """`golden` (the first bundle's own recording), `noise`, `quiet`, or a wav file. Raises WavError."""
    if asked == "golden":
        for bundle in bundles:
            if bundle.manifest.golden and bundle.path.is_dir():
                file = bundle.path / bundle.manifest.golden.file
                name = f"{bundle.path.name}/{file.name}, the recording that the bundle was checked with"
                return _looped(name, samples_of(file))
        asked = "noise"  # a single .onnx file has no recording
    if asked in KINDS:
        level_db = NOISE_DB if asked == "noise" else QUIET_DB
        return _looped(f"white noise at {level_db:g} dB of full scale", room(level_db))
    return _looped(asked, samples_of(asked))


def _looped(name: str, samples: NDArray[np.float32]) -> Sound:
    if not len(samples):
        samples = room(QUIET_DB)
        name += " (empty: a quiet room in its place)"
    return Sound(f"{name} ({len(samples) / RATE_HZ:.1f} s, again and again)", samples.reshape(-1, STEP))
