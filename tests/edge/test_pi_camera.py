"""The Pi's camera, on a picamera2 that behaves as the real one does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_pictures import RED

from edge.camera import fake_picamera2
from edge.camera.fake_picamera2 import World
from edge.camera.frozen import FRAMES
from edge.camera.pi import BUFFERS, SIZE, TIMEOUT_S, PiCamera
from edge.classifier import ClassifierError, checked
from edge.errors import DeviceError


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2)
    yield fake_picamera2.reset(scene=RED)
    fake_picamera2.reset()


def test_a_red_card_is_red(world: World) -> None:
    """E5: what the Pi's camera sees red comes out with red first, whatever libcamera calls its formats."""
    frame = PiCamera().capture()
    assert frame.pixels.shape == (480, 640, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    np.testing.assert_allclose(frame.pixels.mean(axis=(0, 1)), RED, atol=3)
    assert frame.source == "picamera2:0"


@pytest.mark.parametrize("given", ["BGR888", "RGB888", "XBGR8888", "XRGB8888"])
def test_a_red_card_is_red_in_every_format(world: World, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where libcamera adjusts the format to another one, the order follows what it says it gives."""
    real = fake_picamera2.Picamera2.configure

    def adjusted(self: fake_picamera2.Picamera2, wanted: dict[str, Any]) -> None:
        wanted["main"]["format"] = given
        real(self, wanted)

    monkeypatch.setattr(fake_picamera2.Picamera2, "configure", adjusted)
    np.testing.assert_allclose(PiCamera().capture().pixels.mean(axis=(0, 1)), RED, atol=3)


def test_the_fake_calls_its_formats_as_libcamera_does(world: World) -> None:
    """RGB888 lies in memory as blue, green, red: the trap that the red card is for."""
    camera = fake_picamera2.Picamera2()
    camera.configure(camera.create_preview_configuration(main={"format": "RGB888"}))
    camera.start()
    np.testing.assert_allclose(camera.capture_array().mean(axis=(0, 1)), RED[::-1], atol=3)


def test_it_is_configured_once_and_small(world: World) -> None:
    """E4: one configuration for all pictures, 640 x 480, three buffers."""
    camera = PiCamera()
    for _ in range(5):
        camera.capture()
    assert [(c["main"]["size"], c["buffer_count"]) for c in world.configured] == [(SIZE, BUFFERS)]
    assert 2 <= BUFFERS <= 4


def test_closing_lets_the_next_one_have_it(world: World) -> None:
    """E2: while it is open a second open fails with a remedy; after close, or two, it succeeds."""
    first = PiCamera()
    with pytest.raises(DeviceError, match=r"busy.*fuser"):
        PiCamera()
    first.close()
    first.close()
    with pytest.raises(DeviceError, match="closed"):
        first.capture()
    assert PiCamera().capture().pixels.any()


def test_e1_no_camera_is_an_error_with_a_remedy(world: World) -> None:
    """E1: a loose ribbon is named."""
    world.cameras = 0
    with pytest.raises(DeviceError, match=r"ribbon.*rpicam-hello"):
        PiCamera()


def test_e3_a_capture_that_would_never_return_gives_up(world: World) -> None:
    """E3: after 5 s without a picture it is a DeviceError, no job is left behind, and a new open works."""
    camera = PiCamera()
    camera.capture()
    world.stalled = True
    with pytest.raises(DeviceError, match=f"no picture for {TIMEOUT_S:.0f} s"):
        camera.capture()
    assert world.waited_s == TIMEOUT_S
    assert camera._camera.jobs == []
    camera.close()
    world.stalled = False
    assert PiCamera().capture().pixels.any()


def test_e4_too_little_memory_lets_go_of_the_camera(world: World) -> None:
    """E4: a configuration that fails is told with libcamera's words, and the camera is free again."""
    world.no_memory = True
    with pytest.raises(DeviceError, match="Cannot allocate memory"):
        PiCamera()
    assert not world.acquired


def test_a_failing_capture_is_a_device_error(world: World) -> None:
    """What a job of picamera2 raises arrives with its words."""
    camera = PiCamera()
    world.fails = RuntimeError("dequeue failed")
    with pytest.raises(DeviceError, match="dequeue failed"):
        camera.capture()
    assert camera.capture().pixels.any()


def test_e5_a_frozen_camera_is_noticed(world: World) -> None:
    """E5: a hundred equal pictures are a DeviceError, so that the daemon opens the camera again."""
    world.frozen = True
    camera = PiCamera()
    for _ in range(FRAMES - 1):
        camera.capture()
    with pytest.raises(DeviceError, match="frozen"):
        camera.capture()


@pytest.mark.parametrize(("scene", "frozen"), [(RED, False), ((0, 0, 0), True)])
def test_a_living_or_dark_camera_is_not_frozen(
    world: World, scene: tuple[int, int, int], frozen: bool
) -> None:
    """Sensor noise, or plain darkness, goes on for as long as it likes."""
    world.scene, world.frozen = scene, frozen
    camera = PiCamera()
    for _ in range(FRAMES + 20):
        camera.capture()


def test_e6_padding_is_cut_off(world: World) -> None:
    """E6: rows and columns beyond the configured size, as some pipelines leave them, are cut off."""
    padded = np.zeros((512, 704, 3), np.uint8)
    padded[:480, :640] = RED
    world.odd = padded
    pixels = PiCamera().capture().pixels
    assert pixels.shape == (480, 640, 3)
    assert (pixels == RED).all()


@pytest.mark.parametrize(
    "odd",
    [np.zeros((480, 640), np.uint8), np.zeros((0, 640, 3), np.uint8), np.zeros((480, 640, 3), np.uint16)],
    ids=["grey", "empty", "16 bits"],
)
def test_e6_an_odd_frame_is_the_classifiers_to_refuse(world: World, odd: NDArray[Any]) -> None:
    """E6: an odd frame does not close the camera; the classifier refuses it, and the next one is fine."""
    camera = PiCamera()
    world.odd = odd
    frame = camera.capture()
    with pytest.raises(ClassifierError, match="frame skipped"):
        checked(frame)
    world.odd = None
    assert checked(camera.capture()).shape == (480, 640, 3)


def test_without_picamera2_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a Pi, or in a virtual environment that does not see apt's packages, the message says what to do."""
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(DeviceError, match=r"apt install python3-picamera2.*--system-site-packages"):
        PiCamera()


def test_a_numpy_that_apts_picamera2_cannot_use_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer numpy in the virtual environment breaks apt's modules with a ValueError: another remedy."""
    (tmp_path / "picamera2.py").write_text('raise ValueError("numpy.dtype size changed, may indicate …")')
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DeviceError, match=r"size changed.*pip uninstall numpy"):
        PiCamera()
