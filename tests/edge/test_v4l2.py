"""Video4Linux cameras: a fake PyAV, modelled on what PyAV 18.1 was seen to do and say."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.camera import v4l2
from edge.camera.frozen import FRAMES
from edge.camera.v4l2 import MOST_BAD, V4l2Camera
from edge.errors import DeviceError

RED = (220, 30, 20)


class FFmpegError(OSError):
    """The root of PyAV's errors is an OSError, too."""


class FakeAv:
    """The module: one camera that sees a red card. `fails` is raised by open, `script` by the packets."""

    FFmpegError = FFmpegError

    def __init__(self, *, fails: OSError | None = None, script: list[Any] | None = None) -> None:
        self.fails, self.script, self.opened, self.closed, self.given = fails, script or [], [], 0, 0
        self.noise = np.random.default_rng(0)
        self.still = False

    def open(self, file: str, *, format: str, options: dict[str, str]) -> Any:  # noqa: A002 - PyAV's name
        self.opened.append((file, format, options))
        if self.fails:
            raise self.fails
        return SimpleNamespace(demux=self.demux, close=self.close)

    def close(self) -> None:
        self.closed += 1

    def demux(self, *, video: int) -> Iterator[Any]:
        assert video == 0
        while True:
            self.given += 1
            what = self.script.pop(0) if self.script else None
            if what == "end":
                return
            if isinstance(what, Exception) and what.args[:1] != ("bad",):
                raise what
            yield SimpleNamespace(decode=lambda what=what: self.decode(what))

    def decode(self, what: Any) -> list[Any]:
        if isinstance(what, Exception):
            raise what
        if what == []:
            return []
        noise = 0 if self.still else self.noise.integers(0, 3)
        pixels = np.full((480, 640, 3), RED, np.uint8) + np.uint8(noise)

        def to_ndarray(*, format: str) -> np.ndarray:  # noqa: A002
            return pixels if format == "rgb24" else pixels[..., ::-1]

        return [SimpleNamespace(rotation=0, to_ndarray=to_ndarray)]


@pytest.fixture
def av(monkeypatch: pytest.MonkeyPatch) -> FakeAv:
    fake = FakeAv()
    monkeypatch.setitem(sys.modules, "av", fake)
    return fake


@pytest.fixture
def device(tmp_path: Path) -> str:
    (tmp_path / "video0").touch()
    return str(tmp_path / "video0")


@pytest.mark.fault("E5")
def test_a_red_card_is_red(av: FakeAv, device: str) -> None:
    """E5: red comes first; the camera is opened once, by its driver's name, small."""
    camera = V4l2Camera(device)
    pixels = camera.capture().pixels
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), RED, atol=3)
    camera.capture()
    assert av.opened == [(device, "v4l2", {"video_size": "640x480"})]
    camera.close()
    assert av.closed == 1


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EBUSY, "only one program"), (errno.EACCES, "usermod -aG video"), (errno.ENOTTY, "is no camera")],
)
@pytest.mark.fault("E2")
def test_an_open_that_fails_names_the_remedy(av: FakeAv, device: str, number: int, remedy: str) -> None:
    """E2: busy, forbidden, or no camera at all: each with what to do."""
    av.fails = FFmpegError(number, "libav's words", device)
    with pytest.raises(DeviceError, match=f"libav's words; .*{remedy}"):
        V4l2Camera(device)


def test_e2_who_has_it_is_named(av: FakeAv, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """E2: where the program that has the camera can be seen, it is named."""
    monkeypatch.setattr(v4l2, "camera_holders", lambda: ["motion (123)"])
    av.fails = FFmpegError(errno.EBUSY, "Device or resource busy", device)
    with pytest.raises(DeviceError, match=r"resource busy.*motion \(123\)"):
        V4l2Camera(device)


def test_e1_no_camera_is_an_error_with_a_remedy(av: FakeAv, tmp_path: Path) -> None:
    """E1: a device that is not there is said before libav is asked."""
    with pytest.raises(DeviceError, match=r"no such camera.*plug it in"):
        V4l2Camera(str(tmp_path / "video7"))
    assert av.opened == []


def test_a_first_picture_that_is_half_a_jpeg_is_passed_over(av: FakeAv, device: str) -> None:
    """What cannot be decoded costs that picture; ten in a row are an error."""
    av.script = [FFmpegError("bad"), [], FFmpegError("bad")]
    assert V4l2Camera(device).capture().pixels.any()
    assert av.given == 4
    av.script = [FFmpegError("bad")] * MOST_BAD
    with pytest.raises(DeviceError, match="can be decoded"):
        V4l2Camera(device).capture()


@pytest.mark.parametrize("call", ["capture", "skip"])
def test_a_camera_that_is_pulled_out_is_an_error(av: FakeAv, device: str, call: str) -> None:
    """ENODEV, or the end of its pictures, is a DeviceError that asks whether it was unplugged."""
    av.script = [FFmpegError(errno.ENODEV, "No such device", device)]
    with pytest.raises(DeviceError, match=r"No such device.*unplugged"):
        getattr(V4l2Camera(device), call)()
    av.script = ["end"]
    with pytest.raises(DeviceError, match="unplugged"):
        getattr(V4l2Camera(device), call)()


def test_e5_a_frozen_camera_is_noticed(av: FakeAv, device: str) -> None:
    """E5: a hundred equal bright pictures are a DeviceError, those that nobody asked for not counted."""
    av.still = True
    camera = V4l2Camera(device)
    for _ in range(FRAMES - 1):
        camera.skip()
        camera.capture()
    with pytest.raises(DeviceError, match="frozen"):
        camera.capture()
