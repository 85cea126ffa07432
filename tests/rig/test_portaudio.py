"""Microphones on a real sound server: what is played in the room is what the program hears."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType

import numpy as np
import pytest
from numpy.typing import NDArray
from pulse import RATE_HZ, PulseRoom, missing

from edge.resample import Resampler
from edge.wav import write_wav

pytestmark = [
    pytest.mark.rig,
    pytest.mark.skipif(bool(missing()), reason=f"this rig needs {missing()}"),
]
REPOSITORY = Path(__file__).parents[2]
NO_PYAUDIO = pytest.mark.skipif(
    importlib.util.find_spec("pyaudio") is None, reason="needs PyAudio: pip install 'heychip[pyaudio]'"
)
BACKENDS = ["sounddevice", pytest.param("pyaudio", marks=NO_PYAUDIO)]


class Listening:
    """`capture.py` in the room: orders in, answers out."""

    def __init__(self, room: PulseRoom, backend: str, *, device: str = "", channel: int = 0) -> None:
        self.out = room.folder / "heard.npz"
        command = [sys.executable, str(Path(__file__).with_name("capture.py")), backend, device, str(channel)]
        self.process = subprocess.Popen(
            [*command, str(self.out)],
            env=room.env | {"PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answers: SimpleQueue[str] = SimpleQueue()
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self._answers.put(line.strip())

    def order(self, order: str) -> None:
        """Tell the program what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def answer(self, expected: str) -> str:
        """The next answer, which must begin so."""
        try:
            answer = self._answers.get(timeout=30)
        except Empty:
            pytest.fail(f"no answer, where {expected!r} was expected; the program: {self.process.poll()}")
        assert answer.startswith(expected), answer
        return answer

    def heard(self) -> NDArray[np.float32]:
        """All that was heard so far, at 16 kHz."""
        self.order("save")
        self.answer("saved")
        with np.load(self.out) as saved:
            return at_16_khz(saved["samples"][:, 0], int(saved["rate_hz"]))

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.process.stdin.close() if self.process.stdin else None
        try:
            assert self.process.wait(timeout=30) == 0 or kind is not None
        finally:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PulseRoom]:
    """A room of its own for every test, since some of them kill it."""
    with PulseRoom(tmp_path) as room:
        yield room


def noise(seed: int, seconds: float = 1.5) -> NDArray[np.float32]:
    """Noise of speech's band, 300 to 3000 Hz: like nothing else in the room."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ)))
    hz = np.fft.rfftfreq(int(seconds * RATE_HZ), 1 / RATE_HZ)
    sound = np.fft.irfft(spectrum * ((hz > 300) & (hz < 3000)))
    return (0.25 * sound / np.abs(sound).max()).astype(np.float32)


def at_16_khz(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The same sound as the front end would hear it."""
    resampler = Resampler(rate_hz)
    return np.concatenate([resampler.step(sound), resampler.flush()])


def likeness(heard: NDArray[np.float32], played: NDArray[np.float32]) -> float:
    """The largest correlation coefficient of `played` with any stretch of `heard`, by FFT."""
    size = len(heard) + len(played)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)))
    product = product[: len(heard) - len(played)]
    energy = np.cumsum(np.concatenate([[0.0], np.square(heard, dtype=np.float64)]))
    stretch = energy[len(played) : -1] - energy[: -len(played) - 1]
    return float((product / np.sqrt(np.maximum(stretch, 1e-3) * np.square(played).sum())).max())


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_played_is_what_is_heard(room: PulseRoom, backend: str) -> None:
    """A microphone opened at its own rate, resampled to 16 kHz, hears the very sound that was played."""
    played = noise(1)
    write_wav(room.folder / "played.wav", played, RATE_HZ)
    with Listening(room, backend) as program:
        assert program.answer("ready").split()[1:] == ["44100", "1"]
        room.play(room.folder / "played.wav")
        heard = program.heard()
    assert likeness(heard, at_16_khz(played, RATE_HZ)) > 0.97
    assert likeness(heard, at_16_khz(noise(2), RATE_HZ)) < 0.3


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_channel_is_picked_and_never_mixed(room: PulseRoom, backend: str) -> None:
    """Of two channels with different sounds the configured one is heard alone."""
    left, right = noise(3), noise(4)
    write_wav(room.folder / "played.wav", np.stack([left, right], axis=1), RATE_HZ)
    with Listening(room, backend, channel=1) as program:
        program.answer("ready")
        room.play(room.folder / "played.wav")
        heard = program.heard()
    assert likeness(heard, at_16_khz(right, RATE_HZ)) > 0.97
    assert likeness(heard, at_16_khz(left, RATE_HZ)) < 0.3


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_ambiguous_or_unknown_name_lists_what_there_is(room: PulseRoom, backend: str) -> None:
    """`ul` is a part of both `pulse` and `default`: the error lists both, as it does for an unknown name."""
    for device, words in (("ul", "2 microphones match"), ("blue yeti", "no microphone matches")):
        with Listening(room, backend, device=device) as program:
            answer = program.answer("error")
        assert words in answer
        assert "- pulse (ALSA" in answer
        assert "- default (ALSA" in answer


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_that_dies_is_told_and_survived(room: PulseRoom, backend: str) -> None:
    """A device that goes away is a DeviceError of read, and the same process hears again once it is back."""
    played = noise(5)
    write_wav(room.folder / "played.wav", played, RATE_HZ)
    with Listening(room, backend, device="default") as program:
        program.answer("ready")
        room.kill()
        assert "went away" in program.answer("error")
        program.order("reopen")
        program.answer("error")
        room.start()
        program.order("reopen")
        program.answer("ready")
        room.play(room.folder / "played.wav")
        heard = program.heard()
    assert likeness(heard, at_16_khz(played, RATE_HZ)) > 0.97


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_microphone_that_hangs_can_be_closed(room: PulseRoom, backend: str) -> None:
    """A suspended source gives no callbacks and no error; it closes all the same, and the program ends."""
    with Listening(room, backend) as program:
        program.answer("ready")
        room.suspend()
        time.sleep(1)
        counts = []
        for _ in range(2):
            program.order("count")
            counts.append(program.answer("count"))
            time.sleep(0.5)
        assert counts[0] == counts[1], "the microphone did not hang, so this proves nothing"
        program.order("close")
        program.answer("closed")


def test_devices_are_listed_as_json(room: PulseRoom) -> None:
    """`heychip devices --json` prints one object for each device, and exactly one default input."""
    program = "import argparse, edge.commands.devices as d; d.main(argparse.Namespace(json=True))"
    command, quiet = [sys.executable, "-c", program], {"capture_output": True, "timeout": 60}
    printed = subprocess.run(command, env=room.env, cwd=REPOSITORY, check=True, **quiet).stdout
    rows = [json.loads(line) for line in printed.splitlines()]
    assert {"pulse", "default"} <= {row["name"] for row in rows}
    assert [row["name"] for row in rows if row["default_input"]] == ["default"]
