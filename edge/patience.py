"""How long a call into a sound library may take before the process is ended.

PortAudio can hang for ever in opening, closing or starting anew, and nothing ends a call from outside but the
end of the process. The main thread sees it, says so and ends (see edge.watch). Where even that is impossible,
because the library hangs with Python's lock held, the alarm of the standard library's faulthandler, which
needs no lock, writes where every thread is and ends the process.
"""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edge import logs

FIRST_S = 20.0  # a Pi that has just been switched on reads the library from a slow card
OPEN_S = 5.0
CLOSE_S = 3.0
ALARM_S = 2.5  # later than the main thread


class Patience:
    """`over` is asked by the main thread while another is inside `call`. In real seconds, also where a test's
    clock runs faster."""

    def __init__(self, *, alarm: bool = False) -> None:
        """`alarm`: end the process with exit code 1 also where no Python can run."""
        self._alarm, self._first = alarm, True
        self._what, self._limit_s, self._until_s = "", 0.0, float("inf")

    @contextmanager
    def call(self, what: str, limit_s: float = OPEN_S) -> Iterator[None]:
        """Around a call into a library. The first may take longer."""
        self._what, self._limit_s = what, FIRST_S if self._first else limit_s
        self._until_s = time.monotonic() + self._limit_s
        if self._alarm:
            late_s = self._limit_s + ALARM_S
            faulthandler.dump_traceback_later(late_s, exit=True, file=logs.stderr_number())
        try:
            yield
            self._first = False
        finally:
            self._until_s = float("inf")
            if self._alarm:
                faulthandler.cancel_dump_traceback_later()

    def over(self) -> str:
        """What has hung for how long, or nothing."""
        if time.monotonic() < self._until_s:
            return ""
        return f"the sound library has hung for {self._limit_s:.0f} s {self._what}"
