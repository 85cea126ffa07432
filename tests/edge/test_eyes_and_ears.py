"""The ears hear the same whatever the eyes do: real models, a real daemon, sound at its own pace."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from daemon_rig import Run

from edge.bundle import load_bundle
from edge.camera import apart
from edge.camera.apart import ApartCamera
from edge.camera.folder import FolderCamera
from edge.config import CameraConfig, Config, MicrophoneConfig
from edge.events import RATE_HZ, Chunk, Frame, Seen
from edge.fakes import FakeCamera, FakeClassifier, FakeListener, FakeMicrophone
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.lookers import open_looker
from edge.microphone.device import Device
from edge.microphone.live import BLOCK_S, Live
from edge.mood import Steady
from edge.parts import Eye
from edge.replay import samples_of

ROOT = Path(__file__).parents[2]
WORDS = 4
OPENED_S = 0.3


def recording() -> np.ndarray:
    """The golden recording of the shipped bundle a few times over: 16 kHz samples [n]."""
    return np.tile(samples_of(ROOT / "models" / "hey_chip" / "golden.wav"), WORDS)


class Fed(Live):
    """A sound card whose callback comes every 40 ms, whoever is late; it has ended after the recording."""

    def __init__(self, samples: np.ndarray) -> None:
        super().__init__(Device(0, "fed", "ALSA", 1, 0, RATE_HZ), RATE_HZ, 0)
        self._samples, self._fed = samples[:, None], False
        threading.Thread(target=self._feed, daemon=True).start()

    def _feed(self) -> None:
        begun_s, block = time.monotonic(), round(BLOCK_S * RATE_HZ)
        for at in range(0, len(self._samples), block):
            time.sleep(max(0.0, begun_s + at / RATE_HZ - time.monotonic()))
            self.hear(self._samples[at : at + block], overflow=False)
        self._fed = True

    @property
    def ended(self) -> bool:  # type: ignore[override]
        return self._fed and not self.behind_s

    def close(self) -> None:
        self._closed = True


class Heard:
    """A run of the daemon with real ears on this sound, and what came of it."""

    def __init__(self, eye: Eye | None, samples: np.ndarray, *, live: bool, interval_s: float = 0.05) -> None:
        listener = LazyListener(Listener([load_bundle("hey_chip")]))
        backend = "auto" if live else "recording"
        config = Config(MicrophoneConfig(backend=backend), camera=CameraConfig(interval_s=interval_s))
        whole = [Chunk(part[:, None], RATE_HZ) for part in np.array_split(samples, len(samples) // 1280)]

        def microphone() -> Any:
            return Fed(samples) if live else FakeMicrophone(whole)

        self.run = Run(microphone, config=config, listener=cast("FakeListener", listener), eye=eye)
        self.code = self.run.go()

    @property
    def times(self) -> list[float]:
        return self.run.times("heard")

    @property
    def lost_s(self) -> float:
        """Seconds of sound that were dropped or missed."""
        ears = self.run.daemon._ears
        assert ears is not None
        return ears._intake.lost_s


@pytest.fixture(scope="module")
def alone() -> list[float]:
    """When the words are heard without eyes."""
    heard = Heard(None, recording(), live=False)
    assert heard.code == 0
    assert len(heard.times) == WORDS
    return heard.times


class Both:
    """Things and faces in every picture."""

    def __init__(self) -> None:
        self.lookers = [open_looker("things"), open_looker("faces")]
        self.count = 0

    def classify(self, frame: Frame) -> Seen:
        self.count += 1
        seens = [one.classify(frame) for one in self.lookers]
        return seens[0]


@pytest.mark.slow
def test_the_ears_lose_nothing_while_the_eyes_run_flat_out(alone: list[float]) -> None:
    """Both models on picture after picture, as often as may be configured: the same words at the same times
    of the stream, and not a sample lost."""
    pytest.importorskip("PIL")
    both = Both()
    eye = Eye(lambda: FolderCamera(ROOT / "demo" / "pictures"), both, Steady())
    heard = Heard(eye, recording(), live=True)
    assert heard.code == 0
    assert both.count >= WORDS
    assert heard.times == alone
    assert heard.lost_s == 0.0


@pytest.mark.slow
@pytest.mark.fault("E3")
def test_a_camera_that_never_comes_back_delays_no_word(alone: list[float]) -> None:
    """E3: the eyes' thread is blocked from the first picture to the end of the recording; all words are heard
    meanwhile, at their times."""
    free, asked = threading.Event(), threading.Event()

    def never() -> str:
        asked.set()
        free.wait()
        return ""

    eye = Eye(lambda: FakeCamera(never), FakeClassifier(), Steady())
    heard = Heard(eye, recording(), live=True)
    blocked = asked.is_set() and not free.is_set()
    free.set()
    assert blocked
    assert heard.times == alone
    assert heard.lost_s == 0.0


@pytest.mark.slow
@pytest.mark.fault("E3")
def test_a_hung_camera_is_opened_anew_and_delays_no_word(
    alone: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """E3: a camera whose process hangs is given up and opened anew by another process; the words are heard as
    without a camera."""
    monkeypatch.setattr(apart, "CAPTURE_S", OPENED_S)
    code = (
        "import time; from edge.camera.serve import serve\n"
        "class Hung:\n"
        "    name, ended, close = 'hung', False, lambda self: None\n"
        "    def capture(self): time.sleep(60)\n"
        "serve(Hung)"
    )
    pids: list[int | None] = []

    def opened() -> ApartCamera:
        camera = ApartCamera("hung", [sys.executable, "-P", "-c", code])
        pids.append(camera.pid)
        return camera

    heard = Heard(Eye(opened, FakeClassifier(), Steady()), recording(), live=True)
    assert heard.code == 0
    assert len(set(pids)) == len(pids) >= 2
    assert heard.times == alone
    assert heard.lost_s == 0.0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
