"""How often we started of late without a clean end; and whether a new bundle is to blame.

Three starts within five minutes that ended in a crash, and a bundle that was activated but has not yet lasted
five minutes: the daemon goes back to the one before. Seconds are counted since the boot, so that a wall clock
that jumps changes nothing; starts before the last boot do not count, since who pulls the plug is no bundle.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge import activate, logs
from edge.active import KEPT, versions
from edge.clock import boot_id, since_boot_s
from edge.errors import ModelError
from edge.files import sweep, write_whole

log = logging.getLogger(__name__)

CRASHES = 3
WITHIN_S = 300.0


class Starts:
    """`begin`, then `step` now and then, then `end` where the end is clean. Where nothing can be written, all
    that is lost is the memory of crashes."""

    def __init__(self, folder: Path, models: Path, *, now_s: Callable[[], float] = since_boot_s) -> None:
        """`folder` is that of the state; `models` where bundles are activated."""
        self._file, self._models, self._now_s = folder / "starts.json", models, now_s
        self._begun_s = 0.0
        self._proving: dict[str, str] | None = None

    def begin(self) -> bool:
        """Note a start; True where those before it crashed too often."""
        self._begun_s = self._now_s()
        self._proving = {name: row[0] for name, row in versions(self._models).items()}
        known, boot = self._read(), boot_id()
        open_s = [at for at in known["open"] if 0 <= self._begun_s - at <= WITHIN_S]
        if known["boot"] != boot:
            open_s = []
        crashed = len(open_s) >= CRASHES
        self._write({**known, "boot": boot, "open": [*([] if crashed else open_s), self._begun_s]})
        return crashed

    def step(self) -> None:
        """What has run for five minutes is not what crashes at its start."""
        if self._proving is not None and self._now_s() - self._begun_s > WITHIN_S:
            known = self._read()
            if self._proving:
                self._write({**known, "proven": {**known["proven"], **self._proving}})
            self._proving = None

    def end(self) -> None:
        """This start has ended as it should."""
        known = self._read()
        self._write({**known, "open": [at for at in known["open"] if at != self._begun_s]})

    def go_back(self, names: Iterable[str]) -> list[str]:
        """Roll back those of the named bundles that have not proven themselves; gives their names."""
        rows, proven, gone = versions(self._models), self._read()["proven"], []
        for name in rows:
            if name in set(names) and rows[name][0] != proven.get(name):
                why = f"{CRASHES} crashes within {WITHIN_S / 60:.0f} minutes"
                gone += [name] if undo(name, rows[name][0], self._models, why) else []
        if not gone:
            log.error(logs.line("crashing", why=f"{CRASHES} crashes, and no new bundle to blame for them"))
        self._proving = {name: row[0] for name, row in versions(self._models).items()}
        return gone

    def _read(self) -> dict[str, Any]:
        known: dict[str, Any] = {"boot": "", "open": [], "proven": {}}
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return known
        for key, value in found.items() if isinstance(found, dict) else ():
            if key in known and type(value) is type(known[key]):
                known[key] = value
        known["open"] = [at for at in known["open"] if isinstance(at, (int, float))]
        return known

    def _write(self, known: dict[str, Any]) -> None:
        if not self._file.parent.is_dir():  # not run as a service: there is nobody to restart us
            return
        try:
            sweep(self._file)
            write_whole(self._file, json.dumps(known).encode())
        except OSError as error:
            log.debug("event=starts_not_kept file=%s why=%r", self._file, error.strerror)


def undo(name: str, version: str, models: Path, why: str) -> bool:
    """Go back to the version before, loudly; False where there is no way back."""
    try:
        place = activate.roll_back(name, models)
    except ModelError as error:
        log.error(logs.line("rollback_failed", bundle=name, version=version, why=str(error)))
        return False
    log.error(logs.line("rollback", bundle=name, version=version, now=place, why=why))
    return True


def undo_broken(error: ModelError, models: Path) -> bool:
    """Go back where the error is in an activated bundle; False where it is not, or there is no way back."""
    with suppress(ValueError):
        version, name, *_ = Path(error.path).resolve().relative_to((models / KEPT).resolve()).parts
        name = name.removesuffix(".onnx")
        if versions(models).get(name, [""])[0] == version:
            return undo(name, version, models, str(error))
    return False
