"""The lazy gate: the listener does no more than it must to hear the same words.

There are three levels. In steady noise, however loud, only `Stir` looks whether anything stirs. Where it
does, the rough ear listens (see `edge/rough.py`): a small student of the backbone, with the same detectors.
Only where it brings a detector within reach of its threshold the listener itself is woken. Hops are kept, the
last 2.6 seconds of them; they are what the backbone is given first, so that its state and every decision from
there on, beginning some hops before the one that woke it, are the same as if it had heard all along. What is
left out are decisions on noise that went on as it was and on sounds that are nowhere near a word. Where a
bundle hears through a backbone that has no student, the level in the middle is missing.

Hops are taken three at a time, because the second and the third cost less than the first; what is heard in
the first is heard two hops later. A word is not told of so late: from where a detector comes near its
threshold on, each hop is taken at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.backbone import FEW
from edge.events import STEP, Heard
from edge.listener import Listener
from edge.rough import RoughEar
from edge.sessions import give_back
from edge.stir import Stir

Array = NDArray[np.float32]

CONTEXT_HOPS = 24  # before the one that is decided: its 16 embeddings look back 15 hops, and 76 frames more
BEFORE_HOPS = 8  # are decided on before those in which the rough ear heard something: it may be late
ROOM = 2 * (CONTEXT_HOPS + BEFORE_HOPS)  # hops for which there is paper, so that it is seldom turned
NEAR = -10.0  # a margin above this, as a logit: a word may come, and is not kept waiting
CALM = -1.5  # a margin above this keeps the listener awake in steady noise
FAR_HOPS = 8  # so many hops below its level, and the rough ear takes over; each time that this was too early
FURTHEST_HOPS = 16 * FAR_HOPS  # twice as many, up to so many

CLOSED, ROUGHLY, AWAKE = range(3)


class LazyListener:
    """Hears what its listener hears, but for less. State: hops that have not been heard."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._stir, self._rough = listener, Stir(), RoughEar.of(listener)
        self._paper = np.zeros(ROOM * STEP, np.float32)
        self._forget()
        give_back()

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
        """Whether nothing stirs and nobody listens."""
        return self._level == CLOSED

    @property
    def awake(self) -> bool:
        """Whether the backbone itself listens."""
        return self._level == AWAKE

    @property
    def kept(self) -> int:
        """How many samples have not been heard, or may be needed once more."""
        return self._end - self._first

    def _forget(self) -> None:
        self._first = self._heard = self._new = self._end = 0
        """on the paper: what is kept, what was not heard, what was not looked at, the end"""
        self._roughly_heard = -1  # up to where the rough ear has heard; before `_first`: it has to begin anew
        self._left_out = 0  # hops before `_heard` that were not heard and are no longer kept
        self._quiet = self._calm = self._far = 0  # hops since the last stir, and since a margin was high
        self._patience, self._since = FAR_HOPS, 0  # of `_far`; hops since the listener went to rest
        self._at_once, self._level = FEW, AWAKE
        if self._rough is not None:
            self._listen_roughly(self._rough, 0)

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
        word = self._listener.shed()
        if word is not None:
            self._rough = RoughEar.of(self._listener)
            self._wake(self._new)  # all levels but this one may be others now
        return word

    def step(self, samples: Array) -> list[Heard]:
        """Samples [n], full scale -1..1, to what was heard, mostly at most two hops later than without the
        gate: later only where the rough ear was late."""
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
            first, kept = self._first, self._paper[self._first : self._end].copy()
            self._first, self._heard, self._new = 0, self._heard - first, self._new - first
            self._roughly_heard, self._end = self._roughly_heard - first, len(kept)
            self._paper[: self._end] = kept
        self._paper[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def _look(self, hops: int) -> list[Heard]:
        """What is heard in the next hops, by whoever has to listen."""
        start, self._new = self._new, self._new + hops * STEP
        stirs = self._stir.step(self._paper[start : self._new])
        for one in stirs:
            self._quiet = 0 if one else self._quiet + 1
        self._since += hops
        if self._level == CLOSED and any(stirs):
            self._wake(start) if self._rough is None else self._listen_roughly(self._rough, start)
        if self._level == ROUGHLY and self._rough is not None:
            self._ask(self._rough, start)
        heard = self._hear() if self._level == AWAKE else []
        self._leave_out()
        return heard

    def _ask(self, rough: RoughEar, start: int) -> None:
        """Wake the listener if the rough ear hears anything in the hops that begin at `start`."""
        self._roughly_heard = self._new
        if rough.step(self._paper[start : self._new]) > 0:
            soon = self._since <= CONTEXT_HOPS
            self._patience = min(2 * self._patience, FURTHEST_HOPS) if soon else FAR_HOPS
            self._wake(start - BEFORE_HOPS * STEP)
        elif self._quiet >= CONTEXT_HOPS:
            self._level = CLOSED

    def _listen_roughly(self, rough: RoughEar, start: int) -> None:
        """The rough ear is brought to where it would be before the hops that begin at `start`."""
        self._level, self._at_once = ROUGHLY, FEW
        oldest = max(self._first, start - CONTEXT_HOPS * STEP)
        if self._roughly_heard < oldest:
            rough.begin(self._paper[oldest:start])
        else:
            rough.go_on(self._paper[self._roughly_heard : start])
        self._roughly_heard = start

    def _wake(self, start: int) -> None:
        """Bring the listener to where it would be before the hops that begin at `start`, or before the first
        that it has not heard."""
        self._level = AWAKE
        self._calm = self._far = 0
        if self._left_out:
            context = self._paper[self._heard : max(start, self._heard)]
            self._listener.skip(self._left_out + len(context) // STEP, context)
            self._heard, self._left_out = self._heard + len(context), 0

    def _hear(self) -> list[Heard]:
        """What the listener hears in all that it has not heard, and who listens from there on."""
        heard: list[Heard] = []
        while self._heard < self._new:  # more than a few where it has just been woken
            end = min(self._heard + FEW * STEP, self._new)
            heard += self._listener.step(self._paper[self._heard : end])
            self._heard = end
            level = NEAR if self._rough is None else self._rough.level
            for margin in self._listener.margins:
                self._calm = self._calm + 1 if margin < CALM else 0
                self._far = self._far + 1 if margin < level else 0
        self._at_once = 1 if self._listener.margins[-1] > NEAR else FEW
        if self._listener.armed:
            if min(self._quiet, self._calm) >= CONTEXT_HOPS:
                self._level, self._at_once = CLOSED, FEW
            elif self._rough is not None and self._far >= self._patience:
                self._since = 0
                self._listen_roughly(self._rough, self._new)
        return heard

    def _leave_out(self) -> None:
        """Of the kept hops, those that nothing depends on any more."""
        kept = CONTEXT_HOPS + (0 if self._rough is None else BEFORE_HOPS)
        spare = (self._new - self._first) // STEP - kept
        if spare > 0:
            self._first += spare * STEP
            self._left_out += max(0, self._first - self._heard) // STEP
            self._heard = max(self._heard, self._first)
