"""The lazy gate: in silence the listener does nothing but look whether anything stirs.

While something stirs, hops are heard two at a time: the second costs less, and the first is heard 80 ms
later. Two seconds after the last stir (all that a decision can depend on is steady noise by then), if no
detector came near its threshold meanwhile, the gate closes: hops are only kept, the last two seconds of them.
When something stirs again these are what the backbone is given first, so that its state and every decision
from there on are the same as if it had heard all along. What is left out are decisions on noise that went on
as it was, which the same detectors have just heard for two seconds without a sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.events import STEP, Heard
from edge.listener import Listener
from edge.stir import Stir

Array = NDArray[np.float32]

AT_ONCE = 2  # hops that are heard together
CONTEXT_HOPS = 25  # what a decision depends on: 16 embeddings of 76 frames each are 24 hops and a bit
CALM = -1.5  # a margin above this, as a logit, keeps the gate open


class LazyListener:
    """Hears what its listener hears, but for less. State: hops that have not been heard."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._stir = listener, Stir()
        self._rest = np.zeros(0, np.float32)
        self._forget()

    @property
    def words(self) -> tuple[str, ...]:
        """The words that can be heard."""
        return self._listener.words

    @property
    def closed(self) -> bool:
        """Whether the backbone rests."""
        return self._closed

    def _forget(self) -> None:
        self._kept: list[Array] = []
        self._closed, self._left_out = False, 0
        self._quiet = self._calm = 0  # hops since the last stir, and since a margin was high

    def reset(self) -> None:
        """Forget the stream and start again at 0 s in a quiet room."""
        self._listener.reset()
        self._stir.reset()
        self._rest = np.zeros(0, np.float32)
        self._forget()

    def shed(self) -> str | None:
        """Give up the costliest bundle; see Listener."""
        return self._listener.shed()

    def step(self, samples: Array) -> list[Heard]:
        """Samples [n], full scale -1..1, to what was heard, at most one hop later than without the gate."""
        sound = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(sound) // STEP * STEP
        self._rest = sound[whole:].copy()
        return [heard for hop in sound[:whole].reshape(-1, STEP) for heard in self._hop(hop)]

    def flush(self) -> list[Heard]:
        """What is heard in the hop that waits for its second, because the stream ends here."""
        return [] if self._closed else self._heard()

    def _hop(self, hop: Array) -> list[Heard]:
        stirs = self._stir.step(hop)
        self._quiet = 0 if stirs else self._quiet + 1
        self._kept.append(hop.copy())
        if self._closed:
            if not stirs:
                self._leave_out()
                return []
            self._open()
        elif len(self._kept) < AT_ONCE:
            return []
        heard = self._heard()
        self._closed = min(self._quiet, self._calm) >= CONTEXT_HOPS and self._listener.armed
        return heard

    def _heard(self) -> list[Heard]:
        if not self._kept:
            return []
        heard = self._listener.step(np.concatenate(self._kept))
        self._kept = []
        for margin in self._listener.margins:
            self._calm = self._calm + 1 if margin < CALM else 0
        return heard

    def _leave_out(self) -> None:
        """Of the kept hops, those that nothing depends on any more."""
        if len(self._kept) > CONTEXT_HOPS:
            self._left_out += 1
            del self._kept[0]

    def _open(self) -> None:
        """Bring the listener to the hop before the last one kept."""
        self._closed = False
        if self._left_out:
            context = np.concatenate(self._kept[:-1])
            self._listener.skip(self._left_out + len(self._kept) - 1, context)
            self._kept, self._left_out = self._kept[-1:], 0
