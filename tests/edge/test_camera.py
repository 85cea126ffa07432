"""Folders of pictures as cameras, and which camera is opened."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from raw_pictures import npy, ppm

from edge.camera import open_camera
from edge.camera.folder import FolderCamera
from edge.config import CameraConfig
from edge.errors import DeviceError
from edge.events import Frame


def level(frame: Frame) -> int:
    return int(frame.pixels[0, 0, 0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, written out of order; the first value of each is its place."""
    place = tmp_path / "pictures"
    place.mkdir()
    for name, value in (("c.ppm", 3), ("a.PPM", 1), ("b.ppm", 2)):
        (place / name).write_bytes(ppm(value, value, value))
    (place / "notes.txt").write_text("not a picture")
    return place


def test_pictures_come_by_name_for_ever(folder: Path) -> None:
    """A folder is shown in the order of its names, again and again; other files are no pictures."""
    camera = FolderCamera(folder)
    assert [level(camera.capture()) for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]
    assert not camera.ended
    assert camera.skipped == 0


def test_a_folder_shown_once_ends(folder: Path) -> None:
    """Without loop it ends after the last picture, and says so before and when asked again."""
    camera = FolderCamera(folder, loop=False)
    ended = []
    for _ in range(3):
        camera.capture()
        ended.append(camera.ended)
    assert ended == [False, False, True]
    with pytest.raises(DeviceError, match="shown"):
        camera.capture()


def test_each_picture_is_held(folder: Path) -> None:
    """hold=3 shows every picture three times in a row, so that it can become steady."""
    camera = FolderCamera(folder, hold=3, loop=False)
    assert [level(camera.capture()) for _ in range(9)] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert camera.ended


def test_pictures_may_come_and_go(folder: Path) -> None:
    """A picture put there while it runs is shown in the next round, one taken away is not missed."""
    camera = FolderCamera(folder)
    camera.capture()
    (folder / "b.ppm").unlink()
    (folder / "d.ppm").write_bytes(ppm(4, 4, 4))
    assert [level(camera.capture()) for _ in range(5)] == [3, 1, 3, 4, 1]
    assert camera.skipped == 1  # b, which was still on the list of the first round


def test_what_cannot_be_read_is_skipped_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bad picture costs one warning in all and one count a round; the others go on."""
    (folder / "b.ppm").write_bytes(b"P6\n6 4\n255\nshort")
    camera = FolderCamera(folder)
    with caplog.at_level(logging.WARNING):
        assert [level(camera.capture()) for _ in range(6)] == [1, 3] * 3
    assert camera.skipped == 3
    assert [record.getMessage().count("b.ppm") for record in caplog.records] == [1]


def test_only_bad_pictures_are_no_camera(folder: Path) -> None:
    """Where nothing in a whole round can be read, capture fails and does not spin for ever."""
    for path in folder.iterdir():
        path.write_bytes(b"P6 broken")
    camera = FolderCamera(folder)
    with pytest.raises(DeviceError, match="none of its pictures"):
        camera.capture()
    (folder / "a.PPM").write_bytes(ppm(9, 9, 9))
    assert level(camera.capture()) == 9


@pytest.mark.parametrize("what", ["missing", "empty", "a file"])
def test_a_folder_without_pictures_is_an_error_with_a_remedy(tmp_path: Path, what: str) -> None:
    """No folder, or nothing in it, is said at once, with what to do."""
    place = tmp_path / "x"
    if what == "empty":
        place.mkdir()
    if what == "a file":
        place.write_bytes(b"x")
    with pytest.raises(DeviceError, match="put some there" if what == "empty" else "make it"):
        FolderCamera(place)


def test_open_camera_opens_what_the_configuration_names(folder: Path) -> None:
    """A folder is opened by its name, and holds pictures for as long as the mood wants to see them."""
    camera = open_camera(CameraConfig(backend="folder", folder=str(folder), steady_frames=2))
    assert [level(camera.capture()) for _ in range(4)] == [1, 1, 2, 2]
    camera.close()


def test_a_folder_may_be_shown_once(folder: Path) -> None:
    """once = true: it ends after the last picture, also where the pictures are turned."""
    for rotate in (0, 90):
        camera = open_camera(
            CameraConfig(backend="folder", folder=str(folder), steady_frames=1, once=True, rotate=rotate)
        )
        ended = []
        for _ in range(3):
            camera.capture()
            ended.append(camera.ended)
        assert ended == [False, False, True]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.fault("E5")
def test_pictures_are_turned_clockwise(folder: Path, rotate: int) -> None:
    """rotate = 90: what lay at the left lies on top, as Pillow turns it."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    for path in folder.iterdir():
        path.unlink()
    (folder / "a.npy").write_bytes(npy(pixels))
    turned = open_camera(CameraConfig(backend="folder", folder=str(folder), rotate=rotate)).capture().pixels
    wanted = np.asarray(image.fromarray(pixels).rotate(-rotate, expand=True))
    np.testing.assert_array_equal(turned, wanted)
    assert turned.flags.c_contiguous


def test_a_camera_that_is_off_is_an_error_with_a_remedy() -> None:
    """Asking for a camera where the configuration has none says which line to change."""
    with pytest.raises(DeviceError, match=r"\[camera\] backend.*folder.*picamera2"):
        open_camera(CameraConfig())


def test_nothing_of_a_backend_is_imported_before_it_is_used() -> None:
    """Listing the backends imports neither picamera2 nor Pillow nor PyAV."""
    import subprocess

    names = ("picamera2", "PIL", "av", "edge.camera.pi", "edge.camera.film")
    code = f"import edge.camera, sys; print([m for m in {names} if m in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert out.stdout.strip() == "[]"
