"""When a rule may act, by the time of day: `between = "09:00-22:00"` and `days = ["fri", "sat"]`.

This is the one place where the time of day decides anything, since that is what is asked for. It is the
machine's local time, and it is wrong until a Pi without a battery has reached a time server. Pauses
(`every_s`) and all else are counted by the monotonic clock, whatever the time of day does.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from edge.config_check import Wrong, nearest, texts

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EXPECTED = 'expected two times of day, as in "09:00-22:00"'
_SPAN = re.compile(r"\s*(\d{1,2}):(\d\d)\s*[-\u2013]\s*(\d{1,2}):(\d\d)\s*")
_DAY_MIN = 24 * 60


@dataclass(frozen=True)
class Hours:
    """From `from_min` to `to_min`, minutes since midnight; the second may lie after midnight."""

    from_min: int = 0
    to_min: int = _DAY_MIN

    def allow(self, now: datetime.datetime, days: tuple[str, ...] = ()) -> bool:
        """Whether `now`, local time, lies within, and the day on which this stretch began is one of `days`
        (none: all): from 22:00 to 02:00 on "sat" reaches into Sunday."""
        minute = now.hour * 60 + now.minute
        over = self.to_min <= self.from_min
        after = over and minute < self.to_min  # midnight has passed
        inside = after or self.from_min <= minute < (_DAY_MIN if over else self.to_min)
        began = (now.weekday() - after) % 7
        return inside and (not days or DAYS[began] in days)


def hours(value: object) -> Hours:
    """Checks `between`."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong(EXPECTED)
    numbers = [int(part) for part in found.groups()]
    begin, end = (h * 60 + m for h, m in (numbers[:2], numbers[2:]))
    if max(begin, end) > _DAY_MIN or max(numbers[1], numbers[3]) > 59:
        raise Wrong(f"{EXPECTED}; a day ends at 24:00")
    begin %= _DAY_MIN
    if begin == end:
        raise Wrong(f"{EXPECTED}, that differ; leave it out for the whole day")
    return Hours(begin, end)


def days(value: object) -> tuple[str, ...]:
    """Checks `days`: names of days, or their first three letters."""
    found = []
    for name in texts(value):
        day = name.strip().casefold()
        short = next((short for short, whole in zip(DAYS, _WHOLE, strict=True) if day in {short, whole}), "")
        if not short:
            raise Wrong(f"expected some of {', '.join(DAYS)}{nearest(day, [*DAYS, *_WHOLE])}")
        found.append(short)
    return tuple(found)


def local_now() -> datetime.datetime:
    """The time of day where the machine is."""
    return datetime.datetime.now().astimezone()
