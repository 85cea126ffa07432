"""Whether anything stirs in the room: what lets the listener leave the backbone alone in silence.

The measure is the power of the loudest 40 ms of a hop in two bands: about 0.5 to 2 kHz, where a voice stands
highest above the hiss of a microphone, and everything with its lows taken away, for what hisses itself. Hum
and rumble are in neither. A hop stirs where either band lies 3 dB above the quietest hop of the last four
seconds: noise that goes on as it is, of any loudness, does not stir (two minutes of white, pink and brown
noise and of hum: 1 hop in 1,000 at most); whatever begins in it does; and what stops makes the room quieter
at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S, STEP

Array = NDArray[np.float32]

PIECES = 2  # of a hop, 40 ms each
FEWER = 4  # samples that are added up to one, which leaves what is below 2 kHz
RISE = 2.0  # in power
LEAST = 1e-12  # about -120 dB of full scale: below it there is nothing
SLOT_HOPS = round(1.0 / HOP_S)
SLOTS = 4  # of a second each

NOTHING_YET = math.inf, math.inf

_ONES = np.ones(FEWER, np.float32)


class Stir:
    """State: the quietest hop of each of the last four seconds, and the last samples."""

    def __init__(self) -> None:
        self._before = np.zeros(FEWER, np.float32)
        self.reset()

    def reset(self) -> None:
        """Another room: what is heard next stirs until it is known how quiet it is here."""
        self._slots = [NOTHING_YET] * SLOTS
        self._middle, self._highs = self._least = NOTHING_YET  # of this slot, and of those before
        self._hops = 0
        self._before[:] = 0

    def step(self, hops: Array) -> list[bool]:
        """Samples [k * 1280]: whether anything stirs in each hop of them. Several at once cost little more
        than one."""
        middle, highs = self._bands(hops)
        return [self._stirs(*bands) for bands in zip(_loudest(middle), _loudest(highs), strict=True)]

    def _stirs(self, middle: float, highs: float) -> bool:
        """Of one hop, by the power of its bands. What is no number is never steady, and never the least."""
        if self._hops % SLOT_HOPS == 0:
            self._slots = [*self._slots[2 - SLOTS :], (self._middle, self._highs)]
            self._middle, self._highs = NOTHING_YET
            self._least = min(one for one, _ in self._slots), min(one for _, one in self._slots)
        self._hops += 1
        self._middle, self._highs = min(self._middle, middle), min(self._highs, highs)
        low, high = self._least
        steady = (middle <= RISE * max(min(low, self._middle), LEAST)
                  and highs <= RISE * max(min(high, self._highs), LEAST))
        return self._hops <= SLOT_HOPS or not steady

    def _bands(self, hops: Array) -> tuple[Array, Array]:
        """The middle band [k, 320], at a quarter of the rate, and the highs [k, 1280]."""
        count = len(hops) // STEP
        sound = np.concatenate([self._before, hops])
        self._before[:] = hops[-FEWER:]
        lows = sound.reshape(-1, FEWER).dot(_ONES)
        middle, highs = lows[1:] - lows[:-1], sound[FEWER:] - sound[FEWER - 1 : -1]
        return middle.reshape(count, -1), highs.reshape(count, -1)


def _loudest(band: Array) -> list[float]:
    """The power of the loudest 40 ms of each hop of a band [k, n], over that of a full-scale hop or so. What
    is no number is the loudest."""
    parts = band.reshape(len(band) * PIECES, 1, -1)
    powers = np.matmul(parts, parts.transpose(0, 2, 1)).ravel().tolist()
    return [(other if one < other or math.isnan(other) else one) / STEP
            for one, other in zip(powers[::PIECES], powers[1::PIECES], strict=True)]
