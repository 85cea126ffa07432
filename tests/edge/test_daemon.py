"""Supervision: threads that fail or hang, signals in every state, the service manager. Rows D15, F6, C9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from daemon_rig import ANSWER, RECORDED, Run, room

from edge.config import Config, RuleConfig
from edge.daemon import CLEAN_S, FAILED_S, POLL_S
from edge.errors import DeviceError, ModelError
from edge.events import Chunk
from edge.fakes import (
    FakeCamera,
    FakeClassifier,
    FakeListener,
    FakeSpeech,
    QuietRoom,
)
from edge.mood import Steady
from edge.parts import Eye


@pytest.mark.parametrize("room_name", ["ears", "eyes", "voice"])
def test_d15_a_thread_that_fails_ends_the_process(room_name: str) -> None:
    """An error that nobody expected, in any thread, ends the daemon with exit code 1."""

    def boom() -> Any:
        raise RuntimeError("boom")

    class Broken(FakeSpeech):
        def say(self, text: str) -> Any:
            raise RuntimeError(text)

    eye = Eye(lambda: FakeCamera(boom), FakeClassifier(), Steady()) if room_name == "eyes" else None
    run = Run(
        QuietRoom,
        config=Config(rules=(ANSWER,)),
        listener=FakeListener([0.08], fails=RuntimeError("boom") if room_name == "ears" else None),
        speech=Broken() if room_name == "voice" else None,
        eye=eye,
    )
    assert run.go() == 1
    assert run.exits == []


def test_d15_exit_code_of_the_error() -> None:
    """An error of ours ends the daemon with its own exit code."""
    run = Run(QuietRoom, config=Config(), listener=FakeListener(fails=ModelError("x", "bad")))
    with pytest.raises(ModelError):
        run.go()


def test_d15_a_thread_that_hangs_too() -> None:
    """Where another thread cannot be ended after a failure, the process is ended the hard way."""
    free = threading.Event()

    def stuck() -> str:
        free.wait()
        return ""

    eye = Eye(lambda: FakeCamera(stuck), FakeClassifier(), Steady())
    run = Run(QuietRoom, config=Config(), listener=FakeListener(fails=RuntimeError("boom")), eye=eye)
    assert run.go() == 1
    assert run.exits == [1]
    free.set()


def test_watchdog_is_fed_by_sound_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """READY comes once the ears run; a microphone that gives nothing feeds no watchdog, sound."""
    monkeypatch.setattr("edge.watch.FED_S", 0.0)

    class Mute(QuietRoom):
        def read(self, timeout_s: float) -> Chunk | None:
            time.sleep(timeout_s / 10)
            return None

    run = Run(Mute, config=Config())
    start = time.monotonic()
    assert run.until(lambda: time.monotonic() - start > 1.5) == 0
    assert run.told.messages[0] == "READY=1"
    assert run.told.messages.count("WATCHDOG=1") <= 1  # for the opening
    run = Run(QuietRoom, config=Config())
    assert run.until(lambda: run.told.messages.count("WATCHDOG=1") > 3) == 0
    assert run.told.messages.index("READY=1") < run.told.messages.index("WATCHDOG=1")


def test_e1_a_camera_that_fails_costs_only_pictures() -> None:
    """No camera: the ears go on, and the recording is heard to its end."""

    def none() -> Any:
        raise DeviceError("no camera")

    eye = Eye(none, FakeClassifier(), Steady())
    run = Run(room(3), eye=eye, listener=FakeListener([1.04]))
    assert run.go() == 0
    assert run.times("heard") == [1.04]


def test_c9_reload() -> None:
    """SIGHUP: a configuration that is refused changes nothing; a good one ends this run for the next, without
    telling the service manager that it stops."""
    answers = iter([False, True])
    asked = []

    def reload() -> bool:
        asked.append(1)
        run.signals.reload = len(asked) < 2
        return next(answers)

    run = Run(QuietRoom, config=Config(), reload=reload)
    run.signals.reload = True
    assert run.go() == 0
    assert run.daemon.reloading
    assert len(asked) == 2
    assert "STOPPING=1" not in run.told.messages


def test_commands_run_to_their_end(tmp_path: Path) -> None:
    """A rule's command is started with the word as one argument, and waited for at the end of a recording."""
    code = f"import sys, time; time.sleep(0.3); open({str(tmp_path / 'ran')!r}, 'w').write(sys.argv[1])"
    rule = RuleConfig(heard="*", run=(sys.executable, "-c", code, "{word}"))
    run = Run(
        room(2),
        config=Config(microphone=RECORDED, rules=(rule,)),
        listener=FakeListener([1.04], word="hey; you"),
    )
    assert run.go() == 0
    assert (tmp_path / "ran").read_text() == "hey; you"


SUBPROCESS = """
import sys, threading
from edge.config import CameraConfig, Config, MicrophoneConfig, RuleConfig
from edge.daemon import Daemon
from edge.errors import DeviceError
from edge.eventlog import EventLog
from edge.fakes import *
from edge.mood import Steady
from edge.parts import Ear, Eye, Parts
from edge.resample import Resampler
from edge.signals import Signals

state = sys.argv[1]
signals = Signals()
signals.catch()

def absent():
    raise DeviceError("there is no microphone")

def stuck():
    print("stuck", flush=True)
    threading.Event().wait()

class Speech(FakeSpeech):
    def say(self, text):
        print("speaking", flush=True)
        return super().say(text)

eye = Eye(lambda: FakeCamera(stuck), FakeClassifier(), Steady()) if state == "stuck" else None
speech = Speech("espeak", hold=threading.Event())
listener = FakeListener([0.08] if state == "speaking" else [])
ear = Ear(absent if state == "WAITING" else QuietRoom, Resampler, listener)
config = Config(rules=(RuleConfig(heard="*", lines=("hello",)),))
sys.exit(Daemon(config, Parts(speech, ear, eye), tell=EventLog(), signals=signals).run())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("state", ["LISTENING", "WAITING", "speaking", "stuck"])
def test_f6_signals_in_every_state(state: str, number: int) -> None:
    """SIGTERM and SIGINT, even twice, end the process with exit code 0: while it listens, waits for a
    microphone, speaks, and while a camera hangs for ever. The limits add up to less than 5 s, and after a
    failure to less than 2 s."""
    assert POLL_S + CLEAN_S < 4.5
    assert POLL_S + FAILED_S < 1.5
    process = subprocess.Popen(
        [sys.executable, "-c", SUBPROCESS, state],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        assert process.stdout is not None
        assert any(state in line for line in process.stdout)
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


HANGS_TWICE = """
import sys, threading
from edge.config import Config
from edge.daemon import Daemon
from edge.eventlog import EventLog
from edge.fakes import *
from edge.parts import Ear, Parts
from edge.resample import Resampler

class Stuck(QuietRoom):
    def close(self):
        print("closing", flush=True)
        threading.Event().wait()

ear = Ear(Stuck, Resampler, FakeListener(fails=RuntimeError("boom")))
sys.exit(Daemon(Config(), Parts(FakeSpeech(), ear), tell=EventLog()).run())
"""


def test_d15_a_thread_that_fails_and_hangs_in_closing() -> None:
    """A room that fails, and whose microphone then cannot be closed, still ends the process with exit code 1,
    and what went wrong first is on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS_TWICE],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "closing" in done.stdout
    assert "boom" in done.stderr
