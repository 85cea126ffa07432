"""What stays is told once; what flaps is never told."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.events import Face, Mood, Seen
from edge.mood import HOLD, Moods, Steady
from edge.mood_config import MoodConfig

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


# Moods


JOYS = st.sampled_from([0.0, 0.05, 0.09, 0.11, 0.5, 0.84, 0.86, 0.95, 1.0, math.nan, math.inf, -1.0])
PICTURES = st.one_of(
    st.none(),
    st.just(Seen("", 0.0, dark=True)),
    st.lists(JOYS, max_size=3).map(lambda joys: faces(*joys)),
)


def faces(*joys: float) -> Seen:
    """A picture with faces of so much joy."""
    return Seen("face" if joys else "", 0.9, "fake", (), tuple(Face((0, 0, 9, 9), 0.9, joy) for joy in joys))


def moods(row: list[Seen | None], config: MoodConfig | None = None, step_s: float = 1.0) -> list[str]:
    room = Moods(config)
    out = [room.step(one, k * step_s) for k, one in enumerate(row)]
    return [mood.name for mood in out if mood is not None]


QUICK = MoodConfig(frames=4, dwell_s=0.0)


def test_a_smile_that_stays_is_joy_once() -> None:
    """The average must be full before it says anything; then a rise past the limit is told, once."""
    room = Moods(QUICK)
    told = [room.step(faces(0.97), k) for k in range(20)]
    assert [k for k, mood in enumerate(told) if mood] == [3]
    assert told[3] == Mood("joy", 0.97, 1, "fake")
    assert room.joy == 0.97


def test_joy_calm_and_sad_come_in_the_order_of_the_average() -> None:
    """From a laugh to a frown the average passes through calm; back again, too."""
    row: list[Seen | None] = [faces(0.99)] * 6 + [faces(0.0)] * 6 + [faces(0.99)] * 6
    assert moods(row, QUICK) == ["joy", "calm", "sad", "calm", "joy"]


def test_hysteresis_holds_a_wavering_average() -> None:
    """An average that wavers about a limit by less than the hysteresis is one mood; further, it is many."""
    row = [faces(0.86)] * 4 + [faces(0.82), faces(0.86)] * 20
    assert moods(list(row), MoodConfig(frames=1, dwell_s=0.0, hysteresis=0.05)) == ["joy"]
    assert len(moods(list(row), MoodConfig(frames=1, dwell_s=0.0, hysteresis=0.0))) > 30


def test_a_mood_dwells() -> None:
    """However wildly joy changes, moods are at least dwell_s apart, and the last one is told in the end."""
    wild: list[Seen | None] = [faces(0.99), faces(0.0)] * 20 + [faces(0.0)] * 6
    room = Moods(MoodConfig(frames=1, dwell_s=10.0))
    times = [k for k, one in enumerate(wild) if room.step(one, float(k))]
    assert all(b - a >= 10 for a, b in pairwise(times))
    assert room.name == "sad"


def test_several_faces_are_averaged() -> None:
    """One laughs, one does not: the room is calm; and the Mood says how many there were."""
    room = Moods(QUICK)
    told = [mood for k in range(6) if (mood := room.step(faces(1.0, 0.2), k))]
    assert [(mood.name, round(mood.joy, 3), mood.faces) for mood in told] == [("calm", 0.6, 2)]


def test_nobody_is_not_sad() -> None:
    """An empty room is nobody, after three pictures; who comes back is judged by new pictures only."""
    row: list[Seen | None] = [faces(0.99)] * 5 + [faces()] * 10 + [faces(0.0)] * 4
    assert moods(row, QUICK) == ["joy", "nobody", "sad"]


def test_a_face_that_is_missed_once_changes_nothing() -> None:
    """One or two pictures in which a face was not found neither end a mood nor empty the average."""
    row: list[Seen | None] = [faces(0.99)] * 5 + [faces(), faces(), faces(0.99)] * 5
    assert moods(row, QUICK) == ["joy"]


def test_dark_and_frozen_are_states_of_their_own() -> None:
    """A lamp that goes out is dark, and a picture that never changes is frozen, whatever is in it."""
    dark = Seen("", 0.0, "fake", dark=True)
    assert moods([faces(0.99)] * 5 + [dark] * 5 + [faces(0.99)] * 5, QUICK) == ["joy", "dark", "joy"]
    room = Moods(MoodConfig(frames=4, dwell_s=0.0, frozen_frames=5))
    out = [room.step(faces(0.99), k, same=k >= 6) for k in range(20)]
    assert [mood.name for mood in out if mood] == ["joy", "frozen"]
    assert room.joy == 0.0
    never = Moods(MoodConfig(frames=4, dwell_s=0.0, frozen_frames=0))
    assert [m.name for k in range(99) if (m := never.step(faces(0.99), k, same=True))] == ["joy"]


@given(st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), max_size=40))
def test_joy_that_is_no_number_never_triggers(joys: list[float]) -> None:
    """Numbers that are none are no joy, no sadness, and no calm either."""
    assert moods([faces(joy) for joy in joys], MoodConfig(frames=1, dwell_s=0.0)) == []


@given(
    row=st.lists(PICTURES, max_size=80), frames=st.integers(1, 5), dwell_s=st.sampled_from([0.0, 2.5, 7.0])
)
def test_moods_are_edges_apart_and_within_bounds(row: list[Seen | None], frames: int, dwell_s: float) -> None:
    """Whatever is seen: no mood twice running, none sooner than the dwell, the average in 0..1, and a mood
    of joy or sadness only with the average beyond its limit."""
    room, told = Moods(config := MoodConfig(frames=frames, dwell_s=dwell_s)), []
    for k, one in enumerate(row):
        mood = room.step(one, float(k))
        assert 0.0 <= room.joy <= 1.0
        if mood is not None:
            told.append((k, mood))
            assert mood.name != "joy" or mood.joy > config.joy
            assert mood.name != "sad" or mood.joy < config.sad
            assert mood.name in ("joy", "sad", "calm") or mood.joy == 0.0
    assert all(a[1].name != b[1].name and b[0] - a[0] >= dwell_s for a, b in pairwise(told))


@given(row=st.lists(PICTURES, max_size=40))
def test_reset_is_a_new_room(row: list[Seen | None]) -> None:
    """After `reset` all is told as at the start."""
    room = Moods(QUICK)
    first = [room.step(one, float(k)) for k, one in enumerate(row)]
    room.reset()
    assert [room.step(one, float(k)) for k, one in enumerate(row)] == first


def test_limits_that_leave_no_calm_are_a_mistake() -> None:
    """joy and sad must be further apart than twice the hysteresis."""
    assert not MoodConfig().problems()
    assert MoodConfig(joy=0.5, sad=0.45, hysteresis=0.05).problems()
