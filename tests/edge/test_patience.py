"""Calls that never return: the main thread sees them, and where it cannot run an alarm ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import patience as module
from edge.errors import HeychipError
from edge.notify import Notifier
from edge.patience import CLOSE_S, FIRST_S, OPEN_S, Patience
from edge.watch import Watch

REPOSITORY = Path(__file__).parents[2]


def test_a_call_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call may take longer, later ones and closing less; what has returned is forgotten."""
    now_s = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    patience = Patience()
    for limit_s, more in ((FIRST_S, ()), (OPEN_S, ()), (CLOSE_S, (CLOSE_S,))):
        with patience.call("in a test", *more):
            now_s[0] += limit_s - 0.1
            assert patience.over() == ""
            now_s[0] += 0.2
            assert patience.over() == f"the sound library has hung for {limit_s:.0f} s in a test"
        assert patience.over() == ""


def test_d6_the_promise_is_kept_by_the_limits() -> None:
    """Noticing that no sound comes, then waiting for a library that hangs, takes less than ten seconds."""
    from edge.daemon import FAILED_S, POLL_S
    from edge.ears import FIRST_S as FIRST_SOUND_S
    from edge.ears import MOST_STOPS, READ_S, SILENT_S

    assert SILENT_S + READ_S + OPEN_S + CLOSE_S / 2 + POLL_S + FAILED_S < 10
    assert SILENT_S + (MOST_STOPS - 1) * (FIRST_SOUND_S + READ_S) + POLL_S < 10


def test_the_watch_raises_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread's look ends in an error that says what hangs."""
    monkeypatch.setattr(module, "FIRST_S", 0.0)
    watch = Watch(Notifier(""), lambda: 0.0)
    with watch.patience.call("in closing"), pytest.raises(HeychipError, match=r"hung.*closing"):
        watch.stuck()
    watch.stuck()


HOLDS_THE_LOCK = """
import ctypes, sys
from edge import patience
patience.FIRST_S = patience.ALARM_S = 0.2
with patience.Patience(alarm=True).call("in a test"):
    {body}
print("came back")
"""


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [("ctypes.PyDLL(None).sleep(30)", 1, "Timeout"), ("pass", 0, "")],
)
def test_the_alarm_ends_a_process_that_holds_pythons_lock(body: str, code: int, said: str) -> None:
    """A C function that sleeps with Python's lock held lets no thread run; the process ends all the same, and
    standard error tells where it was. A call that returns cancels the alarm."""
    done = subprocess.run(
        [sys.executable, "-c", HOLDS_THE_LOCK.format(body=body)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert ("came back" in done.stdout) is (code == 0)


def test_f11_what_c_libraries_write_goes_nowhere() -> None:
    """While a daemon runs, a library that floods standard error fills no journal; the log still arrives, and
    so does what is written afterwards."""
    program = """
import os, sys
from edge import logs
with logs.own_stderr():
    logs.setup("info")
    os.write(2, b"Expression failed\\n" * 1000)
    logs.logging.getLogger("edge").info("event=heard")
    os.write(logs.stderr_number(), b"a program that we started\\n")
os.write(2, b"afterwards\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=25,
        check=True,
    )
    assert "Expression" not in done.stderr
    assert "event=heard" in done.stderr
    assert done.stderr.endswith("a program that we started\nafterwards\n")
