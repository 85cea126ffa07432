"""What stays is told once; what flaps is never told."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.events import Seen
from edge.mood import HOLD, Steady

LABELS = st.sampled_from(["cat", "cup", ""])
SCORES = st.sampled_from([0.0, 0.2, 0.24, 0.3, 0.5, 0.9, math.nan])
ROWS = st.lists(st.builds(Seen, label=LABELS, score=SCORES), max_size=60)


def seen(label: str, score: float = 0.9) -> Seen:
    return Seen(label, score, "fake", ((label, score),))


def told(steady: Steady, row: list[Seen]) -> list[str | None]:
    return [out.label if (out := steady.step(one)) else None for one in row]


def test_a_label_is_told_at_its_third_picture_and_only_there() -> None:
    """Three in a row make an edge; what follows does not."""
    assert told(Steady(3), [seen("cat")] * 6) == [None, None, "cat", None, None, None]


def test_the_score_is_the_mean_of_the_row() -> None:
    """What is told carries the mean of the pictures it rests on, and the last one's source and top."""
    steady = Steady(3)
    row = [seen("cat", score) for score in (0.4, 0.5, 0.9)]
    out = [steady.step(one) for one in row][-1]
    assert out is not None
    assert math.isclose(out.score, 0.6)
    assert (out.source, out.top) == ("fake", (("cat", 0.9),))


def test_a_flicker_does_not_arm_it_again() -> None:
    """One or two other pictures in between do not make the same label news."""
    row = [seen("cat")] * 3 + [seen("cup")] * 2 + [seen("cat")] * 5 + [seen("")] + [seen("cat")] * 3
    assert told(Steady(3), row).count("cat") == 1


def test_it_is_told_again_after_darkness() -> None:
    """Three dark pictures, which have no label, make the next steady cat news."""
    row = [seen("cat")] * 3 + [Seen("", 0.0)] * 3 + [seen("cat")] * 3
    assert told(Steady(3), row).count("cat") == 2


def test_a_label_that_was_told_may_sink_a_little() -> None:
    """A score that wavers about the limit is one visit, not many; a fall below the lower limit ends it."""
    near = [seen("cat", 0.31)] * 3 + [seen("cat", 0.29)] * 3
    assert told(Steady(3, 0.3), near * 4).count("cat") == 1
    gone = [seen("cat", 0.31)] * 3 + [seen("cat", 0.3 * HOLD - 0.01)] * 3
    assert told(Steady(3, 0.3), gone * 4).count("cat") == 4


def test_one_frame_is_enough_where_one_is_asked_for() -> None:
    """frames=1 tells every change."""
    row = [seen("cat"), seen("cup"), seen("cup"), seen("cat")]
    assert told(Steady(1), row) == ["cat", "cup", None, "cat"]


@given(row=ROWS, frames=st.integers(1, 5))
def test_what_is_told_was_there_for_all_its_frames(row: list[Seen], frames: int) -> None:
    """Nothing is told unless the last `frames` pictures agree on it, each with at least the lower limit."""
    for place, label in enumerate(told(Steady(frames, 0.3), row)):
        if label is not None:
            last = row[max(0, place - frames + 1) : place + 1]
            assert len(last) == frames
            assert all(one.label == label and one.score >= 0.3 * HOLD for one in last)
            assert label


@given(row=ROWS, frames=st.integers(1, 5))
def test_between_two_tellings_something_else_was_steady(row: list[Seen], frames: int) -> None:
    """The same label is told twice only with `frames` pictures in a row between that were not it."""
    places = [(place, label) for place, label in enumerate(told(Steady(frames, 0.3), row)) if label]
    for (first, before), (second, after) in pairwise(places):
        if before == after:
            there = [one.label == before and one.score >= 0.3 for one in row[first + 1 : second + 1]]
            longest = run = 0
            for one in there:
                run = 0 if one else run + 1
                longest = max(longest, run)
            assert longest >= frames


@given(st.lists(st.sampled_from(["cat", "cup"]), max_size=20), st.integers(2, 5))
def test_flapping_labels_never_trigger(labels: list[str], frames: int) -> None:
    """Where no label stands in two pictures in a row, nothing is told."""
    other = {"cat": "dog", "cup": "pot"}
    row = [seen(label if k % 2 else other[label]) for k, label in enumerate(labels)]
    assert told(Steady(frames), row) == [None] * len(row)


@given(st.lists(LABELS, max_size=30))
def test_nan_never_triggers(labels: list[str]) -> None:
    """A score that is no number is nothing, however long it stays."""
    assert told(Steady(1), [seen(label, math.nan) for label in labels]) == [None] * len(labels)


@given(before=ROWS, row=ROWS)
def test_reset_is_a_new_one(before: list[Seen], row: list[Seen]) -> None:
    """After reset() it answers as if it had seen nothing before."""
    used = Steady(3)
    told(used, before)
    used.reset()
    assert told(used, row) == told(Steady(3), row)
