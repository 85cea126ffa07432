"""The events: each takes a stage, and leaves it with the microphone back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from tests.rig.unplug.stage import Stage

AWAY_S = 3.0


def begin(stage: Stage, **options: str) -> None:
    """A room, a daemon, and the word heard in it."""
    stage.room.start()
    stage.listen(**options)
    stage.hears()


def gone(stage: Stage, away_s: float = AWAY_S) -> None:
    begin(stage)
    stage.mark()
    stage.room.unplug()
    time.sleep(away_s)
    stage.room.plug(default=True)
    stage.returned()


def gone_long(stage: Stage) -> None:
    gone(stage, 20.0)


def killed(stage: Stage) -> None:
    begin(stage)
    stage.mark()
    stage.room.kill()
    time.sleep(AWAY_S)
    stage.room.start()
    stage.returned()


def suspended(stage: Stage) -> None:
    begin(stage)
    stage.mark()
    stage.room.suspend()
    time.sleep(AWAY_S)
    stage.room.suspend(False)
    stage.returned()


def suspended_long(stage: Stage) -> None:
    begin(stage)
    stage.mark()
    stage.room.suspend()
    stage.child.wait("exit", "1")
    stage.room.suspend(False)
    stage.returned()


def frozen(stage: Stage) -> None:
    begin(stage)
    stage.mark()
    stage.room.freeze()
    time.sleep(AWAY_S)
    stage.room.freeze(False)
    stage.returned()


def frozen_long(stage: Stage) -> None:
    begin(stage)
    stage.mark()
    stage.room.freeze()
    stage.child.wait("exit", "1")
    stage.room.freeze(False)
    stage.returned()


def moved(stage: Stage, device: str = "default") -> None:
    """The other microphone hears nothing, so hearing again proves that it is the first one."""
    stage.room.start()
    stage.room.plug("room2", "mic2")
    stage.listen(device=device)
    stage.hears()
    stage.mark()
    stage.room.unplug()
    time.sleep(AWAY_S)
    stage.room.plug()
    stage.returned()


def moved_named(stage: Stage) -> None:
    moved(stage, "pulse:mic")


def no_server_at_boot(stage: Stage) -> None:
    stage.mark()
    child = stage.listen()
    child.wait("event", "WAITING")
    time.sleep(AWAY_S)
    stage.room.start()
    stage.returned()


def no_source_at_boot(stage: Stage) -> None:
    stage.mark()
    stage.room.start(empty=True)
    child = stage.listen(device="pulse:mic")
    child.wait("event", "WAITING")
    time.sleep(AWAY_S)
    stage.room.plug()
    stage.returned()


def another_default(stage: Stage) -> None:
    begin(stage)
    stage.room.plug("room2", "mic2")
    stage.mark()
    stage.sink = "room2"
    time.sleep(2.0)  # the last word in the first room fades away
    stage.room.pactl("set-default-source", "mic2")
    stage.returned()


def flapping(stage: Stage) -> None:
    begin(stage)
    for _ in range(10):
        stage.mark()
        stage.room.unplug()
        time.sleep(0.7)
        stage.room.plug(default=True)
        time.sleep(0.8)
    stage.returned()


def stalled(stage: Stage) -> None:
    """Not the microphone but the daemon itself stands still, as on a machine that swaps."""
    begin(stage)
    stage.mark()
    pid = str(stage.child.process.pid)
    subprocess.run(["kill", "-STOP", pid], check=True)
    time.sleep(7.0)
    subprocess.run(["kill", "-CONT", pid], check=True)
    stage.returned()


ROWS: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "gone": ("all sources gone, back after 3 s", gone),
    "gone_long": ("all sources gone, back after 20 s", gone_long),
    "killed": ("sound server killed, started again after 3 s", killed),
    "suspended": ("source suspended for 3 s", suspended),
    "suspended_long": ("source suspended until the daemon has ended", suspended_long),
    "frozen": ("sound server stopped (SIGSTOP) for 3 s", frozen),
    "frozen_long": ("sound server stopped until the daemon has ended", frozen_long),
    "moved": ("the default source unloaded for 3 s while another exists", moved),
    "moved_named": ("the named source (`pulse:mic`) unloaded for 3 s while another exists", moved_named),
    "no_server_at_boot": ("no sound server at the start, there 3 s later", no_server_at_boot),
    "no_source_at_boot": ("no source at the start, there 3 s later", no_source_at_boot),
    "another_default": ("another source becomes the default", another_default),
    "flapping": ("all sources gone and back ten times in 15 s", flapping),
    "stalled": ("the daemon itself stopped (SIGSTOP) for 7 s", stalled),
}
