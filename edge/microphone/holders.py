"""Who has a sound card: without a sound server it can be opened once, and the error does not say by whom."""

from __future__ import annotations

from pathlib import Path

from edge import holders as any_device

SOUND = Path("/dev/snd")


def holders(proc: Path = any_device.PROC, sound: Path = SOUND) -> list[str]:
    """The programs other than ours that hold a capture device of ALSA open, as "name (pid)"."""
    if not sound.is_dir():
        return []
    captures = f"{sound}/pcm"
    return any_device.holders(lambda target: target.startswith(captures) and target.endswith("c"), proc)
