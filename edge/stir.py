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

_ONES = np.ones(FEWER, np.float32)


class Stir:
    """State: the quietest hop of each of the last four seconds, and the last sample."""

    def __init__(self) -> None:
        self._highs = np.zeros(STEP, np.float32)
        self._lows = np.zeros(1 + STEP // FEWER, np.float32)  # the last one of the hop before comes first
        self._middle = np.zeros(STEP // FEWER, np.float32)
        self.reset()

    def reset(self) -> None:
        """Another room: what is heard next stirs until it is known how quiet it is here."""
        self._least: list[tuple[float, ...]] = []
        self._hops = 0
        self._last = np.float32(0)
        self._lows[:] = 0

    def step(self, hop: Array) -> bool:
        """Samples [1280]: whether anything stirs in them."""
        bands = self._loudness(hop)
        if self._hops % SLOT_HOPS == 0:
            self._least = [*self._least[1 - SLOTS :], bands]
        self._hops += 1
        self._least[-1] = tuple(map(min, self._least[-1], bands))
        floors = map(min, *self._least) if len(self._least) > 1 else self._least[0]
        steady = all(band <= RISE * max(floor, LEAST) for band, floor in zip(bands, floors, strict=True))
        return self._hops <= SLOT_HOPS or not steady  # what is no number is never steady

    def _loudness(self, hop: Array) -> tuple[float, ...]:
        """The power of the loudest 40 ms in both bands, over that of a full-scale hop or so."""
        highs, lows, middle = self._highs, self._lows, self._middle
        np.subtract(hop[1:], hop[:-1], out=highs[1:])
        highs[0] = hop[0] - self._last
        self._last = hop[-1]
        np.dot(hop.reshape(-1, FEWER), _ONES, out=lows[1:])
        np.subtract(lows[1:], lows[:-1], out=middle)
        lows[0] = lows[-1]
        return _loudest(middle), _loudest(highs)


def _loudest(band: Array) -> float:
    """Of the two pieces of a band. What is no number is the loudest."""
    half = len(band) // PIECES
    one, other = float(band[:half].dot(band[:half])), float(band[half:].dot(band[half:]))
    return (other if one < other or math.isnan(other) else one) / STEP
