"""Real disks that are full or read-only: nothing is saved, nothing is hurt, one warning an hour."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge import trial
from edge.eventlog import EventLog
from edge.memories import Memories, read_memories
from edge.scribe import Job, Scribe
from edge.starts import Starts

JOB = Job(np.zeros(16_000, np.float32), {"kind": "heard", "word": "hey", "margin": 1.0})


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root mounts a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # a test that failed may hold it


def write_all(disk: Path, scribe: Scribe, tell: EventLog, times: int) -> None:
    """As the daemon does when a word is heard, and when it starts."""
    for k in range(times):
        scribe.offer(JOB)
        scribe.step()
        tell("heard", k, word="hey")
        one = Starts(disk, disk / "models")
        one.begin()
        one.end()
    trial._write_cache({"a": "b"})


def test_a_full_disk(disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Moments are kept while there is room, and again when there is; in between one warning of each kind, and
    what is on the disk stays whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk / "cache"))
    scribe, out = Scribe(Memories(disk / "memory")), io.StringIO()
    tell = EventLog(disk / "events.jsonl", out=out)
    write_all(disk, scribe, tell, 3)
    assert scribe.kept == 3
    with (disk / "other").open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            os.write(file.fileno(), bytes(4096))
    write_all(disk, scribe, tell, 20)
    assert (scribe.kept, scribe.lost) == (3, 20)
    assert len(out.getvalue().splitlines()) == 23  # every event is told on standard output all the same
    assert caplog.text.count("memory_not_kept") == 1
    assert caplog.text.count("events_not_written") <= 1
    assert len(read_memories(disk / "memory")) == 3
    (disk / "other").unlink()
    write_all(disk, scribe, tell, 1)
    assert scribe.kept == 4
    names = {path.name for path in disk.rglob(".*")}
    assert names == {".lock"}  # no temporary file is left


def test_a_read_only_disk(
    disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same, where a worn card has become read-only; what was kept can still be read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(disk / "cache"))
    scribe = Scribe(Memories(disk / "memory"))
    tell = EventLog(disk / "events.jsonl", out=io.StringIO())
    write_all(disk, scribe, tell, 2)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    write_all(disk, scribe, tell, 5)
    assert (scribe.kept, scribe.lost) == (2, 5)
    assert caplog.text.count("memory_not_kept") == 1
    assert caplog.text.count("events_not_written") == 1
    assert len(read_memories(disk / "memory")) == 2
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    write_all(disk, scribe, tell, 1)
    assert scribe.kept == 3
