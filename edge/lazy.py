"""The lazy gate: in silence the listener does nothing but look whether anything stirs.

While something stirs, hops are heard two at a time: the second costs less, and the first is heard 80 ms
later. Two seconds after the last stir (all that a decision can depend on is steady noise by then), if no
detector came near its threshold meanwhile, the gate closes: hops are only kept, the last two seconds of them.
When something stirs again these are what the backbone is given first, so that its state and every decision
from there on are the same as if it had heard all along. What is left out are decisions on noise that went on
as it was, which the same detectors have just heard for two seconds without a sign.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.events import STEP, Heard
from edge.listener import Listener
from edge.stir import Stir

Array = NDArray[np.float32]

AT_ONCE = 2  # hops that are heard together
CONTEXT_HOPS = 24  # before the one that is decided: its 16 embeddings look back 15 hops, and 76 frames more
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
    def health(self) -> str:
        """How many members answer, as "3/4"."""
        return self._listener.health

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

    def raise_by(self, raised: Callable[[float], float]) -> None:
        """See Listener."""
        self._listener.raise_by(raised)

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
        return [] if self._closed else self._heard(len(self._kept))

    def _hop(self, hop: Array) -> list[Heard]:
        stirs = self._stir.step(hop)
        self._quiet = 0 if stirs else self._quiet + 1
        self._kept.append(hop.copy())
        if self._closed:
            if not stirs:
                self._leave_out()
                return []
            self._open()
        heard = self._heard(len(self._kept) // AT_ONCE * AT_ONCE)
        if not self._kept and min(self._quiet, self._calm) >= CONTEXT_HOPS:
            self._closed = self._listener.armed
        return heard

    def _heard(self, hops: int) -> list[Heard]:
        """What is heard in the first of the kept hops."""
        heard: list[Heard] = []
        for start in range(0, hops, AT_ONCE):
            heard += self._listener.step(np.concatenate(self._kept[start : min(start + AT_ONCE, hops)]))
            for margin in self._listener.margins:
                self._calm = self._calm + 1 if margin < CALM else 0
        del self._kept[:hops]
        return heard

    def _leave_out(self) -> None:
        """Of the kept hops, those that nothing depends on any more."""
        if len(self._kept) > CONTEXT_HOPS + 1:
            self._left_out += 1
            del self._kept[0]

    def _open(self) -> None:
        """Bring the listener to where it would be before the last two of the kept hops."""
        self._closed = False
        if self._left_out:
            context = np.concatenate(self._kept[:-AT_ONCE])
            self._listener.skip(self._left_out + len(self._kept) - AT_ONCE, context)
            self._kept, self._left_out = self._kept[-AT_ONCE:], 0
