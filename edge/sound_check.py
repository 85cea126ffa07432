"""Notices a microphone that gives sound which is no sound: muted, stuck, or far too loud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEAF_S = 60.0  # no room is silent to the last bit for so long
LOUD_S = 10.0
CLIPPED = 0.999
LOUD_SHARE = 0.01


class SoundCheck:
    """Counts, per stream. `deaf` tells whether every sample of the last minute was the same."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new stream."""
        self.deaf = False
        self._stuck_s = 0.0
        self._last = 0.0
        self._checked_s = 0.0
        self._clipped = self._samples = 0

    def step(self, samples: NDArray[np.float32], rate_hz: int) -> str:
        """Mono samples [n]; gives advice where more than 1 % of 10 s was clipped, else nothing."""
        if not len(samples):
            return ""
        low, high = float(samples.min()), float(samples.max())
        if low == high == self._last:
            self._stuck_s += len(samples) / rate_hz
        else:
            self._stuck_s = 0.0
        self._last = float(samples[-1])
        self.deaf = self._stuck_s >= DEAF_S
        return self._loudness(samples, max(-low, high), rate_hz)

    def _loudness(self, samples: NDArray[np.float32], peak: float, rate_hz: int) -> str:
        self._samples += len(samples)
        if peak >= CLIPPED:
            self._clipped += int(np.count_nonzero(np.abs(samples) >= CLIPPED))
        if self._samples < LOUD_S * rate_hz:
            return ""
        share = self._clipped / self._samples
        self._clipped = self._samples = 0
        if share <= LOUD_SHARE:
            return ""
        return f"{share:.0%} of the samples are clipped; turn the microphone's gain down (alsamixer, F4)"
