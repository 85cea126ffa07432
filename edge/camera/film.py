"""A video file as a camera: a picture every so many seconds of the film, for ever or once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.camera.folder import MAX_PIXELS
from edge.camera.libav import pyav, reason, upright
from edge.errors import DeviceError
from edge.events import Frame

log = logging.getLogger(__name__)

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp", ".wmv", ".flv")
MOST_BAD = 100  # frames in a row that cannot be decoded, and then it is given up

Shot = tuple[float, NDArray[np.uint8]]
"""Seconds from the start of the film, and the picture."""


class FilmCamera:
    """Shows the pictures of one file. The source of a picture is the file and its second: `a.mp4#t=12.00`."""

    def __init__(self, path: Path | str, *, every_s: float = 1.0, loop: bool = True) -> None:
        """`every_s`: of the film, whatever the clock says; 0 is every frame. DeviceError where it is no film
        that can be shown."""
        self.name, self.ended = str(path), False
        self._path, self._every_s, self._loop = Path(path), every_s, loop
        self._shots: Iterator[Shot] = self._round()
        self._next: Shot | None = next(self._shots, None)
        if self._next is None:
            raise DeviceError(f"{self.name}: not one picture of it can be decoded; play it to see")

    def capture(self) -> Frame:
        """The next picture, upright, RGB. DeviceError where all were shown."""
        if self._next is None:
            raise DeviceError(f"{self.name}: all of it was shown")
        time_s, pixels = self._next
        self._next = next(self._shots, None)
        if self._next is None and self._loop:
            self._shots = self._round()
            self._next = next(self._shots, None)
        self.ended = self._next is None
        return Frame(pixels, f"{self.name}#t={time_s:.2f}")

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._next, self.ended = None, True
        close = getattr(self._shots, "close", None)
        if close is not None:
            close()

    def _round(self) -> Iterator[Shot]:
        """The film from its start: the first picture at or after each multiple of `every_s`."""
        if not self._path.is_file():  # a pipe would be waited for without end
            reason_ = "is not a file" if self._path.exists() else "no such video"
            raise DeviceError(f"{self.name}: {reason_}; set [camera] file")
        av = pyav()
        try:
            container = av.open(self.name)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise DeviceError(f"{self.name}: cannot be opened as a video: {reason(error)}") from error
        with container:
            if not container.streams.video:
                raise DeviceError(f"{self.name}: there are no pictures in it, only sound or nothing")
            yield from self._shots_of(av, container)

    def _shots_of(self, av: Any, container: Any) -> Iterator[Shot]:
        due_s, start_s = 0.0, None
        for number, frame in enumerate(self._decoded(av, container)):
            if frame.width * frame.height > MAX_PIXELS:
                size = f"{frame.width} x {frame.height}"
                raise DeviceError(f"{self.name}: its pictures are {size}, more than is of use; scale it")
            time_s = frame.time if frame.time is not None else number / 25
            start_s = time_s if start_s is None else start_s
            if time_s - start_s < due_s - 1e-6:
                continue
            yield time_s - start_s, upright(frame)
            due_s = time_s - start_s if not self._every_s else due_s
            while due_s <= time_s - start_s and self._every_s:
                due_s += self._every_s

    def _decoded(self, av: Any, container: Any) -> Iterator[Any]:
        """All frames that can be decoded. A broken place costs its frames, a broken end the rest."""
        bad = 0
        packets = container.demux(container.streams.video[0])
        while bad < MOST_BAD:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except av.FFmpegError as error:
                bad += 1
                if bad == 1:
                    log.warning("event=video_damaged file=%s why=%r", self.name, reason(error))
                continue
            bad = 0
            yield from frames
