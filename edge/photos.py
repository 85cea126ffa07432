"""Photos: the pictures that rules ask for, plain and with what was seen drawn over them, in a folder that
does not grow beyond its cap. A room with a thread of its own: a card that is slow, full or gone costs no
picture of the eyes and no hop of the ears.
"""

from __future__ import annotations

import datetime
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge import logs
from edge.errors import HeychipError
from edge.events import Frame, Seen
from edge.files import make_folder, write_whole
from edge.photos_config import PhotosConfig

log = logging.getLogger(__name__)

MOST_WAITING = 4  # photos that wait for the disk, 1 MB each
FRESH_S = 8.0  # for a picture that is taken now: a camera may take 5 s to say that it cannot
LOOK_S = 0.05
WAIT_S = 0.5
COMPLAIN_S = 3_600.0
_OURS = re.compile(r"(\d{6,})_[\d-]+T[\d-]+(_seen)?\.(jpg|png)")
_KINDS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png"}

Look = tuple[Frame, tuple[Seen, ...]]
Looking = Callable[[], Look | None]


@dataclass(frozen=True)
class Pictures:
    """How a picture becomes the bytes of a file, and how what was seen is drawn over it."""

    encoded: Callable[[Frame], bytes]
    annotated: Callable[[Frame, tuple[Seen, ...]], Frame]


class Photos:
    """`ask` for a photo from any thread; `step` saves one, or waits a while for one to be asked for."""

    done = False

    def __init__(
        self,
        config: PhotosConfig,
        pictures: Pictures,
        *,
        look: Looking,
        hurry: Callable[[], object],
        tell: Callable[..., object],
        now_s: Callable[[], float],
    ) -> None:
        """`look` gives the newest picture with what was seen in it, another object for each; `hurry` asks the
        eyes to take the next one now; `tell(file=…, annotated=…)` is told of each photo."""
        self._config, self._pictures, self._folder = config, pictures, Path(config.folder)
        self._look, self._hurry, self._tell, self._now_s = look, hurry, tell, now_s
        self._jobs: deque[tuple[Look | None, bool, float]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._sparing = logs.Sparing(COMPLAIN_S)
        self._last = 0
        self.saved = self.lost = 0

    def ask(self, *, fresh: bool) -> None:
        """Ask for a photo: of the newest picture, or of one that is taken now. Never waits; where the disk is
        that slow, it is lost."""
        newest = self._look()
        with self._changed:
            if len(self._jobs) >= MOST_WAITING:
                self._lose("the disk is too slow")
                return
            self._jobs.append((newest, fresh or newest is None, self._now_s() + FRESH_S))
            self._changed.notify_all()
        if fresh or newest is None:
            self._hurry()

    def step(self) -> None:
        """Save one photo, or wait a while for one."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed, WAIT_S)
            if not self._jobs or self._closed:
                return
            newest, fresh, until_s = self._jobs[0]
        picture = self._after(newest, until_s) if fresh else newest
        if picture is not None:
            self._save(picture)
        elif not self._closed:
            self._lose("the camera gave no picture")
        with self._changed:
            self._jobs.popleft()
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether no photo is asked for."""
        return not self._jobs

    def _after(self, before: Look | None, until_s: float) -> Look | None:
        """The first picture that is not `before`."""
        while (newest := self._look()) is None or newest is before:
            with self._changed:
                if self._closed or self._now_s() > until_s:
                    return None
                self._changed.wait_for(lambda: self._closed, LOOK_S)
        return newest

    def _save(self, picture: Look) -> None:
        frame, seen = picture
        try:
            files = []
            if self._config.plain:
                files.append(("", self._pictures.encoded(frame)))
            if self._config.annotated:
                files.append(("_seen", self._pictures.encoded(self._pictures.annotated(frame, seen))))
            named = self._write(files)
        except (OSError, HeychipError) as error:
            self._lose(getattr(error, "strerror", None) or str(error))
            return
        self.saved += 1
        self._tell(file=named.get("", ""), annotated=named.get("_seen", ""))

    def _write(self, files: list[tuple[str, bytes]]) -> dict[str, str]:
        """Each under the next number; gives their paths."""
        make_folder(self._folder)
        there = list(self._ours())
        self._last = max([self._last, *(number for number, _, _ in there)]) + 1
        self._make_room(there, sum(len(data) for _, data in files), len(files))
        time_of_day = datetime.datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
        named = {}
        for mark, data in files:
            kind = next((kind for begin, kind in _KINDS.items() if data.startswith(begin)), ".jpg")
            path = self._folder / f"{self._last:06d}_{time_of_day}{mark}{kind}"
            write_whole(path, data)
            named[mark] = str(path)
        return named

    def _make_room(self, there: list[tuple[int, Path, int]], size: int, count: int) -> None:
        """Removes the oldest of ours, by number, for the clock may have jumped; both of a number together."""
        left = self._config.most_mb * 1e6 - size - sum(bytes_ for _, _, bytes_ in there)
        over = len(there) + count - self._config.most_files
        gone = 0
        for number, path, bytes_ in sorted(there):
            if left >= 0 and over <= 0 and number != gone:
                return
            gone = number
            path.unlink(missing_ok=True)
            left, over = left + bytes_, over - 1

    def _ours(self) -> Iterator[tuple[int, Path, int]]:
        """Number, path and size of every photo; what else lies there is not ours to remove."""
        for path in self._folder.iterdir():
            if (found := _OURS.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
                yield int(found[1]), path, path.stat().st_size

    def _lose(self, why: str) -> None:
        self.lost += 1
        if self._sparing.allow("photo", self._now_s()):
            told = {"folder": self._folder, "why": why, "lost": self.lost}
            remedy = "room on the disk, a folder that the service may write to, and a camera"
            log.warning(logs.line("photo_not_saved", **told, remedy=remedy))

    def close(self) -> None:
        """Nothing more is saved; a photo that is being written is whole or not there."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
