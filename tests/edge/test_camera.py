"""Folders and a fake picamera2 as cameras; pictures that are none."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.camera import fake_picamera2, open_camera
from edge.camera.fake_picamera2 import World
from edge.camera.folder import FolderCamera, PictureError, read_picture
from edge.camera.frozen import FRAMES
from edge.camera.pi import BUFFERS, SIZE, TIMEOUT_S, PiCamera
from edge.classifier import ClassifierError, checked
from edge.config import CameraConfig
from edge.errors import DeviceError
from edge.events import Frame

RED = (220, 30, 20)


def ppm(*colour: int, width: int = 6, height: int = 4) -> bytes:
    return b"P6\n%d %d\n255\n" % (width, height) + bytes(colour) * (width * height)


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


# Folders


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


# Single pictures


def npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_ppm_with_remarks_is_read(tmp_path: Path) -> None:
    """A P6 header may hold remarks and any white space; the pixels are exact."""
    path = tmp_path / "x.ppm"
    path.write_bytes(b"P6 # by hand\n# twice\n2\t1 #w h\n255\n" + bytes([1, 2, 3, 4, 5, 6]))
    assert read_picture(path).pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_npy_is_read_in_colour_and_grey(tmp_path: Path) -> None:
    """A .npy of [h, w, 3] is RGB as it is; one of [h, w] is grey."""
    colour = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    path = tmp_path / "x.npy"
    path.write_bytes(npy(colour))
    np.testing.assert_array_equal(read_picture(path).pixels, colour)
    path.write_bytes(npy(colour[..., 0]))
    np.testing.assert_array_equal(read_picture(path).pixels, colour[..., :1].repeat(3, axis=2))


def test_what_a_file_holds_counts_not_its_name(tmp_path: Path) -> None:
    """A PPM called .jpg is read as the PPM it is."""
    path = tmp_path / "x.jpg"
    path.write_bytes(ppm(*RED))
    assert read_picture(path).pixels[0, 0].tolist() == list(RED)


LYING = (
    b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999, 9999, 3), }"
)
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is no picture", "hello"),
    "web page": (b"<!DOCTYPE html><html>", "DOCTYPE"),
    "cut PPM": (ppm(*RED)[:-5], "67 of 72 bytes"),
    "PPM without pixels": (b"P6\n6 4\n255\n", "0 of 72"),
    "PPM half a header": (b"P6\n6", "no whole PPM"),
    "PPM that claims 3 TB": (b"P6\n999999 999999\n255\nabc", "million pixels"),
    "PPM 0 wide": (b"P6\n0 4\n255\n", "no pixels"),
    "PPM 16 bits": (b"P6\n1 1\n65535\n" + bytes(6), "65535"),
    "npy floats": (npy(np.zeros((4, 4, 3))), "float64"),
    "npy flat": (npy(np.zeros(9, np.uint8)), r"\[9\]"),
    "npy alpha": (npy(np.zeros((4, 4, 4), np.uint8)), r"\[4, 4, 4\]"),
    "npy nothing": (npy(np.zeros((0, 4, 3), np.uint8)), "npy|pixels"),
    "npy that lies": (LYING.ljust(127) + b"\n" + bytes(30), "npy"),
    "npy cut": (npy(np.zeros((9, 9, 3), np.uint8))[:100], "npy"),
    "npy pickle": (npy(np.array([{}], dtype=object)), "npy"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_pictures_are_refused_with_the_reason(tmp_path: Path, bad: str) -> None:
    """Whatever a file claims, it is a PictureError naming file and reason; no memory is taken for claims."""
    data, reason = BAD[bad]
    if not data.startswith((b"P6", b"\x93NUMPY")) and data:
        pytest.importorskip("PIL")
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(PictureError, match=f"x.jpg: .*{reason}") as caught:
        read_picture(path)
    assert caught.value.exit_code == 2


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a missing file and a pipe are refused at once, without waiting for the pipe."""
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("", "not a file"), ("nosuch", "no such"), ("pipe", "not a file")):
        with pytest.raises(PictureError, match=reason):
            read_picture(tmp_path / name)


def test_without_pillow_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare install reads PPM and says what JPEG needs."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "x.ppm").write_bytes(ppm(*RED))
    assert read_picture(tmp_path / "x.ppm").pixels.shape == (4, 6, 3)
    with pytest.raises(PictureError, match=r"heychip\[camera\].*python3-pil"):
        read_picture(tmp_path / "x.jpg")


def saved(path: Path, image: Any, **options: Any) -> NDArray[np.uint8]:
    image.save(path, **options)
    return read_picture(path).pixels


def test_pictures_of_every_mode_become_rgb(tmp_path: Path) -> None:
    """Grey, 16-bit, palette, CMYK and see-through pictures come out as the RGB that a person would see."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "x.png"
    assert saved(path, image.new("L", (6, 4), 77))[0, 0].tolist() == [77] * 3
    deep = image.fromarray(np.full((4, 6), 77 * 256 + 5, np.uint16))
    assert saved(path, deep)[0, 0].tolist() == [77] * 3
    assert saved(path, image.new("1", (6, 4), 1))[0, 0].tolist() == [255] * 3
    assert saved(path, image.new("RGB", (6, 4), RED).quantize(4))[0, 0].tolist() == list(RED)
    assert saved(path, image.new("RGBA", (6, 4), (*RED, 0)))[0, 0].tolist() == [255] * 3
    assert saved(path, image.new("RGBA", (6, 4), (*RED, 255)))[0, 0].tolist() == list(RED)
    cyan = saved(tmp_path / "x.jpg", image.new("CMYK", (16, 16), (255, 0, 0, 0)))[8, 8]
    assert cyan[0] < 40
    assert cyan[1] > 200


@pytest.mark.fault("E5")
def test_a_telephones_remark_turns_the_picture(tmp_path: Path) -> None:
    """EXIF orientation 6 is a picture that lies on its side: it comes out upright."""
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif[0x0112] = 6
    assert saved(tmp_path / "x.jpg", image.new("RGB", (60, 40), RED), exif=exif).shape == (60, 40, 3)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path, ending: str) -> None:
    """Half a JPEG or PNG is not shown as half a picture."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / f"x.{ending}"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureError, match="cannot be decoded"):
        read_picture(path)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A small PNG that unpacks to 60 million pixels is refused before it is unpacked."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "x.png"
    image.new("1", (10_000, 6_000)).save(path)
    with pytest.raises(PictureError, match="million pixels"):
        read_picture(path)


# The Pi's camera


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


# The table


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
