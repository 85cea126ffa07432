"""The events: each takes a stage, and leaves it with the microphone back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

from edge.resample import Resampler
from edge.wav import read_wav
from tests.rig.jack import JackRoom
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


def in_use(stage: Stage) -> None:
    """Another program has all of ALSA's devices: the library between is told so by a few lines of C."""
    source, shim, busy = Path(__file__).with_name("busy.c"), stage.folder / "busy.so", stage.folder / "busy"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    busy.touch()
    stage.room.start()
    stage.mark()
    child = stage.listen(env={"LD_PRELOAD": str(shim), "BUSY": str(busy)})
    child.wait("event", "WAITING")
    time.sleep(AWAY_S)
    busy.unlink()
    stage.returned()


LABEL_HZ, TRUE_HZ = 44_100, 24_000
PIECE_S = 0.02


def wrong_rate(stage: Stage) -> None:
    """A source that says 44.1 kHz and gives 24: somebody writes at that pace into a pipe, the word all the
    time. Measuring takes twice ten seconds; it counts from there."""
    stage.room.start(empty=True)
    pipe, ended = stage.folder / "pipe", Event()
    stage.room.load("mic", "module-pipe-source", source_name="mic", file=pipe, rate=LABEL_HZ, channels=1,
                    format="s16le")  # fmt: skip
    sound = np.concatenate([resample(read_wav(stage.word).samples[:, 0]), np.zeros(TRUE_HZ // 3, np.float32)])
    data = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()

    def write() -> None:
        at, start_s = 0, time.monotonic()
        size = round(PIECE_S * TRUE_HZ) * 2
        with pipe.open("wb", buffering=0) as out:
            while not ended.wait(max(0.0, start_s + at / 2 / TRUE_HZ - time.monotonic())):
                piece = (data + data)[at % len(data) :][:size]
                with suppress(BrokenPipeError):  # between two that listen
                    out.write(piece)
                at += len(piece)

    writer = Thread(target=write, daemon=True)
    writer.start()
    stage.ends.append(ended.set)
    stage.say = lambda: time.sleep(1.0)  # it is in the pipe
    stage.mark()
    stage.listen(device="pulse:mic").wait("log", f"taken_as={TRUE_HZ}")
    stage.returned()


def resample(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """From 16 kHz to the true rate."""
    resampler = Resampler(16_000, TRUE_HZ)
    return np.concatenate([resampler.step(sound), resampler.flush()])


def own_rate_only(stage: Stage) -> None:
    """JACK refuses 16 kHz with the real -9997, so it is opened as it is; then its server dies."""
    jack = JackRoom(stage.folder)
    stage.env, stage.say = jack.env, lambda: jack.say(stage.word)
    stage.ends.append(jack.close)
    jack.start()
    stage.listen(device="system")
    stage.hears()
    stage.mark()
    jack.kill()
    time.sleep(AWAY_S)
    jack.start()
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
    "in_use": ("in use by another program (ALSA's EBUSY), free 3 s later", in_use),
    "wrong_rate": ("a source that says 44.1 kHz and gives 24 (from when that is known)", wrong_rate),
    "own_rate_only": ("JACK at 44.1 kHz only (-9997 at 16), killed, back after 3 s", own_rate_only),
    "stalled": ("the daemon itself stopped (SIGSTOP) for 7 s", stalled),
}
