"""Who has a device: many can be opened once only, and the error does not say by whom."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
CAMERAS = ("/dev/video", "/dev/media")  # a Raspberry Pi's own camera is held through its media devices, too


def holders(holds: Callable[[str], bool], proc: Path = PROC) -> list[str]:
    """The programs other than ours that hold a file open of whose path `holds` is true, as "name (pid)". Only
    those of the same user are seen, except by root."""
    found: list[str] = []
    own = {str(os.getpid()), str(os.getppid())}  # a child of ours may ask
    for folder in sorted(proc.glob("[0-9]*")):
        if folder.name in own:
            continue
        try:
            held = [os.readlink(link) for link in (folder / "fd").iterdir()]  # noqa: PTH115 - a tenth of the time
            if any(holds(target) for target in held):
                found.append(f"{(folder / 'comm').read_text().strip()} ({folder.name})")
        except OSError:  # it has ended meanwhile, or belongs to somebody else
            continue
    return found


def camera_holders(proc: Path = PROC) -> list[str]:
    """The programs other than ours that have a camera open."""
    return holders(lambda target: target.startswith(CAMERAS), proc)
