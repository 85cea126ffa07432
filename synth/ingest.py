"""Other people's recordings, taken in safely: found in a folder, decoded, judged and trimmed.

Whatever a folder holds, the run goes on: what cannot be used is counted by its reason (rows A14 and A16 of
the fault table, and A1 to A13 through `edge.wav`), and the counts are printed as a table at the end.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ
from edge.wav import rate_hint
from synth.decode import decode, load_audio, printable

__all__ = ["Clip", "Fault", "Found", "Rejected", "check_clip", "find_audio", "ingest", "load_audio",
           "printable", "resolve_inside", "trim"]  # fmt: skip

Sound = NDArray[np.float32]
log = logging.getLogger(__name__)

SUFFIXES = (".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".g722", ".gsm", ".m4a", ".mka", ".mp3",
            ".mp4", ".oga", ".ogg", ".opus", ".wav", ".wave", ".webm", ".wma")  # fmt: skip
MIN_S, MAX_S = 0.2, 30.0
MAX_CLIPPED = 0.05
SILENCE_DB = -60.0  # of full scale, without the offset
MAX_OFFSET = 0.1
FRAME = RATE_HZ // 100  # trimming looks at 10 ms at a time
QUIET_DB = -40.0  # below the loudest frame: a weak "h" or "s" at either end is above it, a room is not
KEEP_S = 0.03


@dataclass(frozen=True)
class Fault:
    """Why a recording is no use."""

    kind: str
    """what it is counted under"""
    detail: str
    """the measured number, or the whole message"""


@dataclass(frozen=True)
class Rejected:
    """What was not used, counted by its reason; sums with `+`, prints as a table with `str`."""

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)
    """of each reason, the first file and its measured number"""

    @classmethod
    def of(cls, faults: Iterable[tuple[str, Fault]]) -> Rejected:
        """Count the faults of named files."""
        counts: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for name, fault in faults:
            counts[fault.kind] += 1
            examples.setdefault(fault.kind, f"{name}: {fault.detail}")
        return cls(counts, examples)

    @property
    def total(self) -> int:
        """How many files in all."""
        return sum(self.counts.values())

    def __add__(self, other: Rejected) -> Rejected:
        return Rejected(Counter(self.counts) + Counter(other.counts), {**other.examples, **self.examples})

    def __str__(self) -> str:
        rows = sorted(self.counts.items(), key=lambda row: (-row[1], row[0]))
        lines = [f"{count:6d}  {kind:<24}  {self.examples.get(kind, '')}".rstrip() for kind, count in rows]
        return "\n".join(lines) or "     0  rejected"


@dataclass(frozen=True)
class Found:
    """The audio files of a folder, each content once, in the order of their names."""

    files: tuple[Path, ...]
    """below the folder as it was named; a manifest should store `sha256`, never these"""
    sha256: Mapping[Path, str]
    rejected: Rejected


@dataclass(frozen=True)
class Clip:
    """A recording that may be trained on."""

    samples: Sound
    """float32 [n] at 16 kHz, trimmed"""
    sha256: str
    """of the file, which is what a manifest calls it by"""
    path: Path


def ingest(root: Path | str, *, trimmed: bool = True) -> tuple[list[Clip], Rejected]:
    """Every usable clip of a folder, and what was rejected. Raises UsageError if there is no such folder."""
    found = find_audio(root)
    clips: list[Clip] = []
    faults: list[tuple[str, Fault]] = []
    for path in found.files:
        clip = _clip(path, trimmed=trimmed)
        if isinstance(clip, Fault):
            faults.append((printable(path.name), clip))
        else:
            clips.append(Clip(clip, found.sha256[path], path))
    return clips, found.rejected + Rejected.of(faults)


def find_audio(root: Path | str) -> Found:
    """The audio files below `root`, by their suffix. Links that leave it and second copies are rejected."""
    root = Path(root)
    if not root.is_dir():
        raise UsageError(f"{printable(root)}: no such folder; name one that holds recordings")
    files: dict[Path, str] = {}
    first: dict[str, Path] = {}
    faults: list[tuple[str, Fault]] = []
    for path, misplaced in _walk(root):
        digest = misplaced or _sha256(path)
        if isinstance(digest, str) and digest in first:
            digest = Fault("duplicate", f"the same as {printable(first[digest].name)}")
        if isinstance(digest, Fault):
            faults.append((printable(path.name), digest))
        else:
            files[path] = digest
            first[digest] = path
    return Found(tuple(files), files, Rejected.of(faults))


def resolve_inside(root: Path | str, name: str) -> Path:
    """The path below `root` that `name`, out of an archive or a manifest, means; UsageError if it leaves."""
    base = Path(root).resolve()
    try:
        path = (base / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, a ring of links
        raise UsageError(f"{printable(name)}: no usable name ({error}); rename it") from error
    if path == base or not path.is_relative_to(base):
        raise UsageError(f"{printable(name)}: leaves {printable(root)}; only names below it are used")
    return path


def check_clip(samples: Sound, clipped: float | None = None) -> Fault | None:
    """Why float32 [n] at 16 kHz cannot be trained on, with the measured number, or None.

    `clipped` is the share of samples at full scale as it was measured before resampling, which hides it.
    """
    duration_s = len(samples) / RATE_HZ
    if duration_s < MIN_S:
        return Fault("too short", f"{duration_s:.2f} s, under {MIN_S} s")
    if duration_s > MAX_S:
        return Fault("too long", f"{duration_s:.1f} s or more, over {MAX_S:.0f} s")
    offset = float(np.mean(samples, dtype=np.float64))
    level_db = decibels(float(np.sqrt(np.mean(np.square(samples - offset, dtype=np.float64)))))
    if abs(offset) > MAX_OFFSET or (level_db < SILENCE_DB and abs(offset) > 10 ** (SILENCE_DB / 20)):
        return Fault("DC offset", f"{offset:+.3f} of full scale, over {MAX_OFFSET} or with nothing on top")
    if level_db < SILENCE_DB:
        return Fault("silence", f"{level_db:.0f} dB, under {SILENCE_DB:.0f} dB of full scale")
    share = float(np.mean(np.abs(samples) >= 0.999)) if clipped is None else clipped
    if share > MAX_CLIPPED:
        return Fault("clipped", f"{share:.1%} of its samples at full scale, over {MAX_CLIPPED:.0%}")
    return None


def trim(samples: Sound, keep_s: float = KEEP_S) -> Sound:
    """float32 [n] at 16 kHz without the silence at both ends, of which `keep_s` is kept."""
    frames = len(samples) // FRAME
    if frames == 0:
        return samples
    framed = samples[: frames * FRAME].reshape(frames, FRAME)
    energy = np.square(framed - samples.mean(), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(energy > max(energy.max() * 10 ** (QUIET_DB / 10), 10 ** (SILENCE_DB / 10)))
    if len(loud) == 0:
        return samples[:0]
    keep = round(keep_s * RATE_HZ)
    # The last frame may be followed by a rest shorter than a frame, which belongs to it.
    end = len(samples) if loud[-1] == frames - 1 else int(loud[-1] + 1) * FRAME + keep
    return samples[max(int(loud[0]) * FRAME - keep, 0) : end]


def decibels(value: float) -> float:
    """20 log10 of a value, full scale being 1; -200 for none at all."""
    return float(20 * np.log10(max(value, 1e-10)))


def _clip(path: Path, *, trimmed: bool) -> Sound | Fault:
    try:
        decoded = decode(path, at_most_s=MAX_S + 1.0)
    except WavError as error:
        return Fault("unreadable", error.reason)
    if fault := check_clip(decoded.samples, decoded.clipped):
        return fault
    if hint := rate_hint(decoded.samples, RATE_HZ):
        log.warning("event=odd_recording file=%s hint=%r", printable(path.name), hint)
    samples = trim(decoded.samples) if trimmed else decoded.samples
    return check_clip(samples, decoded.clipped) or samples


def _walk(root: Path) -> Iterator[tuple[Path, Fault | None]]:
    """All audio files below `root`, in the order of their names' bytes, with what is wrong with some."""
    base = root.resolve()
    errors: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=errors.append):
        folders.sort(key=os.fsencode)
        for name in folders:
            path = Path(folder, name)
            if path.is_symlink() and (fault := _misplaced(path, base)):  # it is not followed in any case
                yield path, fault
        for name in sorted(names, key=os.fsencode):
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES:
                yield path, _misplaced(path, base)
    for error in errors:
        yield Path(error.filename), Fault("unreadable", error.strerror or str(error))


def _misplaced(path: Path, base: Path) -> Fault | None:
    """Why what lies at `path` is nothing that lies in the folder `base`, or None."""
    try:
        true = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a link to nowhere, or to itself
        return Fault("dead link", getattr(error, "strerror", None) or str(error))
    if not true.is_relative_to(base):
        return Fault("link out of the folder", f"to {printable(true)}")
    return None if true.is_file() or true.is_dir() else Fault("not a file", "a pipe, a socket or a device")


def _sha256(path: Path) -> str | Fault:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Fault("unreadable", error.strerror or str(error))
