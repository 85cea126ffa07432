"""/run/heychip/status.json: how the daemon is, for whoever wants to know without asking it.

The folder is what systemd names in RUNTIME_DIRECTORY, which is memory and no card; without one nothing is
written. A reader sees a whole file, and by its age whether the daemon still lives: it is written anew when
something changed, but every 2 s at most, and every 10 s at least. Nothing here ever raises.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge import __version__, logs
from edge.ears import Ears
from edge.eventlog import EventLog, time_of_day
from edge.files import write_whole
from edge.parts import Ear

log = logging.getLogger(__name__)

PLACE = Path("/run/heychip/status.json")
SOONEST_S = 2.0
LATEST_S = 10.0
OLD_S = 45.0  # systemd would have killed it by then
COUNTS = ("heard", "seen", "said", "gated")


class Status:
    """The main thread calls `step` a few times a second."""

    def __init__(self, now_s: Callable[[], float], ear: Ear | None, folder: Path | str | None = None) -> None:
        """`now_s` is the monotonic clock, `ear` knows how its members are; `folder` is that of
        RUNTIME_DIRECTORY unless given."""
        given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0] if folder is None else str(folder)
        self._file = Path(given) / PLACE.name if given else None
        self._now_s, self._ear = now_s, ear
        self._state, self._since = "", {"since": time_of_day(), "since_monotonic_s": round(now_s(), 1)}
        self._started = {"started": time_of_day(), "started_monotonic_s": round(now_s(), 1)}
        self._written: dict[str, Any] = {}
        self._written_s = -LATEST_S
        self._sparing = logs.Sparing(3600.0)

    def step(self, ears: Ears | None, tell: EventLog) -> None:
        """Write the file where it is time to."""
        if self._file is None:
            return
        self._become((ears.state or "STARTING") if ears else "LOOKING")
        if self._now_s() - self._written_s < SOONEST_S:
            return
        try:
            self._write(self._file, self._row(ears, tell))
        except Exception as error:  # telling how we are must never hurt
            if self._sparing.allow("status", self._now_s()):
                log.warning(logs.line("status_not_written", file=self._file, why=repr(error)))

    def _become(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._since = {"since": time_of_day(), "since_monotonic_s": round(self._now_s(), 1)}

    def _row(self, ears: Ears | None, tell: EventLog) -> dict[str, Any]:
        return {
            "state": self._state,
            **self._since,
            "microphone": ears.name if ears else "",
            "members": self._ear.listener.health if self._ear else "",
            "counts": {name: tell.counts.get(name, 0) for name in COUNTS},
            "last_heard": tell.last.get("heard"),
            "version": __version__,
            "pid": os.getpid(),
            **self._started,
        }

    def _write(self, file: Path, row: dict[str, Any]) -> None:
        now_s = self._now_s()
        if row == self._written and now_s - self._written_s < LATEST_S:
            return
        self._written_s = now_s  # also where it fails: it is tried again in 2 s
        whole = {**row, "written": time_of_day(), "written_monotonic_s": round(now_s, 1)}
        write_whole(file, (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode())
        self._written = row


def read_status(file: Path = PLACE) -> dict[str, Any] | None:
    """What the running service last wrote, with its age in "age_s"; None where there is none."""
    try:
        row = json.loads(file.read_bytes())
        age_s = time.monotonic() - float(row["written_monotonic_s"])  # which is rounded
        return {**row, "age_s": max(0.0, age_s)}
    except (OSError, ValueError, TypeError, KeyError):
        return None
