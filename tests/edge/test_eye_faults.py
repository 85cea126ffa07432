"""The eyes and everything that a camera can do to them: rows E1 to E7, on a clock of the test's own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.camera.frozen import FRAMES, Frozen
from edge.classifier import Classifier
from edge.errors import DeviceError
from edge.events import Frame, Seen
from edge.eyes import FIRST_RETRY_S, RETRY_S, Eyes
from edge.mood import Steady
from edge.parts import Eye


def flat(*colour: int, height: int = 48, width: int = 64) -> Frame:
    return Frame(np.full((height, width, 3), colour, np.uint8), "cam")


class Cameras:
    """Opens one camera at a time, each of which shows what `shoot` gives or raises."""

    name, ended = "cam", False

    def __init__(self, shoot: Callable[[], Frame], *, refuses: int = 0) -> None:
        self.shoot, self.refuses = shoot, refuses
        self.opened: list[float] = []
        self.open_now = self.most_open = 0
        self.now_s = 0.0

    def open(self) -> Cameras:
        self.opened.append(self.now_s)
        if self.refuses:
            self.refuses -= 1
            raise DeviceError("Device or resource busy")
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        return self

    def capture(self) -> Frame:
        return self.shoot()

    def close(self) -> None:
        self.open_now -= 1


class Looker:
    """Sees what a picture's brightness says, a label for each tens."""

    def classify(self, frame: Frame) -> Seen:
        label = f"level {frame.pixels.mean() // 10:.0f}"
        return Seen(label, 0.9, frame.source, ((label, 0.9),))


def look(cameras: Cameras, seconds: float, classifier: Any = None) -> tuple[Eyes, list[Seen]]:
    """So many seconds of the eyes' life, a picture each second."""
    told: list[Seen] = []

    def wait(nap_s: float) -> None:
        cameras.now_s += nap_s

    eye = Eye(cameras.open, classifier or Looker(), Steady())
    eyes = Eyes(eye, 1.0, see=told.append, wait=wait, now_s=lambda: cameras.now_s)
    while cameras.now_s < seconds:
        eyes.step()
    eyes.close()
    return eyes, told


@pytest.fixture(scope="module")
def things() -> Classifier:
    return Classifier.load("things")


def test_e1_e2_a_camera_that_cannot_be_opened_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """E1, E2: absent or busy: tried again after a second, then every minute, and said sparingly."""
    cameras = Cameras(lambda: flat(128, 128, 128), refuses=6)
    with caplog.at_level(logging.WARNING):
        _, told = look(cameras, 600.0)
    gaps = np.diff(cameras.opened)
    assert gaps[0] == pytest.approx(FIRST_RETRY_S, abs=0.21)
    assert gaps[1:] == pytest.approx([RETRY_S] * 5, abs=0.21)
    assert [seen.label for seen in told] == ["level 12"]
    assert len(caplog.records) <= 6


def test_e2_e3_e5_a_camera_that_fails_is_closed_before_it_is_opened_anew() -> None:
    """E2, E3, E5: whatever a capture meets (5 s without a picture, frozen, unplugged), that camera is given
    back, and a new one opened after a second; there are never two."""
    fails = iter([DeviceError("no picture for 5 s"), None, DeviceError("has frozen"), None, None, None])

    def shoot() -> Frame:
        error = next(fails, None)
        if error is not None:
            raise error
        return flat(128, 128, 128)

    cameras = Cameras(shoot)
    _, told = look(cameras, 30.0)
    assert len(cameras.opened) == 3
    assert cameras.most_open == 1
    assert cameras.open_now == 0
    assert [seen.label for seen in told] == ["level 12"]


def test_e5_a_frozen_camera_is_opened_anew() -> None:
    """E5: bright pictures that are equal to the bit are noticed at the hundredth; a changing, a dark and an
    empty one never; reopened, it is counted from the start."""
    frozen, still = Frozen(), flat(200, 200, 200).pixels
    assert [frozen.step(still) for _ in range(2 * FRAMES)].count(True) == 2
    for pictures in ([still, still + np.uint8(1)], [0 * still], [still[:0]]):
        living = Frozen()
        assert not any(living.step(pictures[n % len(pictures)]) for n in range(3 * FRAMES))
    frozen.step(still)
    frozen.reset()
    assert not any(frozen.step(still) for _ in range(FRAMES - 1))


@pytest.mark.parametrize("level", [0, 5, 255])
def test_e5_black_and_white_pictures_are_nothing(things: Classifier, level: int) -> None:
    """E5: a lens that is covered, and one that is blinded, tell nothing, though a network always has an
    opinion; of black pictures it is not even asked for one."""
    _, told = look(Cameras(lambda: flat(level, level, level)), 20.0, things)
    assert told == []
    assert things.classify(flat(level, level, level)).dark is (level < 8)


def test_e5_red_and_blue_are_not_the_same_to_it(things: Classifier) -> None:
    """E5: a picture with red for blue is another to the network, so every camera is held to a red card."""
    from edge.camera.folder import read_picture

    pytest.importorskip("PIL")
    picture = read_picture(Path(__file__).parents[2] / "demo" / "pictures" / "espresso.jpg")
    right = things.classify(picture)
    swapped = things.classify(Frame(np.ascontiguousarray(picture.pixels[..., ::-1]), "cam"))
    assert right.label == "espresso"
    assert dict(swapped.top).get("espresso", 0.0) < right.score


@pytest.mark.parametrize(
    "odd",
    [np.zeros((48, 64), np.uint8), np.zeros((0, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint16)],
    ids=["grey", "empty", "16 bits"],
)
def test_e6_odd_pictures_are_skipped_and_counted(things: Classifier, odd: np.ndarray) -> None:
    """E6: the camera stays open, the pictures are counted, and what follows is seen."""
    cameras = Cameras(lambda: Frame(odd, "cam"))
    eyes, told = look(cameras, 10.0, things)
    assert eyes.skipped >= 8
    assert told == []
    assert len(cameras.opened) == 1


def test_e7_labels_that_flap_are_not_told() -> None:
    """E7: a camera that hunts for its exposure shows another thing in each picture: none is told, and the
    first that stays is, once."""
    levels = iter([30, 90] * 10 + [150] * 60)
    _, told = look(Cameras(lambda: flat(*[next(levels)] * 3)), 60.0)
    assert [seen.label for seen in told] == ["level 15"]
