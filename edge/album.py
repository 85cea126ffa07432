"""A folder of pictures with what was seen in them, and a sheet of them all to look at first."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.annotate import PAPER, QUALITY, annotated, drawn, encoded
from edge.errors import UsageError
from edge.events import Frame, Seen
from edge.files import make_folder, write_whole
from edge.lettering import pillow

SHEET = "sheet.jpg"
MOST = 1000  # pictures: a camera may be looked through for days
CELL, GAP = 320, 12  # pixels
MOST_CELLS, MOST_COLUMNS = 48, 6


class Album:
    """`add` writes one picture, `close` the sheet, if there is more than one."""

    def __init__(self, folder: Path | str) -> None:
        """Makes the folder; UsageError where it cannot be, or where there is no Pillow to draw with."""
        self.folder, self.count = Path(folder), 0
        self._taken, self._numbers = {Path(SHEET).stem}, Counter[str]()
        self._cells: list[Any] = []
        self._every = 1  # of the pictures, one in so many is on the sheet
        pillow()
        try:
            make_folder(self.folder)
        except OSError as error:
            raise self._refused(error) from error

    def add(self, frame: Frame, seens: Sequence[Seen]) -> Path | None:
        """Writes `frame` with what `seens` say of it; None where the album is full."""
        self.count += 1
        on_sheet = (self.count - 1) % self._every == 0
        if self.count > MOST and not on_sheet:
            return None
        name = self._name(frame.source)
        if on_sheet:
            self._cells.append(drawn(frame, seens, (CELL, CELL), title=name))
            if len(self._cells) > MOST_CELLS:  # a long film: half as many, over all of its length
                self._cells, self._every = self._cells[::2], 2 * self._every
        if self.count > MOST:
            return None
        path = self.folder / f"{name}.jpg"
        self._write(path, encoded(annotated(frame, seens)))
        return path

    def close(self) -> Path | None:
        """Writes the sheet; None where there were fewer than two pictures."""
        if len(self._cells) < 2:
            return None
        columns = min(MOST_COLUMNS, -(-len(self._cells) // max(1, round(len(self._cells) ** 0.5))))
        rows = [self._cells[at : at + columns] for at in range(0, len(self._cells), columns)]
        tall = [max(cell.height for cell in row) for row in rows]
        size = (columns * (CELL + GAP) + GAP, sum(tall) + (len(rows) + 1) * GAP)
        sheet = pillow().Image.new("RGB", size, tuple(value + 24 for value in PAPER))
        top = GAP
        for row, height in zip(rows, tall, strict=True):
            for number, cell in enumerate(row):
                sheet.paste(cell, (GAP + number * (CELL + GAP), top))
            top += height + GAP
        file = io.BytesIO()
        sheet.save(file, "JPEG", quality=QUALITY)
        self._write(self.folder / SHEET, file.getvalue())
        return self.folder / SHEET

    def _name(self, source: str) -> str:
        """A file's name without its ending, that is not yet taken here: `clip-t12.00` of clip.mp4#t=12.00."""
        path, _, moment = source.partition("#t=")
        plain = re.sub(r"[^\w.-]+", "-", Path(path).stem)[:60].strip(".-") or "picture"
        plain += f"-t{moment}" if moment else ""
        name = plain
        while name in self._taken:
            self._numbers[plain] += 1
            name = f"{plain}-{self._numbers[plain] + 1}"
        self._taken.add(name)
        return name

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_whole(path, data)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> UsageError:
        why = f"cannot be written to: {error.strerror or error}; name another folder"
        return UsageError(f"{self.folder}: {why}")
