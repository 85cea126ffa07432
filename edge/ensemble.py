"""The OR ensemble: logits of the members to one decision a hop, with refractory time and hysteresis.

A member that answers NaN or infinity is left out of the hop, so that it can neither wake anyone nor hide the
others: the OR is `any(logit >= threshold)`, never a maximum over numbers that may not be numbers.
"""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S, Heard

log = logging.getLogger(__name__)

NOTHING = -100.0  # the margin of a hop at which no member had an answer
MANY = 16  # members for which arrays are quicker than a list of floats
STUCK_HOPS = int(20 / HOP_S)  # a member that says exactly the same for 20 s does not listen


def at_rest(_: float) -> float:
    """The thresholds as they are."""
    return 0.0


class Ensemble:
    """Decides for one word. A held or repeated score is one event: the ensemble is armed again only when the
    margin has fallen `release` below zero and `refractory_s` have passed."""

    def __init__(
        self,
        word: str,
        names: Sequence[str],
        thresholds: NDArray[np.float32],
        *,
        refractory_s: float = 1.0,
        release: float = 1.0,
        offset: float = 0.0,
    ) -> None:
        """`thresholds` [N] and `offset`, which is added to all of them, are logits."""
        self.word, self.names = word, tuple(names)
        self._thresholds = np.asarray(thresholds, np.float32) + np.float32(offset)
        self._refractory_s, self._release = refractory_s, release
        self.raised: Callable[[float], float] = at_rest
        """how far above its threshold a score must be at this time, in logits: more while we speak"""
        self.again = self.short = False
        """of the last event: whether it was told of before as not enough; whether it is not enough yet"""
        self.quarantined: set[int] = set()
        self._faults = np.zeros(len(self.names), np.int64)
        self._same = np.zeros(len(self.names), np.int64)
        self._plain: list[float] = self._thresholds.tolist()
        self._said: list[float] | NDArray[np.float32] = [0.0] * len(self.names)  # a hop ago
        self._over: NDArray[np.float32] | None = np.zeros(len(self.names), np.float32)
        """how far above its threshold each was at the hop before, if that was worked out"""
        self.reset()

    def nearest(self, logits: NDArray[np.float32]) -> float:
        """The largest margin of logits [k, N] over all hops and the members that are well, NaN where one of
        them gives no number. Nothing is decided and nothing remembered."""
        over = logits - self._thresholds
        if self.quarantined:
            over = np.delete(over, list(self.quarantined), axis=1)
        return float(over.max(initial=NOTHING))

    def reset(self) -> None:
        """Forget the stream, but not which members are ill."""
        self.armed, self._heard_s = True, -float("inf")
        self.again = self.short = False
        self._same[:] = 0
        self._seen = self._counting = False  # was there a hop before, and does any member repeat itself
        self.margin = NOTHING

    @property
    def closest(self) -> str:
        """The member that was nearest to its threshold, or furthest above it, at the last hop."""
        return self.names[int(self._each().argmax())]

    @property
    def health(self) -> str:
        """How many members answer, as "3/4"."""
        return f"{len(self.names) - len(self.quarantined)}/{len(self.names)}"

    def told(self) -> list[dict[str, Any]]:
        """What each member said at the last hop: name, logit (None where it does not count), threshold and
        margin."""
        rows = zip(self.names, self._each().tolist(), self._thresholds.tolist(), strict=True)
        return [{"name": name, "logit": None if over <= NOTHING else round(over + threshold, 4),
                 "threshold": round(threshold, 4), "margin": round(over, 4)}
                for name, over, threshold in rows]

    def step(self, logits: NDArray[np.float32], time_s: float, *, fresh: bool = True) -> Heard | None:
        """Logits [N] of the hop that ends at `time_s` to an event, or None. `margin` is what decided. Where
        the embeddings are the same as a hop ago (digital silence) they are not `fresh`, and a member that
        says the same of them is not stuck."""
        said = logits.tolist() if len(self.names) < MANY else logits.copy()
        well = self._well(said, fresh=fresh)
        if well and isinstance(said, list):  # nearly always: then no array is touched at all
            self._over = None
            best = max(map(operator.sub, said, self._plain))
        else:
            over = logits - self._thresholds
            if not well:
                over = np.where(self._healthy(logits, fresh=fresh), np.maximum(over, NOTHING), NOTHING)
            self._over, best = over, float(over[over.argmax()])
        self._said, self._seen = said, True
        self.margin = max(NOTHING, best)
        if self.margin < -self._release and time_s - self._heard_s >= self._refractory_s:
            self.armed = True
        if self.margin < 0 or not (self.armed or self.short):
            return None
        raised = self.raised(time_s)
        if not self.armed and self.margin < raised:
            return None
        self.again = not self.armed
        self.short = self.margin < raised < float("inf")  # told of, but it may still become enough
        self.armed, self._heard_s = False, time_s
        members = tuple(self.names[i] for i in np.flatnonzero(self._each() >= 0))
        return Heard(round(time_s, 3), self.word, self.closest, round(self.margin, 4), members)

    def _each(self) -> NDArray[np.float32]:
        """How far above its threshold each member was at the last hop [N]."""
        if self._over is None:
            self._over = np.asarray(self._said, np.float32) - self._thresholds
        return self._over

    def _well(self, said: list[float] | NDArray[np.float32], *, fresh: bool) -> bool:
        """Whether there is nothing to count: all answers are numbers, none is that of the hop before, and all
        members have been well so far. It is nearly always so, and then it takes a microsecond or two."""
        if self.quarantined:
            return False
        again = fresh and self._seen
        if isinstance(said, list):
            return math.isfinite(sum(said)) and not (
                again and (self._counting or any(map(operator.eq, said, self._said))))
        return math.isfinite(said.dot(said)) and not (
            again and (self._counting or np.count_nonzero(said == self._said)))

    def _healthy(self, logits: NDArray[np.float32], *, fresh: bool) -> NDArray[np.bool_]:
        """Which members to believe; a second wrong answer, or the same one for 20 s, puts a member aside."""
        finite = np.isfinite(logits)
        self._faults += ~finite
        if self._seen and fresh:
            self._same = np.where(logits == np.asarray(self._said, np.float32), self._same + 1, 0)
            self._counting = bool(self._same.any())
        ill = set(np.flatnonzero((self._faults >= 2) | (self._same >= STUCK_HOPS)).tolist())
        for member in sorted(ill - self.quarantined):
            self.quarantined.add(member)
            why = "not_finite" if self._faults[member] >= 2 else "stuck"
            log.warning("event=quarantined word=%r member=%s why=%s members=%s",
                        self.word, self.names[member], why, self.health)
        if self.quarantined:
            finite[list(self.quarantined)] = False
        return finite
