"""A clock on which threads take turns: it goes on only when everybody whom its last step woke waits again.

So a day passes as fast as the machine can work through it, and a machine that is busy with other things makes
the soak take longer but never makes a thread late. What waits on it: `wait` (the daemon's naps), `Nap` (the
simulated microphone) and `TurnCondition`, which takes the place of the gate's condition.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

from edge.clock import Clock

POLL_S = 0.05  # of real time: how soon a sleeper notices an event that is set while the clock stands
STALL_S = 30.0  # of real time: a thread that is awake for so long does not come back to the clock


class Nap:
    """One thread asleep until `end_s`, or until it is woken."""

    def __init__(self, end_s: float) -> None:
        self.end_s, self.name, self.over = end_s, threading.current_thread().name, False
        self.lock = threading.Lock()
        self.lock.acquire()


class Turns(Clock):
    """`advance` is called by one thread only, the one that is the world; all others wait."""

    def __init__(self) -> None:
        super().__init__()
        self._time_s = 1_000.0
        self._naps: list[tuple[float, int, Nap]] = []
        self._count = itertools.count()
        self._awake: set[str] = set()
        self._expected: set[str] = set()
        self._calm = threading.Condition(threading.Lock())
        self.stalls: list[str] = []
        """threads that did not come back to the clock"""

    def now_s(self) -> float:
        return self._time_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        nap = self.begin(self._time_s + seconds)
        while not nap.lock.acquire(timeout=POLL_S) and not event.is_set():
            continue
        self.wake(nap)
        return event.is_set()

    def begin(self, end_s: float) -> Nap:
        """The calling thread is about to sleep on `lock` of what is returned."""
        nap = Nap(end_s)
        with self._calm:
            heapq.heappush(self._naps, (end_s, next(self._count), nap))
            self._sleeps(nap.name)
        return nap

    def wake(self, nap: Nap) -> None:
        """The nap is over: time stands until its thread waits again."""
        with self._calm:
            self._wake(nap)

    def expect(self, *names: str) -> None:
        """Time stands until these threads, which may not yet have begun, have come to wait."""
        with self._calm:
            self._expected.update(names)

    def leave(self, *names: str) -> None:
        """These threads are busy with something that does not follow this clock."""
        with self._calm:
            for name in names:
                self._sleeps(name)

    def advance(self, to_s: float) -> None:
        """Let time go on, from one sleeper's end to the next."""
        with self._calm:
            self._settle()
            while self._naps and self._naps[0][0] <= to_s:
                end_s, _, nap = heapq.heappop(self._naps)
                if nap.over:
                    continue
                self._time_s = max(self._time_s, end_s)
                self._wake(nap)
                self._settle()
            self._time_s = to_s

    def _wake(self, nap: Nap) -> None:
        if not nap.over:
            nap.over = True
            self._awake.add(nap.name)
            nap.lock.release()

    def _sleeps(self, name: str) -> None:
        self._awake.discard(name)
        self._expected.discard(name)
        if not (self._awake or self._expected):
            self._calm.notify_all()

    def _settle(self) -> None:
        start_s = 0.0
        while self._awake or self._expected:
            if self._calm.wait(POLL_S):
                continue
            self._awake &= {thread.name for thread in threading.enumerate()}
            start_s = start_s or time.monotonic()
            if time.monotonic() - start_s > STALL_S:
                self.stalls += sorted(self._awake | self._expected)
                self._awake.clear()
                self._expected.clear()


class TurnCondition(threading.Condition):
    """A condition whose waits are naps on the clock."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._sleepers: list[Nap] = []

    def wait(self, timeout: float | None = None) -> bool:
        nap = self._turns.begin(self._turns.now_s() + (3_600.0 if timeout is None else timeout))
        self._sleepers.append(nap)
        self.release()
        try:
            nap.lock.acquire()
        finally:
            self.acquire()
            self._sleepers.remove(nap)
        return True

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:  # type: ignore[override]
        end_s = self._turns.now_s() + (3_600.0 if timeout is None else timeout)
        while not (true := predicate()) and self._turns.now_s() < end_s:
            self.wait(end_s - self._turns.now_s())
        return true

    def notify(self, n: int = 1) -> None:
        for nap in self._sleepers[:n]:
            self._turns.wake(nap)

    def notify_all(self) -> None:
        self.notify(len(self._sleepers))
