"""Single pictures: every format comes out as RGB, and what is none is refused with the reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from raw_pictures import RED, npy, ppm

from edge.camera.folder import PictureError, read_picture


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
