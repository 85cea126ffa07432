"""The events: each takes a stage, and leaves it with the microphone back. Most are a row of `ROWS`."""

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
Part = Callable[[Stage], object]


def begin(stage: Stage, **options: str) -> None:
    """A room, a daemon, and the word heard in it."""
    stage.room.start()
    stage.listen(**options)
    stage.hears()


def beside_another(device: str) -> Part:
    """Begins with two microphones. The other one hears nothing, so hearing again proves that it is the
    first."""

    def begun(stage: Stage) -> None:
        stage.room.start()
        stage.room.plug("room2", "mic2")
        stage.listen(device=device)
        stage.hears()

    return begun


def for_s(seconds: float) -> Part:
    """Lasts so long."""
    return lambda _: time.sleep(seconds)


a_while = for_s(AWAY_S)


def until_it_ends(stage: Stage) -> None:
    """Lasts until the daemon has given up."""
    assert stage.child is not None
    stage.child.wait("exit", "1")


def away(hurt: Part, mend: Part, *, lasts: Part = a_while, begun: Part = begin) -> Part:
    """While the daemon listens it happens, lasts, and is over."""

    def event(stage: Stage) -> None:
        begun(stage)
        stage.mark()
        hurt(stage)
        lasts(stage)
        mend(stage)
        stage.returned()

    return event


def absent(hurt: Part, mend: Part, *, device: str = "default") -> Part:
    """It is so before the daemon starts, and is over while it waits."""

    def event(stage: Stage) -> None:
        hurt(stage)
        stage.mark()
        stage.listen(device=device).wait("event", "WAITING")
        a_while(stage)
        mend(stage)
        stage.returned()

    return event


def signalled(name: str) -> Part:
    """Not the microphone but the daemon itself is told to stand still, as on a machine that swaps, or to go
    on."""

    def send(stage: Stage) -> None:
        assert stage.child is not None
        subprocess.run(["kill", f"-{name}", str(stage.child.process.pid)], check=True)

    return send


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


def all_in_use(stage: Stage) -> None:
    """Another program has all of ALSA's devices: the library between is told so by a few lines of C."""
    source, shim = Path(__file__).with_name("busy.c"), stage.folder / "busy.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    (stage.folder / "busy").touch()
    stage.env = stage.env | {"LD_PRELOAD": str(shim), "BUSY": str(stage.folder / "busy")}
    stage.room.start()


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


unplugged = (lambda s: s.room.unplug(), lambda s: s.room.plug(default=True))
suspended = (lambda s: s.room.suspend(), lambda s: s.room.suspend(False))
frozen = (lambda s: s.room.freeze(), lambda s: s.room.freeze(False))
moved = (lambda s: s.room.unplug(), lambda s: s.room.plug())
no_source = (lambda s: s.room.start(empty=True), lambda s: s.room.plug())
no_server = (lambda _: None, lambda s: s.room.start())

ROWS: dict[str, tuple[str, Part]] = {
    "gone": ("all sources gone, back after 3 s", away(*unplugged)),
    "gone_long": ("all sources gone, back after 20 s", away(*unplugged, lasts=for_s(20.0))),
    "killed": ("sound server killed, started again after 3 s",
               away(lambda s: s.room.kill(), lambda s: s.room.start())),
    "suspended": ("source suspended for 3 s", away(*suspended)),
    "suspended_long": ("source suspended until the daemon has ended", away(*suspended, lasts=until_it_ends)),
    "frozen": ("sound server stopped (SIGSTOP) for 3 s", away(*frozen)),
    "frozen_long": ("sound server stopped until the daemon has ended", away(*frozen, lasts=until_it_ends)),
    "moved": ("the default source unloaded for 3 s while another exists",
              away(*moved, begun=beside_another("default"))),
    "moved_named": ("the named source (`pulse:mic`) unloaded for 3 s while another exists",
                    away(*moved, begun=beside_another("pulse:mic"))),
    "no_server_at_boot": ("no sound server at the start, there 3 s later", absent(*no_server)),
    "no_source_at_boot": ("no source at the start, there 3 s later", absent(*no_source, device="pulse:mic")),
    "another_default": ("another source becomes the default", another_default),
    "flapping": ("all sources gone and back ten times in 15 s", flapping),
    "in_use": ("in use by another program (ALSA's EBUSY), free 3 s later",
               absent(all_in_use, lambda s: (s.folder / "busy").unlink())),
    "wrong_rate": ("a source that says 44.1 kHz and gives 24 (from when that is known)", wrong_rate),
    "own_rate_only": ("JACK at 44.1 kHz only (-9997 at 16), killed, back after 3 s", own_rate_only),
    "stalled": ("the daemon itself stopped (SIGSTOP) for 7 s",
                away(signalled("STOP"), signalled("CONT"), lasts=for_s(7.0))),
}  # fmt: skip
