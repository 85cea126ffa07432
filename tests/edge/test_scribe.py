"""The scribe: the disk's faults are its own."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from edge.memories import Memories, read_memories
from edge.scribe import MOST_WAITING, Job, Scribe

JOB = Job(np.zeros(1600, np.float32), {"kind": "heard", "word": "hey", "margin": 1.0})


def test_it_writes_what_it_is_given(tmp_path: Path) -> None:
    """A step writes one, closing writes the rest, after what was still to come has come."""
    scribe: Scribe = Scribe(Memories(tmp_path / "m"), before_end=lambda: scribe.offer(JOB))
    assert not (tmp_path / "m").exists()  # nothing to remember makes no folder
    scribe.offer(JOB)
    scribe.offer(JOB)
    scribe.step()
    assert len(read_memories(tmp_path / "m")) == 1
    scribe.close()
    assert len(read_memories(tmp_path / "m")) == scribe.kept == 3


def test_a_folder_that_cannot_be_written_is_complained_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning an hour, whatever it is that fails, and once there is room again all goes on."""
    (tmp_path / "m").touch()
    scribe = Scribe(Memories(tmp_path / "m"))
    for _ in range(5):
        scribe.offer(JOB)
        scribe.step()
    assert caplog.text.count("memory_not_kept") == 1
    assert scribe.lost == 5
    (tmp_path / "m").unlink()
    scribe.offer(JOB)
    scribe.step()
    assert scribe.kept == 1


def test_offering_never_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While the disk hangs, moments wait up to a number, and then are lost; the ears go on."""
    free, held = threading.Event(), threading.Event()

    class Hangs(Memories):
        def open(self) -> None:
            held.set()
            free.wait()
            super().open()

    scribe = Scribe(Hangs(tmp_path / "m"))
    scribe.offer(JOB)
    thread = threading.Thread(target=scribe.step)
    thread.start()
    held.wait()
    for _ in range(MOST_WAITING + 3):
        scribe.offer(JOB)
    assert scribe.lost == 3
    assert "the disk is too slow" in caplog.text
    free.set()
    thread.join()
    scribe.close()
    assert scribe.kept == MOST_WAITING + 1
