"""Work of `heychip-synth see` that is kept until it is done, so that the same command goes on after Ctrl-C.

Each piece (a picture's features, the state of a training) is one file of arrays under the sha256 of all that
decides it, there whole or not at all. What nobody asked for lately is removed.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import __version__
from edge.files import sha256_of, write_whole

MOST = 5000  # pieces that are kept: those that were used last; a picture's features are some 36 kB

Arrays = Mapping[str, NDArray[Any]]


def folder() -> Path:
    """$XDG_CACHE_HOME/heychip/eyes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heychip" / "eyes"


def key_of(*parts: object) -> str:
    """A name for what these and this version of heychip decide; arrays count by all their bytes."""
    told = [p.tobytes() if isinstance(p, np.ndarray) else repr(p).encode() for p in (__version__, *parts)]
    return sha256_of(b"".join(len(t).to_bytes(8, "big") + t for t in told))


def load(key: str) -> dict[str, NDArray[Any]] | None:
    """The arrays that were kept under `key`, or None where there are none, or no whole ones."""
    path = folder() / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        path.touch()  # was used just now
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # made again
    return found


def keep(key: str, arrays: Arrays) -> None:
    """Keeps arrays under `key`. A disk that is full or cannot be written costs only the going on."""
    data = io.BytesIO()
    np.savez(data, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own options
    try:
        write_whole(folder() / f"{key}.npz", data.getvalue())
    except OSError:
        return


def forget(key: str) -> None:
    """Removes what was kept under `key`."""
    (folder() / f"{key}.npz").unlink(missing_ok=True)


def tidy(most: int = MOST) -> None:
    """Removes all but the `most` pieces that were used last."""
    pieces = sorted(folder().glob("*.npz"), key=lambda p: p.stat().st_mtime)
    for path in pieces[: max(0, len(pieces) - most)]:
        path.unlink(missing_ok=True)
