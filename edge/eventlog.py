"""What happened, as it is told to people and programs: lines on standard output and JSON lines in a file.

A power cut may cost the last half minute of the file, and leave half a line or a row of zeros where it ended:
the next event then begins a line of its own, so that never more than that one line is spoilt. Flushing every
line would save that half minute, but have an SD card write a whole block for some hundred bytes, day and
night, at whatever the eyes see. Nothing is decided by this file; memories are flushed on their own.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import threading
import time
from io import FileIO
from pathlib import Path
from typing import TextIO

from edge.events import Event
from edge.logs import Sparing

log = logging.getLogger(__name__)

MOST_BYTES = 10_000_000  # then the file is set aside as NAME.1, and the one before is forgotten
COMPLAIN_S = 3_600.0


class EventLog:
    """Writes each event once to standard output (JSON, or a readable line) and to `file`, whole lines only.

    A file that cannot be written (full disk, read-only card) is complained about once an hour and costs
    nothing else. A standard output that nobody reads any more raises BrokenPipeError.
    """

    def __init__(self, file: Path | str = "", *, as_json: bool = True, out: TextIO | None = None) -> None:
        self._path = Path(file) if file else None
        self._as_json, self._out = as_json, out
        self._lock = threading.Lock()  # ears, eyes and voice all have something to tell
        self._sparing = Sparing(COMPLAIN_S)
        self.counts: dict[str, int] = {}
        self.last: dict[str, Event] = {}
        """the newest event of each kind, with the time of day as "at" """

    def __call__(self, event: str, time_s: float, **values: object) -> None:
        """Tell an event; `time_s` is the time of the stream."""
        row: Event = {"event": event, "time_s": round(time_s, 3), **values}
        with self._lock:
            self.counts[event] = self.counts.get(event, 0) + 1
            self.last[event] = {**row, "at": time_of_day()}
            text = json.dumps(row, ensure_ascii=False) if self._as_json else _readable(row)
            print(text, file=self._out or sys.stdout, flush=True)
            if self._path:
                self._append(self._path, row)

    def _append(self, path: Path, row: Event) -> None:
        data = (json.dumps({**row, "at": time_of_day()}, ensure_ascii=False) + "\n").encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size + len(data) > MOST_BYTES:
                path.replace(path.with_name(path.name + ".1"))
            with path.open("a+b", buffering=0) as file:
                file.write(_apart(file) + data)
        except OSError as error:
            if self._sparing.allow("events", time.monotonic()):
                log.warning("event=events_not_written file=%s why=%r", path, error.strerror)


def _apart(file: FileIO) -> bytes:
    """What goes before the next line: nothing, or the end of a line that was cut off."""
    size = file.seek(0, os.SEEK_END)
    return b"" if not size or os.pread(file.fileno(), 1, size - 1) == b"\n" else b"\n"


def time_of_day() -> str:
    """For people only: it jumps when the machine first reaches a time server."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _readable(row: Event) -> str:
    """`   12.48 s  heard  hey chip  (score 2.1, member de)`."""
    rest = {k: v for k, v in row.items() if k not in {"event", "time_s"} and v not in ("", None)}
    first = str(rest.pop(next(iter(rest)))) if rest and row["event"] != "summary" else ""
    more = ", ".join(f"{k} {v}" for k, v in rest.items() if not isinstance(v, (list, tuple, dict)))
    return f"{row['time_s']:9.2f} s  {row['event']:<7} {first}" + (f"  ({more})" if more else "")
