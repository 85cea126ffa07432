"""The clock that everything is measured with. Row F8."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path

import pytest
from daemon_rig import ANSWER, Run, room

import edge
from edge.clock import Clock
from edge.config import Config, MicrophoneConfig
from edge.fakes import FakeListener

WALL = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


def test_f8_nothing_is_measured_with_the_time_of_day() -> None:
    """In all of edge the time of day is asked for only where it is written down beside something."""
    users = set()
    for path in Path(edge.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                of = (
                    node.value.attr
                    if isinstance(node.value, ast.Attribute)
                    else getattr(node.value, "id", "")
                )
                if (of, node.attr) in WALL:
                    users.add(path.name)
    assert users <= WRITES_IT_DOWN, (
        "use edge.clock or time.monotonic: the time of day jumps when a Pi gets it"
    )


WRITES_IT_DOWN = {
    "eventlog.py",
    "memories.py",
    "remember.py",
    "activate.py",
    "starts.py",
    "status.py",
    "page.py",
    "photos.py",
    "hours.py",  # asked for by `between` and `days` of a rule, and by nothing else
}


def test_f8_ten_years_forth_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the time of day jumps at every look, words are heard, lines spoken and pauses kept as ever."""
    real, jumps = time.time, [0]

    def jumping() -> float:
        jumps[0] += 1
        return real() + (3.15e8 if jumps[0] % 2 else -3.15e8)

    monkeypatch.setattr(time, "time", jumping)
    config = Config(microphone=MicrophoneConfig(backend="recording"), rules=(ANSWER,))
    run = Run(room(12), config=config, listener=FakeListener([1.04, 8.0]))
    assert run.go() == 0
    assert time.time() != pytest.approx(real(), abs=1e8)
    assert (run.times("heard"), run.times("said")) == ([1.04, 8.0], [1.04, 8.0])


def test_a_clock_may_run_faster() -> None:
    """Twice the speed is twice the seconds; none or less is refused."""
    clock = Clock(1e6)
    begun_s = clock.now_s()
    assert not clock.wait(threading.Event(), 1.0)
    assert clock.now_s() >= begun_s + 1.0
    with pytest.raises(ValueError, match="above 0"):
        Clock(0.0)
