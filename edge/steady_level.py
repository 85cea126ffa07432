"""Takes away a constant that cheap sound cards add to every sample; the detectors were never told of one.

A cheap converter's zero can be a tenth of full scale off. Sound without such a fault is given back as it is,
bit for bit: the mean of a second or two of speech is far below what counts as one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FOLLOWS_S = 2.0  # how long the mean is taken over
KNOWN_S = 0.5  # before that it says little
FAULT = 0.004  # of full scale: 130 steps of 16 bits
GONE = 0.002


class SteadyLevel:
    """`step` gives the samples without their constant, where there is one worth it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new stream."""
        self.mean, self.faulty = 0.0, False
        self._known_s = 0.0

    def step(self, samples: Samples, rate_hz: int) -> Samples:
        """Samples [n], which must be finite, to samples [n]."""
        if not len(samples):
            return samples
        length_s = len(samples) / rate_hz
        self._known_s = min(self._known_s + length_s, FOLLOWS_S)
        share = min(1.0, length_s / self._known_s)
        self.mean += share * (float(np.add.reduce(samples)) / len(samples) - self.mean)
        if self._known_s >= KNOWN_S:
            self.faulty = abs(self.mean) > (GONE if self.faulty else FAULT)
        return samples - np.float32(self.mean) if self.faulty else samples
