"""What our own ears would make of what we are about to say.

A line is scored before it sounds, by detectors of the same bundles with a state of their own, in the thread
that speaks: nothing of it is on the way of hearing. A line that was said before is not scored again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S, RATE_HZ, STEP
from edge.listener import Listener
from edge.resample import at_16_khz

Samples = NDArray[np.float32]

PHASES = (0, STEP // 2)  # a hop may begin anywhere in the line; two places differ by up to 2 logits
AFTER_S = 1.2  # a word is recognised up to so long after its end
MOST = 256  # lines that are remembered, some 100 kB


@dataclass(frozen=True)
class Own:
    """A line, and how near it comes to waking us."""

    sound: Samples
    """[n] at 16 kHz"""
    margins: Samples
    """of every hop, to `AFTER_S` after the end: the largest logit above its threshold"""
    score: float
    """the largest of them"""
    word: str = ""
    """the word that it was nearest to"""
    member: str = ""
    """the member that was"""

    @property
    def wakes(self) -> bool:
        """Whether it would wake us."""
        return self.score >= 0

    @property
    def at_s(self) -> float:
        """When in the line that was."""
        return int(np.argmax(self.margins)) * HOP_S

    def near(self, from_s: float, to_s: float) -> float:
        """The largest margin in this part of the line; -inf where nothing of it sounds."""
        part = self.margins[max(0, int(from_s / HOP_S)) : max(0, int(np.ceil(to_s / HOP_S)))]
        return float(part.max()) if len(part) else -float("inf")


class OwnVoice:
    """Scores lines with a listener that hears nothing else."""

    def __init__(self, make: Callable[[], Listener]) -> None:
        """`make` is called when the first line is scored: who never speaks needs no second one."""
        self._make = make
        self._listener: Listener | None = None
        self._known: OrderedDict[bytes, Own] = OrderedDict()

    def score(self, sound: Samples, rate_hz: int) -> Own:
        """A line [n], full scale -1..1."""
        sound = at_16_khz(sound, rate_hz)
        key = hashlib.sha256(np.ascontiguousarray(sound).data).digest()
        if key in self._known:
            self._known.move_to_end(key)
        else:
            self._known[key] = self._scored(sound)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        known = self._known[key]
        return Own(sound, known.margins, known.score, known.word, known.member)

    def _scored(self, sound: Samples) -> Own:
        if self._listener is None:
            self._listener = self._make()
        listener, ensembles = self._listener, self._listener.ensembles
        hops = int(np.ceil((len(sound) / RATE_HZ + AFTER_S) / HOP_S))
        margins = np.full(hops, -np.inf, np.float32)
        best = Own(sound[:0], margins, -float("inf"))
        for phase in PHASES:
            listener.reset()
            padded = np.zeros((hops, STEP), np.float32)
            padded.reshape(-1)[phase : phase + len(sound)] = sound
            for hop, samples in enumerate(padded):
                listener.step(samples)
                nearest = max(ensembles, key=lambda ensemble: ensemble.margin)
                margins[hop] = max(margins[hop], nearest.margin)
                if nearest.margin > best.score:
                    best = Own(best.sound, margins, nearest.margin, nearest.word, nearest.closest)
        return best
