"""The daemon and whoever looks after it: word to the service manager, SIGTERM in every state. D1, D15, F6."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.pulse import missing
from tests.rig.unplug.child import Child
from tests.rig.unplug.stage import Stage

pytestmark = [
    pytest.mark.rig,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"this rig needs {missing()}"),
]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage that is left empty."""
    stage = Stage(tmp_path / "stage", backend="sounddevice")
    yield stage
    if stage.child is not None:
        stage.child.kill()
    stage.room.kill()


def fed(child: Child, after_s: float) -> int:
    """How often the watchdog was fed since then."""
    return sum(told.what == "WATCHDOG=1" for told in child.since(after_s, "notify"))


def test_d1_the_watchdog_is_fed_by_sound_and_while_waiting(stage: Stage) -> None:
    """READY comes once a microphone is open or none is to be had; WATCHDOG as long as there is sound, or a
    microphone is looked for, and never while the sound server stands still; STATUS says which."""
    child = stage.listen()
    child.wait("notify", "READY=1")
    child.wait("notify", "STATUS=WAITING")
    begun_s = time.monotonic()
    time.sleep(3.5)
    assert fed(child, begun_s) >= 2
    stage.room.start()
    child.wait("notify", "STATUS=LISTENING")
    begun_s = time.monotonic()
    time.sleep(5.5)  # a fresh null sink is silent for up to 2 s
    assert fed(child, begun_s) >= 2
    stage.room.freeze()
    time.sleep(1.5)  # what was under way arrives
    begun_s = time.monotonic()
    child.wait("exit", "1")
    assert fed(child, begun_s) <= 1  # for the one look for the microphone that hangs


def waiting(stage: Stage) -> None:
    """There is no microphone."""
    stage.listen().wait("event", "WAITING")


def listening(stage: Stage) -> None:
    """There is one."""
    stage.room.start()
    stage.listen().wait("event", "LISTENING")


def hung_in_closing(stage: Stage) -> None:
    """The sound server stands still, and the library hangs in letting go of it."""
    listening(stage)
    time.sleep(3)
    stage.room.freeze()
    assert stage.child is not None
    stage.child.wait("event", "WAITING")
    time.sleep(0.5)


def hung_in_opening(stage: Stage) -> None:
    """The sound server stands still before the daemon starts, which hangs in its first call."""
    stage.room.start()
    stage.room.freeze()
    stage.listen()
    time.sleep(4)
    assert not stage.child.told, "it did not hang, so this proves nothing"


@pytest.mark.parametrize("state", [waiting, listening, hung_in_closing, hung_in_opening])
def test_f6_sigterm(stage: Stage, state: object) -> None:
    """SIGTERM ends the daemon with exit code 0: without a microphone, with one, and while the library hangs.
    (That the limits add up to less than 5 s is shown in tests/edge/test_daemon.py.)"""
    state(stage)
    assert stage.child.end()[0] == 0, stage.child.story()


def test_d15_what_hangs_is_said_in_plain_words(stage: Stage) -> None:
    """Before it ends, the daemon says on standard error what hung, although the library has closed that for
    itself; and the next one listens."""
    hung_in_closing(stage)
    said = "the sound library has hung for 3 s in closing the microphone; ending, to be restarted"
    stage.child.wait("log", said)
    ended = stage.child.wait("exit", "1")
    stage.room.freeze(False)
    stage.child.wait("event", "LISTENING", after_s=ended.at_s)
