"""Notices a microphone that gives sound which is no sound: muted, stuck, or far too loud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEAF_S = 60.0  # no room is silent to the last bit for so long
ONE_BIT = 1.1 / 32_768  # a converter that flips its last bit hears nothing either
LOUD_S = 10.0
CLIPPED = 0.999
LOUD_SHARE = 0.01


class SoundCheck:
    """Counts, per stream. `deaf` tells whether the last minute held no sound: all of it one value (zeros of a
    muted microphone, or a value that is stuck) give or take the last bit, or one piece again and again."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new stream."""
        self.deaf = False
        self._still_s = self._same_s = 0.0
        self._low, self._high = np.inf, -np.inf  # while it is still
        self._piece = (0.0, 0.0, 0.0)
        self._clipped = self._samples = 0

    def step(self, samples: NDArray[np.float32], rate_hz: int) -> str:
        """Mono samples [n]; gives advice where more than 1 % of 10 s was clipped, else nothing."""
        if not len(samples):
            return ""
        low, high, length_s = float(samples.min()), float(samples.max()), len(samples) / rate_hz
        self._low, self._high = min(self._low, low), max(self._high, high)
        if self._high - self._low <= ONE_BIT:
            self._still_s += length_s
        else:
            self._still_s, self._low, self._high = 0.0, low, high
        piece = (low, high, float(samples[-1]))
        self._same_s = self._same_s + length_s if piece == self._piece else 0.0
        self._piece = piece
        self.deaf = self._still_s >= DEAF_S or self._same_s >= DEAF_S
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
