"""Video files as a camera: real ones, written by PyAV."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from films import BLUE, RED, card, film, laid

from edge.camera import open_camera
from edge.camera.film import FilmCamera
from edge.config import CameraConfig
from edge.errors import DeviceError

pytest.importorskip("av")


def grown(count: int) -> list[np.ndarray]:
    """Grey pictures, each 10 lighter than the one before."""
    return [np.full((48, 64, 3), 10 * n, np.uint8) for n in range(count)]


@pytest.mark.parametrize(
    ("name", "codec", "pix"),
    [
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.avi", "rawvideo", "bgr24"),
        ("a.mkv", "ffv1", "yuv444p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
    ],
)
@pytest.mark.fault("E5")
def test_a_red_card_is_red_in_every_format(tmp_path: Path, name: str, codec: str, pix: str) -> None:
    """E5: red comes first whatever the film holds, BGR or brightness and colour; its corner is blue."""
    pixels = FilmCamera(film(tmp_path / name, [card()] * 3, codec=codec, pix=pix)).capture().pixels
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[40, 50], RED, atol=12)
    np.testing.assert_allclose(pixels[8, 8], BLUE, atol=12)


@pytest.mark.parametrize(("degrees", "corner"), [(90, (8, -8)), (180, (-8, -8)), (270, (-8, 8))])
@pytest.mark.fault("E5")
def test_a_film_that_lies_is_set_upright(tmp_path: Path, degrees: int, corner: tuple[int, int]) -> None:
    """E5: a film with the remark that it is to be turned clockwise is; its corner shows it."""
    pixels = FilmCamera(laid(film(tmp_path / "a.mp4", [card()] * 3), degrees)).capture().pixels
    assert pixels.shape == ((48, 64, 3) if degrees == 180 else (64, 48, 3))
    np.testing.assert_allclose(pixels[corner], BLUE, atol=12)
    np.testing.assert_allclose(pixels[-corner[0], -corner[1]], RED, atol=12)


def test_a_picture_every_so_many_seconds_of_the_film(tmp_path: Path) -> None:
    """Every half a second of a film of ten pictures a second is every fifth one, with its second told."""
    path = film(tmp_path / "a.avi", grown(20), codec="ffv1", pix="bgr0")
    camera = FilmCamera(path, every_s=0.5, loop=False)
    shown = []
    while not camera.ended:
        shown.append(camera.capture())
    assert [int(frame.pixels[0, 0, 0]) for frame in shown] == [0, 50, 100, 150]
    assert [frame.source.split("#")[1] for frame in shown] == ["t=0.00", "t=0.50", "t=1.00", "t=1.50"]
    with pytest.raises(DeviceError, match="shown"):
        camera.capture()


def test_every_frame_and_for_ever(tmp_path: Path) -> None:
    """every_s = 0 is every frame; with loop it begins again after the last."""
    camera = FilmCamera(film(tmp_path / "a.avi", grown(3), codec="ffv1", pix="bgr0"), every_s=0)
    assert [int(camera.capture().pixels[0, 0, 0]) for _ in range(7)] == [0, 10, 20, 0, 10, 20, 0]
    assert not camera.ended
    camera.close()
    camera.close()


def test_a_film_that_is_cut_off_gives_what_there_is(tmp_path: Path) -> None:
    """Half an AVI is half the pictures."""
    path = film(tmp_path / "a.avi", grown(20), codec="mjpeg", pix="yuvj420p")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    camera, count = FilmCamera(path, every_s=0, loop=False), 0
    while not camera.ended:
        camera.capture()
        count += 1
    assert 3 < count < 20


@pytest.mark.parametrize("bad", ["empty", "text", "cut", "sound", "pipe", "folder", "missing"])
def test_what_is_no_film_is_refused_with_the_reason(tmp_path: Path, bad: str) -> None:
    """Nothing that calls itself a film hangs or crashes the reader: a DeviceError names file and reason."""
    path = tmp_path / "a.mp4"
    if bad == "cut":  # an MP4 has its table of contents at the end
        film(path, grown(9))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif bad == "sound":
        path = Path(__file__).parents[2] / "models" / "hey_chip" / "golden.wav"
    elif bad == "pipe":
        os.mkfifo(path)
    elif bad == "folder":
        path.mkdir()
    elif bad != "missing":
        path.write_bytes(b"" if bad == "empty" else b"this is no film" * 99)
    with pytest.raises(DeviceError, match=path.name):
        FilmCamera(path)


def test_without_pyav_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare install says what films need."""
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(DeviceError, match=r"heychip\[video\]"):
        FilmCamera(tmp_path / "a.mp4")


def test_a_film_through_the_configuration(tmp_path: Path) -> None:
    """backend = "video" shows the film from a process of its own, turned as configured, once."""
    path = film(tmp_path / "a.mp4", [card()] * 10)
    config = CameraConfig(backend="video", file=str(path), interval_s=0.5, once=True, rotate=180)
    camera = open_camera(config)
    assert camera.name == str(path)
    shown = [camera.capture() for _ in range(2)]
    assert camera.ended
    assert [frame.source for frame in shown] == [f"{path}#t=0.00", f"{path}#t=0.50"]
    np.testing.assert_allclose(shown[0].pixels[-8, -8], BLUE, atol=12)
    camera.close()
