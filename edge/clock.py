"""The monotonic clock, which a test may let run faster: a day of faults then fits into a quarter of an hour.

The time of day is never used to measure anything: it jumps when a Pi first reaches a time server.
"""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

BOOT = Path("/proc/sys/kernel/random/boot_id")


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


def since_boot_s() -> float:
    """Seconds since the boot, those asleep among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Another one after each boot; nothing where the system does not tell."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""
