"""Files written whole: a reader sees the old file or the new one, never half of one, whenever the power goes.

What was written is flushed before it gets its name, and the folder after. A name that a power cut takes back
is the old file again (Pillai et al., OSDI 2014, on what else file systems do).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux


def write_whole(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` under a temporary name, flush it to the disk, rename it into place, and flush
    the folder: once this returns, the new file is what a power cut leaves."""
    path = Path(path)
    make_folder(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner may read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they outlast a power cut."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync(place.parent)


def sweep(path: Path | str) -> None:
    """Remove what writers of `path` that were killed have left beside it. Only for who alone writes it."""
    path = Path(path)
    prefix = _prefix(path)
    for left in path.parent.glob(f".*.{'?' * 8}"):  # mkstemp adds eight letters
        if left.name[:-8] == prefix:
            left.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk. A file system that cannot do so for folders, or a
    folder that we may not read, is left to flush in its own time."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush all files below a folder and the folders themselves; it may then be renamed into place."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            if not (file := Path(place, name)).is_symlink():
                sync(file)
        sync(Path(place))


def exchange(one: Path, other: Path) -> bool:
    """Give two files or folders each other's names in one step (Linux's renameat2). False where that cannot
    be done, or one of them is not there; then nothing has changed."""
    try:
        libc = ctypes.CDLL(None)
        done = libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    except (OSError, AttributeError):
        return False
    return bool(done == 0)


def sha256_of(data: bytes) -> str:
    """The sha256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _prefix(path: Path) -> str:
    return f".{path.name[:40]}."
