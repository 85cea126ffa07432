"""What the field sounded like, on disk: a recording and a JSON beside it for each moment, capped, power-safe.

    000000012_heard_hey-chip.wav     16 kHz, mono, 16 bit
    000000012_heard_hey-chip.json    what was decided, and why

The recording is written first, the JSON last, each whole: a moment is there when its JSON is. Numbers only
grow, and the oldest is the lowest, whatever the wall clock says; what a person has marked goes last.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.files import make_folder, write_whole
from edge.wav import write_wav

KINDS = ("heard", "near_miss", "gated")
LABELS = {"yes": True, "no": False}
LOCK = ".lock"
_NAME = re.compile(r"(\d{9,})_[a-z_]+_[^/]*\.json")
_HEAD_BYTES = 44  # of a wav file


@dataclass(frozen=True)
class Memory:
    """One moment that was kept."""

    number: int
    wav: Path
    facts: Mapping[str, Any]
    """what its JSON says"""
    size: int
    """bytes of both files"""

    @property
    def json(self) -> Path:
        """The file beside the recording."""
        return self.wav.with_suffix(".json")

    @property
    def label(self) -> str:
        """yes, no or nothing: whether a person says that the word was said."""
        found = self.facts.get("label")
        return str(found) if found in LABELS else ""


def read_memory(json_file: Path) -> Memory | None:
    """The moment of a JSON, or None where it is none, or its recording is not whole."""
    named = _NAME.fullmatch(json_file.name)
    try:
        data = json_file.read_bytes()
        facts, size = json.loads(data), json_file.with_suffix(".wav").stat().st_size
    except (OSError, ValueError, RecursionError):
        return None
    if named is None or not isinstance(facts, dict) or size != facts.get("bytes"):
        return None
    return Memory(int(named[1]), json_file.with_suffix(".wav"), facts, size + len(data))


def read_memories(folder: Path) -> list[Memory]:
    """All moments of a folder, oldest first. Raises OSError where it cannot be read."""
    found = [read_memory(path) for path in folder.iterdir() if path.suffix == ".json"]
    return sorted((one for one in found if one is not None), key=lambda one: one.number)


def mark(memory: Memory, label: str) -> Memory:
    """Writes a person's judgement beside the recording: yes, no, or nothing to take it back."""
    facts = {**memory.facts, "label": label}
    write_whole(memory.json, _text(facts))
    return replace(memory, facts=facts)


def forget(memory: Memory) -> None:
    """Removes both files, the JSON first: a recording without one counts for nothing."""
    memory.json.unlink(missing_ok=True)
    memory.wav.unlink(missing_ok=True)


class Memories:
    """A folder that this process alone adds to. `open` before the first `keep`."""

    def __init__(self, folder: Path | str, *, most_mb: float = 200.0, most_files: int = 1_000) -> None:
        self.folder = Path(folder)
        self._most_bytes, self._most_files = int(most_mb * 1_000_000), most_files
        self._lock = -1
        self._kept: list[Memory] = []
        self._next = 1

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(one.size for one in self._kept)

    @property
    def is_open(self) -> bool:
        """Whether there is a folder to add to."""
        return self._lock >= 0

    def open(self) -> None:
        """Take the folder, and clean up after whoever was cut off in it. Raises OSError, also where another
        process has it."""
        if not self.folder.exists():
            make_folder(self.folder)
            self.folder.chmod(0o750)  # how people sound who passed by is not for everybody
        lock = os.open(self.folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._kept = read_memories(self.folder)
            whole = {path.name for one in self._kept for path in (one.wav, one.json)} | {LOCK}
            ours = re.compile(r"\.?\d{9,}_.*")  # what a person puts into the folder is left alone
            names = [path.name for path in self.folder.iterdir() if ours.fullmatch(path.name)]
            self._next = 1 + max((int(name.lstrip(".").split("_")[0]) for name in names), default=0)
            for name in set(names) - whole:
                (self.folder / name).unlink(missing_ok=True)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def keep(self, sound: NDArray[np.float32], facts: Mapping[str, Any]) -> Memory:
        """Write one moment, 16 kHz [n], after the oldest have made room. Raises OSError, and then leaves
        nothing behind."""
        size = _HEAD_BYTES + 2 * len(sound)
        row = {"number": self._next, **facts, "rate_hz": RATE_HZ, "duration_s": len(sound) / RATE_HZ,
               "bytes": size, "label": ""}  # fmt: skip
        text = _text(row)
        self._make_room(size + len(text))
        word = re.sub(r"[^\w]+", "-", str(facts.get("word", "")).casefold()).strip("-")[:40]
        wav = self.folder / f"{self._next:09d}_{facts['kind']}_{word}.wav"
        memory = Memory(self._next, wav, row, size + len(text))
        self._next += 1
        try:
            write_wav(wav, sound, RATE_HZ)
            write_whole(memory.json, text)
        except BaseException:
            wav.unlink(missing_ok=True)
            raise
        self._kept.append(memory)
        return memory

    def _make_room(self, size: int) -> None:
        while self._kept and (len(self._kept) >= self._most_files or self.size + size > self._most_bytes):
            forget(self._kept.pop(self._oldest()))

    def _oldest(self) -> int:
        """The place of the oldest that nobody has marked; of the oldest where all are marked. Marks are made
        by another process, so the file is asked."""
        for place, one in enumerate(self._kept):
            if one.label:
                continue
            now = read_memory(one.json)
            if now is None or not now.label:
                return place
            self._kept[place] = now
        return 0

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def find(folder: Path, number: int) -> Memory:
    """The moment of this number. Raises UsageError where it is not, or no longer, there."""
    for path in folder.glob(f"{number:09d}_*.json"):
        if (memory := read_memory(path)) is not None:
            return memory
    raise UsageError(f"{folder}: there is no memory {number}; `heychip memory list` shows what is there")


def _text(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
