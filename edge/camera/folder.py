"""A folder of pictures as a camera, and how one picture file is read.

PPM (P6) and NPY need numpy alone; all other formats need Pillow, which is the extra `[camera]`.
"""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError, UsageError
from edge.events import Frame

log = logging.getLogger(__name__)

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".npy")
MAX_PIXELS = 50_000_000  # 150 MB; the largest camera of a Pi gives 64 million, four times what is of use here
MAX_FILE_BYTES = 256 * 2**20
PPM = re.compile(rb"P6(?:\s|#[^\n]*\n)+(\d{1,6})(?:\s|#[^\n]*\n)+(\d{1,6})(?:\s|#[^\n]*\n)+(\d{1,6})\s")
PILLOW = "for JPEG and PNG: pip install 'heychip[camera]', or on a Pi sudo apt install python3-pil"


class PictureError(UsageError):
    """A picture that cannot be read: `path`, `reason` and, where there is one, `remedy`."""

    def __init__(self, path: object, reason: str, remedy: str = "") -> None:
        self.path, self.reason, self.remedy = str(path), reason, remedy
        super().__init__(f"{self.path}: {reason}" + (f" ({remedy})" if remedy else ""))


class FolderCamera:
    """The pictures of a folder in the order of their names, for ever or once.

    The folder is read again at the start of every round, so pictures may come and go while it is shown. What
    cannot be read is skipped, counted in `skipped` and told once.
    """

    def __init__(self, folder: Path | str, *, loop: bool = True, hold: int = 1) -> None:
        """`hold`: how many captures in a row show one picture. DeviceError where there are no pictures."""
        self.name, self.ended, self.skipped = str(folder), False, 0
        self._folder, self._loop, self._hold = Path(folder), loop, max(1, hold)
        self._waiting = self._round()
        self._frame: Frame | None = None
        self._shown = 0
        self._told: set[Path] = set()

    def capture(self) -> Frame:
        """The next picture that can be read. DeviceError where none of them can, or all were shown."""
        if self._frame is None or self._shown >= self._hold:
            self._frame, self._shown = self._next(), 0
        self._shown += 1
        self.ended = not self._loop and not self._waiting and self._shown >= self._hold
        return self._frame

    def close(self) -> None:
        """Nothing is held open; further captures would go on."""

    def _next(self) -> Frame:
        for _ in range(2):  # what is left of this round, then a whole one
            while self._waiting:
                try:
                    return read_picture(self._waiting.pop(0))
                except PictureError as error:
                    self._skip(error)
            if not self._loop:
                self.ended = True
                raise DeviceError(f"{self.name}: all of its pictures were shown")
            self._waiting = self._round()
        raise DeviceError(f"{self.name}: none of its pictures can be read; the warnings above say why")

    def _skip(self, error: PictureError) -> None:
        self.skipped += 1
        if Path(error.path) not in self._told:
            self._told.add(Path(error.path))
            log.warning(
                "event=picture_skipped file=%s why=%r remedy=%r", error.path, error.reason, error.remedy
            )

    def _round(self) -> list[Path]:
        """The pictures of the folder by name. DeviceError where there is no folder or no picture in it."""
        try:
            found = sorted(p for p in self._folder.iterdir() if p.suffix.lower() in PICTURES)
        except OSError as error:
            remedy = "make it, or set [camera] folder"
            raise DeviceError(
                f"{self.name}: cannot read this folder of pictures: {error.strerror}; {remedy}"
            ) from error
        if not found:
            raise DeviceError(
                f"{self.name}: no pictures in this folder; put some there ({', '.join(PICTURES)})"
            )
        return found


def read_picture(path: Path | str) -> Frame:
    """One picture file, whatever its name ends in, as RGB. PictureError where it is not one."""
    path = Path(path)
    try:
        if not path.is_file():
            raise PictureError(path, "no such picture" if not path.exists() else "is not a file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PictureError(path, f"has more than {MAX_FILE_BYTES >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(path, f"cannot be read: {error.strerror}") from error
    if not data:
        raise PictureError(path, "is empty (0 bytes)")
    if data.startswith(b"P6"):
        pixels = _from_ppm(data, path)
    elif data.startswith(b"\x93NUMPY"):
        pixels = _from_npy(path)
    else:
        pixels = _from_pillow(data, path)
    return Frame(pixels, str(path))


def _size_checked(width: int, height: int, path: Path) -> None:
    if width < 1 or height < 1:
        raise PictureError(path, f"has no pixels: {width} x {height}")
    if width * height > MAX_PIXELS:
        raise PictureError(
            path, f"is {width} x {height}, more than {MAX_PIXELS // 10**6} million pixels", "scale it"
        )


def _from_ppm(data: bytes, path: Path) -> NDArray[np.uint8]:
    header = PPM.match(data)
    if not header:
        raise PictureError(path, f"is no whole PPM; it begins with {data[:12]!r}")
    width, height, largest = (int(n) for n in header.groups())
    _size_checked(width, height, path)
    if largest != 255:
        raise PictureError(
            path, f"is a PPM with values up to {largest}", "only 255 is read; convert it to 8 bits"
        )
    wanted, found = width * height * 3, len(data) - header.end()
    if found < wanted:
        raise PictureError(path, f"is cut off: {found} of {wanted} bytes of pixels")
    return np.frombuffer(data, np.uint8, wanted, header.end()).reshape(height, width, 3)


def _from_npy(path: Path) -> NDArray[np.uint8]:
    try:
        array: Any = np.load(
            path, mmap_mode="r", allow_pickle=False
        )  # mapped, as a header may claim any size
    except (ValueError, OSError, SyntaxError, EOFError) as error:
        raise PictureError(path, f"is no whole .npy: {error}") from error
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        expected = "uint8 [height, width, 3], RGB, or [height, width]"
        raise PictureError(path, f"holds {array.dtype} {list(array.shape)}, expected {expected}")
    _size_checked(array.shape[1], array.shape[0], path)
    return np.array(array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2))


def _from_pillow(data: bytes, path: Path) -> NDArray[np.uint8]:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise PictureError(path, "only PPM and NPY are read without Pillow", PILLOW) from error
    try:
        image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise PictureError(path, f"is too large: {error}", "scale it") from error
    except Exception as error:  # Pillow's plugins raise about anything on bytes that are none of theirs
        raise PictureError(path, f"is no picture that Pillow knows; it begins with {data[:12]!r}") from error
    _size_checked(image.width, image.height, path)
    try:
        image = ImageOps.exif_transpose(image)  # telephones turn pictures by a remark, not by their pixels
        if image.mode.startswith("I"):  # 16 bits: `convert` would clip what it should divide
            grey = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.array(image.convert("RGB"))
    except Exception as error:  # the same plugins, on the pixels
        raise PictureError(path, f"cannot be decoded: {error}", "it may be cut off: copy it again") from error
