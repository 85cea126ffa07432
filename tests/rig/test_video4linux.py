"""USB cameras through the real library: PyAV and libav's Video4Linux, over a driver that is preloaded."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from edge.camera import apart, open_camera
from edge.camera.frozen import FRAMES
from edge.config import CameraConfig
from edge.errors import DeviceError

pytest.importorskip("av")
pytestmark = [
    pytest.mark.rig,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(not Path("/usr/include/linux/videodev2.h").exists(), reason="needs linux-libc-dev"),
]
RED, BLUE = (218, 30, 18), (11, 40, 231)  # what video0.c paints, after YUV and back


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("driver") / "video0.so"
    source = Path(__file__).with_name("video0.c")
    command = ["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return library


@pytest.fixture
def device(driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A camera; what is written into its file is what is wrong with it."""
    path = tmp_path / "video0"
    path.touch()
    monkeypatch.setenv("LD_PRELOAD", str(driver))
    monkeypatch.setenv("FAKE_VIDEO", str(path))
    return path


def config(device: Path, **options: int) -> CameraConfig:
    return CameraConfig(backend="v4l2", device=str(device), **options)


@pytest.mark.parametrize("rotate", [0, 180])
@pytest.mark.fault("E5")
def test_a_red_card_is_red_and_upright(device: Path, rotate: int) -> None:
    """E5: red comes first, from brightness and colour as cameras give them; its corner shows up."""
    camera = open_camera(config(device, rotate=rotate))
    pixels = camera.capture().pixels
    camera.close()
    assert pixels.shape == (480, 640, 3)
    np.testing.assert_allclose(pixels[240, 630 if not rotate else 10], RED, atol=4)
    np.testing.assert_allclose(pixels[(50, 50) if not rotate else (-50, -50)], BLUE, atol=4)


def test_what_is_given_is_new(device: Path) -> None:
    """After a while in which nobody asked, the picture is none of those in the buffers of the driver."""
    camera = open_camera(config(device))
    counted = []
    for _ in range(2):
        counted.append(int(camera.capture().pixels[-1, 400, 0]) / 1.164)  # of brightness, one a picture
        time.sleep(0.7)
    camera.close()
    assert counted[1] - counted[0] > 8  # twice as many as there are buffers


@pytest.mark.fault("E3")
def test_a_driver_that_hangs_is_given_up(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: libav is blocked in the driver; the capture is given up, and a new process sees again."""
    monkeypatch.setattr(apart, "CAPTURE_S", 1.0)
    camera = open_camera(config(device))
    assert camera.capture().pixels.any()
    device.write_text("hang")
    with pytest.raises(DeviceError, match="no picture for"):
        for _ in range(20):
            camera.capture()
    device.write_text("")
    again = open_camera(config(device))
    assert again.capture().pixels.any()
    again.close()


@pytest.mark.fault("E1")
def test_a_camera_that_is_pulled_out_is_told(device: Path) -> None:
    """E1: ENODEV arrives in libav's words, with a question."""
    camera = open_camera(config(device))
    camera.capture()
    device.write_text("gone")
    with pytest.raises(DeviceError, match=r"No such device; was it unplugged"):
        for _ in range(20):
            camera.capture()


@pytest.mark.fault("E2")
def test_a_busy_camera_is_told(device: Path) -> None:
    """E2: EBUSY arrives in libav's words, with the remedy."""
    device.write_text("busy")
    with pytest.raises(DeviceError, match=r"resource busy; only one program"):
        open_camera(config(device))


@pytest.mark.fault("E5")
def test_a_frozen_camera_is_noticed(device: Path) -> None:
    """E5: a hundred pictures that are equal to the bit, counted where they are taken."""
    device.write_text("still")
    camera = open_camera(config(device))
    with pytest.raises(DeviceError, match="has frozen"):
        for _ in range(FRAMES + 1):
            camera.capture()
