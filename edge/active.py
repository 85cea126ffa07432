"""Which version of a bundle is in use, where bundles were activated: a small file, replaced as a whole.

    models/active.json              {"hey_chip": ["000003", "000002"]}: in use first, then what to go back to
    models/.kept/000003/hey_chip/   a version, which is never changed

A version that is not there (a power cut, a careless hand) is passed over for the one before it.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from edge.manifest_check import MANIFEST

ACTIVE, KEPT = "active.json", ".kept"
log = logging.getLogger(__name__)


def state_folder() -> Path:
    """Where the daemon keeps what it must not forget: systemd's $STATE_DIRECTORY, or /var/lib/heychip."""
    return Path(os.environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/heychip")


def versions(folder: Path) -> dict[str, list[str]]:
    """Name to versions, the one in use first. Where the file is damaged, by the versions that are there."""
    try:
        found = json.loads((folder / ACTIVE).read_bytes())
        rows: dict[str, list[str]] = {k: row for k, row in found.items() if row and isinstance(row, list)}
        if len(rows) == len(found) and all(str(one).isdecimal() for row in rows.values() for one in row):
            return rows
    except OSError:  # nothing was ever activated here
        return {}
    except (ValueError, RecursionError, AttributeError):
        pass
    log.error("event=active_damaged file=%s action=newest_versions", folder / ACTIVE)
    rows = {}
    for number in sorted((path.name for path in (folder / KEPT).glob("[0-9]*")), reverse=True):
        for path in (folder / KEPT / number).iterdir() if number.isdecimal() else ():
            rows.setdefault(path.name.removesuffix(".onnx"), []).append(number)
    return rows


def kept(folder: Path, name: str, version: str) -> Path | None:
    """Where a version of a bundle is, or None where it is not there."""
    for end, proof in (("", MANIFEST), (".onnx", "")):
        path = folder / KEPT / version / f"{name}{end}"
        if os.path.isfile(path / proof):  # noqa: PTH113 - pathlib's raises where a folder is closed to us
            return path
    return None


def active(folder: Path) -> dict[str, Path]:
    """Name to place of the bundles that are in use in a folder of models."""
    found = {}
    for name, row in versions(folder).items():
        places = [kept(folder, name, version) for version in row]
        if (place := next(filter(None, places), None)) is not None:
            found[name] = place
        if places[0] is None:
            log.error("event=version_missing name=%s version=%s used=%s", name, row[0], place or "none")
    return found
