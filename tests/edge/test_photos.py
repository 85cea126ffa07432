"""Photos: what is saved, where, how much of it, and what happens where nothing can be saved. Row E9."""

from __future__ import annotations

import errno
import io
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import files
from edge.annotate import annotated, encoded
from edge.camera.folder import read_picture
from edge.events import Frame, Seen
from edge.photos import MOST_WAITING, Look, Photos, Pictures
from edge.photos_config import PhotosConfig

GREY = Frame(np.full((48, 64, 3), 99, np.uint8), "camera")
SEEN = (Seen("cup", 0.9, "camera", (("cup", 0.9),)),)


class Stage:
    """A folder, a clock, eyes that show one picture after the other, and photos of them."""

    def __init__(self, folder: Path, *, pictures: Pictures | None = None, **config: Any) -> None:
        self.folder, self.now_s, self.hurried, self.told = folder, 0.0, 0, io.StringIO()
        self.look: Look | None = (GREY, SEEN)
        self.photos = Photos(
            PhotosConfig(folder=str(folder), **config),
            pictures or Pictures(encoded, annotated),
            look=lambda: self.look,
            hurry=self.hurry,
            tell=lambda **row: print(json.dumps(row), file=self.told),
            now_s=lambda: self.now_s,
        )

    def hurry(self) -> None:
        self.hurried += 1

    def take(self, *, fresh: bool = False) -> None:
        self.photos.ask(fresh=fresh)
        self.photos.step()

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def rows(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.told.getvalue().splitlines()]


def test_plain_and_annotated(tmp_path: Path) -> None:
    """Both are pictures that can be read again; the plain one is what the camera gave, the other is larger;
    their names have a number and the time; both are told."""
    stage = Stage(tmp_path / "a" / "b")
    stage.take()
    plain, seen = (Path(stage.rows[0][key]) for key in ("file", "annotated"))
    assert [plain.name, seen.name] == stage.names
    assert plain.name.startswith("000001_2")
    assert plain.suffix == ".jpg"
    assert seen.stem == plain.stem + "_seen"
    assert np.abs(read_picture(plain).pixels.astype(int) - 99).max() <= 2
    assert read_picture(seen).pixels.size > 4 * GREY.pixels.size


@pytest.mark.parametrize(("plain", "drawn", "count"), [(True, False, 1), (False, True, 1), (True, True, 2)])
def test_one_of_them_is_enough(tmp_path: Path, plain: bool, drawn: bool, count: int) -> None:
    """[photos] chooses which are kept."""
    stage = Stage(tmp_path, plain=plain, annotated=drawn)
    stage.take()
    assert len(stage.names) == count
    assert (bool(stage.rows[0]["file"]), bool(stage.rows[0]["annotated"])) == (plain, drawn)


def test_a_fresh_picture_is_waited_for(tmp_path: Path) -> None:
    """A button wants the picture that is taken after it was pressed: the eyes are asked to hurry, and the
    newest picture there was is not taken. What was seen keeps the picture in which it was."""
    stage = Stage(tmp_path, annotated=False)
    stage.photos.ask(fresh=True)
    assert stage.hurried == 1
    thread = threading.Thread(target=stage.photos.step)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    stage.look = (Frame(np.zeros((8, 8, 3), np.uint8), "next"), ())
    thread.join(5)
    assert read_picture(stage.rows[0]["file"]).pixels.max() < 5
    stage.photos.ask(fresh=False)
    assert stage.hurried == 1
    stage.look = (GREY, ())
    stage.photos.step()
    assert read_picture(stage.rows[1]["file"]).pixels.max() < 5


def test_no_picture_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A camera that gives nothing costs the photo, with a line in the log, and no old picture is taken."""
    stage = Stage(tmp_path)
    stage.photos.ask(fresh=True)
    stage.now_s = 100.0
    stage.photos.step()
    assert (stage.names, stage.photos.saved, stage.photos.lost) == ([], 0, 1)
    assert "camera gave no picture" in caplog.text


def test_the_oldest_go(tmp_path: Path) -> None:
    """By number, whatever the clock said; what is not ours stays, whatever it is called."""
    (tmp_path / "holiday.jpg").write_bytes(b"x" * 5_000_000)
    (tmp_path / "000001_link.jpg").symlink_to("holiday.jpg")
    (tmp_path / "000007_2099-01-01T00-00-00.jpg").touch()
    (tmp_path / "000008_1970-01-01T00-00-00.jpg").touch()
    stage = Stage(tmp_path, annotated=False, most_files=3)
    for _ in range(2):
        stage.take()
    assert [name[:6] for name in stage.names] == ["000001", "000008", "000009", "000010", "holida"]


def test_megabytes(tmp_path: Path) -> None:
    """The folder never holds more than its cap; the two of a number go together."""
    size = 300_000
    stage = Stage(tmp_path, pictures=Pictures(lambda _: b"\xff\xd8\xff" + bytes(size), annotated), most_mb=1)
    for _ in range(5):
        stage.take()
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1e6
    assert [name[:6] for name in stage.names] == ["000005", "000005"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_e9_a_disk_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """E9: full or read-only: nothing is saved, nothing is raised, one line an hour; when there is room again,
    photos are saved again, under the next numbers."""
    stage = Stage(tmp_path)
    broken = [True]
    fsync = files.os.fsync

    def failing(handle: int) -> None:
        if broken[0]:
            raise OSError(code, "no room")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", failing)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            stage.take()
        assert (stage.names, len(caplog.messages), stage.photos.lost) == ([], 1, 5)
        assert "no room" in caplog.text
        stage.now_s = 3601.0
        stage.take()
        assert len(caplog.messages) == 2
    broken[0] = False
    stage.take()
    assert len(stage.names) == 2
    assert stage.photos.saved == 1


def test_asking_never_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the disk hangs, so many photos wait, and what more is asked for is lost and counted; those who
    ask are back at once."""
    hold, began = threading.Event(), threading.Event()

    def slow(frame: Frame) -> bytes:
        began.set()
        hold.wait(20)
        return encoded(frame)

    stage = Stage(tmp_path, pictures=Pictures(slow, annotated), annotated=False)
    stage.photos.ask(fresh=False)
    thread = threading.Thread(target=stage.photos.step)
    thread.start()
    began.wait(10)
    for _ in range(MOST_WAITING + 5):
        stage.photos.ask(fresh=False)
    assert thread.is_alive()
    assert stage.photos.lost == 6
    assert "too slow" in caplog.text
    hold.set()
    thread.join(10)
    for _ in range(MOST_WAITING - 1):
        stage.photos.step()
    assert (stage.photos.saved, stage.photos.idle) == (MOST_WAITING, True)


def test_closing_ends_the_wait(tmp_path: Path) -> None:
    """A photo that waits for its picture does not keep the daemon from ending."""
    stage = Stage(tmp_path)
    stage.photos.ask(fresh=True)
    thread = threading.Thread(target=stage.photos.step)
    thread.start()
    stage.photos.close()
    thread.join(5)
    assert not thread.is_alive()
    assert stage.names == []


@pytest.mark.parametrize("odd", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)])
def test_e6_an_odd_picture_costs_one_photo(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, odd: np.ndarray
) -> None:
    """E6: what is no picture is not saved; the next one is."""
    stage = Stage(tmp_path)
    stage.look = (Frame(odd, "odd"), ())
    stage.take()
    stage.look = (GREY, SEEN)
    stage.take()
    assert (stage.photos.lost, stage.photos.saved) == (1, 1)


def test_a_kill_leaves_whole_pictures(tmp_path: Path) -> None:
    """F7: a photo gets its name only when it is whole on the disk: a crash before leaves no half of one."""
    stage = Stage(tmp_path)
    replaced: list[bool] = []
    original: Callable[..., Any] = Path.replace

    def watch(self: Path, target: Path) -> Path:
        replaced.append(self.stat().st_size > 0 and self.name.startswith("."))
        return original(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", watch)
        stage.take()
    assert replaced == [True, True]
