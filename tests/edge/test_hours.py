"""The hours of a rule: the one place where the time of day decides anything."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config_check import Wrong
from edge.hours import DAYS, Hours, days, hours

SATURDAY = datetime.datetime(2026, 11, 21)


def at(clock: str, day: int = 0) -> datetime.datetime:
    """A time of day, `day` days after Saturday."""
    hour, minute = clock.split(":")
    return SATURDAY + datetime.timedelta(days=day, hours=int(hour), minutes=int(minute))


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        ("09:00-22:00", ["9:00", "12:34", "21:59"], ["8:59", "22:00", "0:00"]),
        ("22:00-02:00", ["22:00", "23:59", "0:00", "1:59"], ["2:00", "12:00", "21:59"]),
        ("00:00-24:00", ["0:00", "23:59"], []),
        ("18:00-24:00", ["18:00", "23:59"], ["0:00", "17:59"]),
        ("18:00-00:00", ["18:00", "23:59"], ["0:00", "17:59"]),
        (" 7:05 \u2013 7:06 ", ["7:05"], ["7:04", "7:06"]),
    ],
)
def test_between(span: str, inside: list[str], outside: list[str]) -> None:
    """The first minute belongs to it, the last does not; a stretch may go over midnight."""
    allow = hours(span).allow
    assert [allow(at(clock)) for clock in inside] == [True] * len(inside)
    assert [allow(at(clock)) for clock in outside] == [False] * len(outside)


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    """Saturday from 22:00 to 02:00 reaches into Sunday, and leaves the small hours of Saturday out."""
    night = hours("22:00-02:00")
    assert night.allow(at("23:00"), ("sat",))
    assert night.allow(at("01:00", 1), ("sat",))
    assert not night.allow(at("01:00"), ("sat",))
    assert not night.allow(at("23:00", 1), ("sat",))


@given(st.integers(0, 1439), st.integers(0, 1440), st.datetimes(), st.sets(st.sampled_from(DAYS), min_size=1))
def test_a_stretch_and_its_rest_are_the_whole_day(
    begin: int, end: int, now: datetime.datetime, some: set[str]
) -> None:
    """Whatever the clock says, exactly one of the two holds; where all days are named, they do not matter."""
    if begin != end % 1440:
        one, other = Hours(begin, end), Hours(end % 1440, begin)
        assert one.allow(now) != other.allow(now)
        assert one.allow(now, DAYS) == one.allow(now)
        assert not one.allow(now, tuple(some)) or one.allow(now)


@pytest.mark.parametrize(
    "wrong", ["9-22", "09:00", "25:00-26:00", "09:60-10:00", "9:00-9:00", "24:00-00:00", "", 9]
)
def test_what_is_no_stretch_is_refused(wrong: object) -> None:
    """With an example of one."""
    with pytest.raises(Wrong, match="09:00-22:00"):
        hours(wrong)


def test_days() -> None:
    """Whole names or three letters, in any case; what is none is told with the nearest."""
    assert days(["Fri", "saturday"]) == ("fri", "sat")
    with pytest.raises(Wrong, match='did you mean "sunday"'):
        days(["sonday"])
    with pytest.raises(Wrong, match="expected a list"):
        days("sat")
