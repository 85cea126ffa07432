"""Recordings that took long to decode, kept decoded: one file for all that was read of a source at once.

Vorbis in thousands of small files costs a minute of a core each time; as 16-bit numbers in a row it costs a
second. A pack is named after the path, size and time of every file that is in it, so it is used only as long
as none has changed.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.events import RATE_HZ
from edge.files import write_whole
from synth.acoustics import Sound
from synth.ingest import load_audio, printable

log = logging.getLogger(__name__)

VERSION = "1"  # counts up when decoding changes
WORTH_S = 1.0  # of a core: what is decoded in less is not worth its place on the disk
FULL_SCALE = 32768.0

Pcm = NDArray[np.int16]


def read_through(folder: Path | None, title: str, paths: Sequence[Path], hours: float) -> Iterator[Pcm]:
    """The recordings [n] at 16 kHz of `paths`, until `hours` are full, out of a pack in `folder` where there
    is one."""
    names = _names(folder / "packs", title, paths, hours) if folder else ()
    pack = next((found for name in names if (found := _read(name)) is not None), None)
    if pack is None:
        yield from _decoded(paths, hours, names)
        return
    yield from _until(hours, pack)


def _decoded(paths: Sequence[Path], hours: float, names: Sequence[Path]) -> Iterator[Pcm]:
    """Decodes; keeps it under the first of `names` if it is all of `paths`, else under the second."""
    kept: list[Pcm] = []
    spent_s, left_s, whole = 0.0, hours * 3600, True
    for path in paths:
        if left_s <= 0:
            whole = False
            break
        started = time.process_time()
        try:
            pcm = to_pcm(load_audio(path))
        except WavError as error:
            log.warning("event=unreadable file=%s why=%r", printable(path), str(error))
            continue
        finally:
            spent_s += time.process_time() - started
        left_s -= len(pcm) / RATE_HZ
        if names:
            kept.append(pcm)
        yield pcm
    if names and kept and spent_s >= WORTH_S:
        _write(names[0] if whole else names[1], kept)


def _until(hours: float, pack: Sequence[Pcm]) -> Iterator[Pcm]:
    left_s = hours * 3600
    for pcm in pack:
        if left_s <= 0:
            return
        left_s -= len(pcm) / RATE_HZ
        yield pcm


def to_sound(pcm: Pcm) -> Sound:
    """Back to floats, exactly."""
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


def to_pcm(sound: Sound) -> Pcm:
    """Half the memory; 16 bits are more than any microphone gives."""
    return np.clip(np.round(sound * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def in_one_block(recordings: Sequence[Pcm]) -> list[Pcm]:
    """The same recordings, one behind the other in memory: thousands of small pieces are not given back to
    the system when they are done with, one large one is."""
    lengths = [len(pcm) for pcm in recordings]
    return np.split(np.concatenate(recordings), np.cumsum(lengths)[:-1]) if lengths else []


def _names(folder: Path, title: str, paths: Sequence[Path], hours: float) -> tuple[Path, Path]:
    """Where a pack of all the files is, and one of so many hours."""
    digest = hashlib.sha256(VERSION.encode())
    for path in paths:
        facts = path.stat()
        digest.update(os.fsencode(path) + f"|{facts.st_size}|{facts.st_mtime_ns}|".encode())
    safe = "".join(c if c.isalnum() or c in "-." else "_" for c in title)[:60]
    base = f"{safe}-{digest.hexdigest()[:16]}"
    return folder / f"{base}-all.npz", folder / f"{base}-{hours:g}h.npz"


def _read(path: Path) -> list[Pcm] | None:
    """What is in a pack, or None where there is no whole one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            samples, lengths = file["samples"], file["lengths"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("event=broken_pack file=%s why=%r; it is made anew", printable(path), str(error))
        return None
    return np.split(samples, np.cumsum(lengths)[:-1])


def _write(path: Path, kept: Sequence[Pcm]) -> None:
    """Packs are a convenience: a full disk costs the next run a minute, and this one nothing."""
    buffer = io.BytesIO()
    np.savez(buffer, samples=np.concatenate(kept), lengths=np.array([len(pcm) for pcm in kept], np.int64))
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        log.warning("event=pack_not_kept file=%s why=%r", printable(path), str(error))
