"""Sound to the windows that detectors look at: front end and backbone in a row, from a quiet room on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.backbone import CONTEXT, FEW, LONGEST, REFERENCE, SIZE, Backbone, State, pieces
from edge.events import STEP
from edge.frontend import FRAMES_PER_STEP, FrontEnd

ROLL = 64  # embeddings for which there is room before memory is asked for again

Array = NDArray[np.float32]


class Net(Protocol):
    """A stream from what lies in the `parts` of a front end to embeddings, such as `Backbone`."""

    @property
    def state(self) -> State:
        """A copy of what is kept between steps."""

    def reset(self, state: State | None = None) -> None:
        """Forget the stream, or go back to a `state`."""

    def hear(self, out: Array) -> None:
        """As many hops as there are rows in `out` [k, 96]."""


class Features:
    """Sound to embeddings: front end and backbone in a row, started on a quiet room.

    The first 76 frames of a stream have no past. They are given one: two seconds of very quiet noise, always
    the same, so that every hop has a decision and a word early in a recording can be heard. A hop of exact
    zeros (a muted switch, a noise gate, a sound server with nothing to play) is no room at all, and what
    follows it would be missed: it is taken for the same quiet room.
    """

    def __init__(
        self, name: str = REFERENCE, *, threads: int = 1, net: Callable[[FrontEnd], Net] | None = None,
        most: int = LONGEST,
    ) -> None:
        """The backbone of a name; or another `net`, made behind a front end. No more than `most` hops are
        given at once, which saves memory where that is less than usual."""
        self._front = FrontEnd(at_once=most)
        self._backbone: Net = (Backbone(name, threads=threads, front=self._front, most=most) if net is None
                               else net(self._front))
        hops = quiet_room().reshape(-1, STEP)
        self._quiet = hops[0]
        hops = np.concatenate([hops[: -len(hops) % FEW], hops])  # all that is left of the first is forgotten
        past = np.empty((len(hops), SIZE), np.float32)
        for k in range(0, len(hops), FEW):  # the graph for LONGEST may not be needed
            self._hear(hops[k : k + FEW], past[k : k + FEW])
        self._start = (self._front.history, self._backbone.state, past[-CONTEXT:])
        self.reset()

    def reset(self) -> None:
        """Back to the quiet room."""
        history, state, past = self._start
        self._front.reset(history)
        self._backbone.reset(state)
        self._roll, self._at = past, CONTEXT

    def step(self, samples: Array) -> Array:
        """Samples [k * 1280] at 16 kHz to the windows [k, 16, 96] that a detector looks at, one a hop."""
        steps = len(samples) // STEP
        if self._at + steps > len(self._roll):
            self._unroll(steps)
        row, at = self._roll, self._at
        self._at += steps
        if steps == 1:
            hop = samples[:STEP]
            self._front.frames(hop if hop[0] or hop.any() else self._quiet)
            self._backbone.hear(row[at : at + 1])
            return row[None, at + 1 - CONTEXT : at + 1]
        self._hear(self._inhabited(samples[: steps * STEP].reshape(steps, STEP)), row[at : at + steps])
        number = row.itemsize
        return np.ndarray((steps, CONTEXT, SIZE), np.float32, row, (at + 1 - CONTEXT) * SIZE * number,
                          (SIZE * number, SIZE * number, number))  # windows overlap: nothing is copied

    def _hear(self, hops: Array, out: Array) -> None:
        """Hops [k, 1280] to embeddings in `out` [k, 96]."""
        for at, steps in pieces(len(hops)):
            self._front.frames(hops[at : at + steps].reshape(-1))
            self._backbone.hear(out[at : at + steps])

    def _unroll(self, steps: int) -> None:
        """A new roll of paper, with the past on it, that has room for so many steps. What was written on the
        old one is never written over, so windows may be kept."""
        roll = np.empty((CONTEXT + max(ROLL, steps), SIZE), np.float32)
        roll[:CONTEXT] = self._roll[self._at - CONTEXT : self._at]
        self._roll, self._at = roll, CONTEXT

    def _inhabited(self, hops: Array) -> Array:
        """Hops [k, 1280] with the quiet room in the place of exact zeros. Where no hop begins with a zero,
        which is nearly always so, one look at each is enough."""
        if np.count_nonzero(hops[:, 0]) == len(hops):
            return hops
        nothing = np.logical_not(hops.any(axis=1, keepdims=True))
        return np.where(nothing, self._quiet, hops) if nothing.any() else hops


def quiet_room() -> Array:
    """Two seconds of noise at about -80 dB of full scale, the same on every machine and with every numpy."""
    steps = -(-(76 + CONTEXT * FRAMES_PER_STEP) // FRAMES_PER_STEP)
    noise = np.random.RandomState(0).standard_normal(steps * STEP)
    return (noise * 1e-4).astype(np.float32)
