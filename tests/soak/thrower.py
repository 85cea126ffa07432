"""Who throws the faults: one after the other, the next when all is well again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.fault import Fault, Kind
from tests.soak.faults import KINDS

if TYPE_CHECKING:
    from tests.soak.rig import Rig

GIVE_UP_S = 400.0  # a fault that is not over by then never is
PEACE_S = 3.0  # from the end of one to the next


class Thrower:
    """`step` is called once a block."""

    def __init__(self, rig: Rig, faults: list[Fault]) -> None:
        self.planned = len(faults)
        self.done: list[Fault] = []
        self.fault: Fault | None = None
        """the one that lasts"""
        self._rig, self._queue, self._free_s = rig, list(faults), 0.0

    @property
    def kind(self) -> Kind | None:
        """Of the one that lasts."""
        return KINDS[self.fault.kind] if self.fault else None

    def step(self, now_s: float) -> None:
        """Begin one, end one, or look whether all is well again."""
        rig, fault = self._rig, self.fault
        if fault is None:
            if self._queue and now_s >= max(self._queue[0].start_s, self._free_s) and rig.lives.daemon:
                self.fault = fault = self._queue.pop(0)
                fault.start_s, fault.notes["restarts"] = now_s, rig.lives.restarts
                KINDS[fault.kind].begin(rig, fault)
            return
        kind = KINDS[fault.kind]
        if fault.ended_s is None:
            if now_s - fault.start_s >= fault.length_s:
                kind.end(rig, fault)
                fault.ended_s = now_s
            return
        if rig.lives.listening and rig.card.well and kind.well(rig, fault):
            fault.back_s = now_s - fault.ended_s
        elif now_s - fault.ended_s < GIVE_UP_S:
            return
        fault.restarts = rig.lives.restarts - int(fault.notes["restarts"])
        self.done.append(fault)
        self.fault, self._free_s = None, now_s + PEACE_S
