"""The folder of annotated pictures, and its sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge import album
from edge.album import CELL, GAP, MOST_CELLS, Album
from edge.errors import UsageError
from edge.events import Frame, Seen

Image = pytest.importorskip("PIL.Image")

SEEN = [Seen("cat", 0.75, "x", (("cat", 0.75),))]


def grey(source: str, value: int = 128) -> Frame:
    return Frame(np.full((24, 32, 3), value, np.uint8), source)


def test_names_are_plain_and_each_its_own(tmp_path: Path) -> None:
    """Cameras, films, odd and equal names, and one that is called sheet, all get a file of their own."""
    book = Album(tmp_path)
    camera = "picamera2:0"
    sources = (camera, camera, "a/b.mp4#t=1.50", "c/b.mp4#t=1.50", "sheet.png", "../../..", "ಕ.jpg",
               "x" * 300, "picamera2-0-2", camera, "")  # fmt: skip
    paths = [book.add(grey(source), SEEN) for source in sources]
    names = [path.name for path in paths if path]
    assert names == ["picamera2-0.jpg", "picamera2-0-2.jpg", "b-t1.50.jpg", "b-t1.50-2.jpg", "sheet-2.jpg",
                     "picture.jpg", "ಕ.jpg", "x" * 60 + ".jpg", "picamera2-0-2-2.jpg", "picamera2-0-3.jpg",
                     "picture-2.jpg"]  # fmt: skip
    assert all((tmp_path / name).stat().st_size for name in names)


def test_one_picture_needs_no_sheet(tmp_path: Path) -> None:
    """With one picture there is nothing to compare; with two there is a sheet of two cells."""
    book = Album(tmp_path)
    book.add(grey("a"), SEEN)
    assert book.close() is None
    book.add(grey("b"), SEEN)
    sheet = book.close()
    assert sheet is not None
    assert Image.open(sheet).width == 2 * CELL + 3 * GAP


def test_of_a_long_film_the_sheet_shows_all_of_its_length(tmp_path: Path) -> None:
    """Of 100 pictures that grow lighter, the sheet has at most 48, from the first to nearly the last."""
    book = Album(tmp_path)
    for value in range(100):
        book.add(grey(f"a.mp4#t={value}", 2 * value), SEEN)
    sheet = np.asarray(Image.open(book.close() or ""))
    shown = {int(v) for v in np.unique(sheet[:, GAP + CELL // 2 :: CELL + GAP])}
    assert len(book._cells) <= MOST_CELLS
    assert min(shown) < 4
    assert max(shown - {245}) >= 185


def test_an_album_has_room_for_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that nothing more is written, whatever the camera still sees."""
    monkeypatch.setattr(album, "MOST", 5)
    book = Album(tmp_path)
    written = [book.add(grey("camera"), SEEN) for _ in range(60)]
    assert sum(path is not None for path in written) == 5
    assert len(list(tmp_path.iterdir())) == 5


def test_a_disk_that_takes_nothing_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails is an error with the folder's name."""

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(album, "write_whole", full)
    with pytest.raises(UsageError, match=r"No space left.*another folder"):
        Album(tmp_path).add(grey("a"), SEEN)
