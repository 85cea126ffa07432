"""Who has a sound card: without a sound server it can be opened once, and the error does not say by whom."""

from __future__ import annotations

import os
from pathlib import Path

PROC, SOUND = Path("/proc"), Path("/dev/snd")


def holders(proc: Path = PROC, sound: Path = SOUND) -> list[str]:
    """The programs other than ours that hold a capture device of ALSA open, as "name (pid)". Only those of
    the same user are seen, except by root."""
    found: list[str] = []
    if not sound.is_dir():
        return found
    for folder in sorted(proc.glob("[0-9]*")):
        if folder.name == str(os.getpid()):
            continue
        try:
            held = [os.readlink(link) for link in (folder / "fd").iterdir()]  # noqa: PTH115 - a tenth of the time
            if any(target.startswith(f"{sound}/pcm") and target.endswith("c") for target in held):
                found.append(f"{(folder / 'comm').read_text().strip()} ({folder.name})")
        except OSError:  # it has ended meanwhile, or belongs to somebody else
            continue
    return found
