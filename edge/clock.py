"""The monotonic clock, which a test may let run faster: a day of faults then fits into a quarter of an hour.

The time of day is never used to measure anything: it jumps when a Pi first reaches a time server.
"""

from __future__ import annotations

import time
from threading import Event


class Clock:
    """Counts `speed` seconds in each real one, and waits accordingly shorter."""

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"a clock's speed must be above 0, not {speed}")
        self.speed = speed

    def now_s(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic() * self.speed

    def wait(self, event: Event, seconds: float) -> bool:
        """Sleep until `event` is set, at most so long by this clock; True where it is set."""
        return event.wait(seconds / self.speed)
