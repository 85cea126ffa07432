"""The lazy gate: in silence the listener does nothing but look whether anything stirs.

Hops are taken three at a time, because the second and the third cost less than the first; what is heard in
the first is heard two hops later. A word is not told of so late: from where a detector comes near its
threshold on, each hop is taken at once. Two seconds after the last stir (all that a decision can depend on is
steady noise by then), if no detector came near its threshold meanwhile, the gate closes: hops are only kept,
the last two seconds of them. When something stirs again these are what the backbone is given first, so that
its state and every decision from there on are the same as if it had heard all along. What is left out are
decisions on noise that went on as it was, which the same detectors have just heard for two seconds without a
sign.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.backbone import FEW
from edge.events import STEP, Heard
from edge.listener import Listener
from edge.stir import Stir

Array = NDArray[np.float32]

CONTEXT_HOPS = 24  # before the one that is decided: its 16 embeddings look back 15 hops, and 76 frames more
ROOM = 3 * CONTEXT_HOPS  # hops for which there is paper, so that it is seldom turned
NEAR = -10.0  # a margin above this, as a logit: a word may come, and is not kept waiting
CALM = -1.5  # a margin above this keeps the gate open


class LazyListener:
    """Hears what its listener hears, but for less. State: hops that have not been heard."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._stir = listener, Stir()
        self._paper = np.zeros(ROOM * STEP, np.float32)
        self._forget()

    @property
    def words(self) -> tuple[str, ...]:
        """The words that can be heard."""
        return self._listener.words

    @property
    def health(self) -> str:
        """How many members answer, as "3/4"."""
        return self._listener.health

    @property
    def closed(self) -> bool:
        """Whether the backbone rests."""
        return self._closed

    @property
    def kept(self) -> int:
        """How many samples have not been heard, or may be needed once more."""
        return self._end - self._first

    def _forget(self) -> None:
        self._first = self._new = self._end = 0  # on the paper: what is kept, what was not looked at, the end
        self._closed, self._left_out = False, 0
        self._quiet = self._calm = 0  # hops since the last stir, and since a margin was high
        self._at_once = FEW

    def reset(self) -> None:
        """Forget the stream and start again at 0 s in a quiet room."""
        self._listener.reset()
        self._stir.reset()
        self._forget()

    def raise_by(self, raised: Callable[[float], float]) -> None:
        """See Listener."""
        self._listener.raise_by(raised)

    def shed(self) -> str | None:
        """Give up the costliest bundle; see Listener."""
        return self._listener.shed()

    def step(self, samples: Array) -> list[Heard]:
        """Samples [n], full scale -1..1, to what was heard, at most two hops later than without the gate."""
        heard: list[Heard] = []
        while len(samples):
            wanted = self._at_once * STEP - (self._end - self._new)
            self._write(samples[:wanted])
            if len(samples) >= wanted:
                heard += self._look(self._at_once)
            samples = samples[wanted:]
        return heard

    def flush(self) -> list[Heard]:
        """What is heard in the hops that wait for others, because the stream ends here."""
        hops = (self._end - self._new) // STEP
        return self._look(hops) if hops else []

    def _write(self, samples: Array) -> None:
        """Behind what is there; where the paper ends, on its other side."""
        if self._end + len(samples) > len(self._paper):
            kept = self._paper[self._first : self._end].copy()
            self._new, self._end = self._new - self._first, len(kept)
            self._first = 0
            self._paper[: self._end] = kept
        self._paper[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def _look(self, hops: int) -> list[Heard]:
        """What is heard in the next hops, if anything stirs there or the gate is open."""
        start, self._new = self._new, self._new + hops * STEP
        stirs = self._stir.step(self._paper[start : self._new])
        for one in stirs:
            self._quiet = 0 if one else self._quiet + 1
        if self._closed:
            if not any(stirs):
                self._leave_out()
                return []
            self._open(start)
        heard: list[Heard] = []
        while self._first < self._new:  # more than a few where the gate was closed for a moment only
            end = min(self._first + FEW * STEP, self._new)
            heard += self._listener.step(self._paper[self._first : end])
            self._first = end
            for margin in self._listener.margins:
                self._calm = self._calm + 1 if margin < CALM else 0
        self._at_once = 1 if self._listener.margins[-1] > NEAR else FEW
        self._closed = min(self._quiet, self._calm) >= CONTEXT_HOPS and self._listener.armed
        return heard

    def _leave_out(self) -> None:
        """Of the kept hops, those that nothing depends on any more."""
        spare = (self._new - self._first) // STEP - CONTEXT_HOPS
        if spare > 0:
            self._left_out += spare
            self._first += spare * STEP

    def _open(self, start: int) -> None:
        """Bring the listener to where it would be before the hops that begin at `start`."""
        self._closed = False
        if self._left_out:
            context = self._paper[self._first : start]
            self._listener.skip(self._left_out + len(context) // STEP, context)
            self._first, self._left_out = start, 0
