"""The main thread's look at the others: which of them hangs, and what the service manager is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.ears import Ears
from edge.errors import HeychipError
from edge.notify import Notifier
from edge.patience import Patience

FED_S = 1.0  # the watchdog is fed no more often
STUCK_S = 30.0  # a thread that does not come back for so long never will
MAY_HANG = {"memory", "photos", "mqtt"}  # they wait for a disk or a broker, and that makes nobody deaf


class Watch:
    """Threads call `beat`; the main thread calls `stuck` and `tell` a few times a second."""

    def __init__(self, notifier: Notifier, now_s: Callable[[], float], *, alarm: bool = False) -> None:
        """`now_s` is a clock that never goes back. `alarm`: see edge.patience."""
        self.patience = Patience(alarm=alarm)
        self._notifier, self._now_s = notifier, now_s
        self._beats: dict[str, float] = {}
        self._signs, self._fed_s, self._ready = 0, -FED_S, False

    def beat(self, name: str) -> None:
        """A thread is alive."""
        if name not in MAY_HANG:
            self._beats[name] = self._now_s()

    def forget(self, name: str) -> None:
        """A thread has ended."""
        self._beats.pop(name, None)

    def stuck(self) -> None:
        """Raises HeychipError where a thread has not come back for too long."""
        if hung := self.patience.over():
            raise HeychipError(f"{hung}; ending, to be restarted")
        now_s = self._now_s()
        for name, beat_s in list(self._beats.items()):
            if now_s - beat_s > STUCK_S:
                raise HeychipError(f"{name}: hung for {STUCK_S:.0f} s; ending, to be restarted")

    def tell(self, ears: Ears | None, counts: Mapping[str, int]) -> None:
        """READY once the ears run or wait, STATUS where it changed, and WATCHDOG only where there was sound
        since the last time, or the ears are looking for their microphone. Without ears, the eyes are all."""
        state = ears.state if ears else "LOOKING"
        if state and not self._ready:
            self._ready = True
            self._notifier.ready()
        if state:
            numbers = " ".join(f"{n} {counts.get(n, 0)}" for n in ("heard", "seen", "said"))
            self._notifier.status(f"{state}: {numbers}")
        signs = ears.signs if ears else self._signs + 1
        now_s = self._now_s()
        if signs != self._signs and now_s - self._fed_s >= FED_S:
            self._signs, self._fed_s = signs, now_s
            self._notifier.watchdog()
