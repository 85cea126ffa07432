"""A hot machine takes fewer pictures. Row E8."""

from __future__ import annotations

import pytest

from edge.bench.board import Mood
from edge.eyes import Eyes
from edge.fakes import FakeCamera, FakeClassifier
from edge.heat import LOOK_S, THROTTLED, Heat
from edge.mood import Steady
from edge.parts import Eye


@pytest.mark.parametrize(
    "hot", [Mood(0.5, 81.0, 0), Mood(0.5, 60.0, THROTTLED), Mood(0.5, None, THROTTLED | 1 << 18)]
)
def test_e8_hot_is_told_once_and_so_is_cool(hot: Mood, caplog: pytest.LogCaptureFixture) -> None:
    """Over 80 degrees or throttled now: half as many pictures; under 75 again: all. Each is logged once."""
    caplog.set_level("INFO")
    states = [Mood(0.5, 79.0, 0), hot, hot, Mood(0.5, 78.0, 0) if hot.temperature_c == 81 else hot]
    states += [Mood(0.5, 74.0, 0), Mood(0.5, 79.0, 1 << 18)]
    heat = Heat(lambda: states.pop(0))
    assert [heat.step(k * LOOK_S) for k in range(6)] == [1, 2, 2, 2, 1, 1]
    assert [caplog.text.count(word) for word in ("event=hot", "event=cool_again")] == [1, 1]


def test_e8_where_nothing_can_be_read_nothing_is_hot() -> None:
    """A desktop without sensors and firmware; the board is asked no more than every half a minute."""
    asked = []
    heat = Heat(lambda: asked.append(1) or Mood(None, None, None))  # type: ignore[func-returns-value]
    assert {heat.step(float(s)) for s in range(61)} == {1.0}
    assert len(asked) == 3


def test_e8_half_as_many_pictures() -> None:
    """The eyes of a hot machine take a picture every other time."""
    clock, shots = [0.0], []

    def wait(seconds: float) -> None:
        clock[0] += seconds

    for temperature_c in (50.0, 90.0):
        eye = Eye(lambda: FakeCamera(lambda: shots.append(clock[0]) or "cat"), FakeClassifier(), Steady())  # type: ignore[func-returns-value]
        heat = Heat(lambda t=temperature_c: Mood(None, t, None))  # type: ignore[misc]
        eyes = Eyes(eye, 1.0, see=lambda _: None, wait=wait, now_s=lambda: clock[0], heat=heat)
        begun, shots[:] = clock[0], []
        while clock[0] < begun + 59.5:
            eyes.step()
        assert len(shots) == pytest.approx(60 if temperature_c == 50 else 30, abs=1)
