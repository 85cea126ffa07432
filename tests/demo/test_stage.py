"""The demo's minute: as long as it says, with lines that leave room for the robot's answers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from demo.stage import CLIPS, LENGTH_S, Line, write_recording
from edge.wav import Recording, read_wav

pytestmark = pytest.mark.skipif(
    not (CLIPS / "clips.json").is_file(),
    reason="there is no demo/clips; `python -m demo.record` speaks them",
)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Line]]:
    """The recording and what is said in it."""
    path = tmp_path_factory.mktemp("demo") / "recording.wav"
    return path, write_recording(path)


@pytest.fixture(scope="module")
def recording(minute: tuple[Path, list[Line]]) -> Recording:
    """Its sound."""
    return read_wav(minute[0])


def test_it_is_a_minute_long(recording: Recording) -> None:
    """60 s, one channel, 16 kHz, not silent and not clipped."""
    assert len(recording.samples) / recording.rate_hz == LENGTH_S == 60.0
    assert recording.samples.shape[1] == 1
    assert 0.5 < np.abs(recording.samples).max() < 0.95


def test_lines_do_not_overlap(minute: tuple[Path, list[Line]]) -> None:
    """Each line begins after the one before has ended, a second later at least, and all end in the minute."""
    _, lines = minute
    for before, after in pairwise(lines):
        assert before.start_s < before.end_s < after.start_s - 1.0
    assert lines[0].start_s > 0
    assert lines[-1].end_s < LENGTH_S - 1.0


def test_every_clip_is_said_once(minute: tuple[Path, list[Line]]) -> None:
    """Calls and sentences take turns; each clip of the demo is in it, and calls are the phrase."""
    _, lines = minute
    rows = json.loads((CLIPS / "clips.json").read_text())
    assert sorted((line.voice, line.text) for line in lines) == sorted((r["voice"], r["text"]) for r in rows)
    assert len({line.text for line in lines if line.phrase}) == 1
    assert [line.phrase for line in lines] == [False, True] * (len(lines) // 2)


def test_lines_are_where_they_are_said_to_be(minute: tuple[Path, list[Line]], recording: Recording) -> None:
    """Between start and end it is louder than in the pause behind it."""
    sound, rate_hz = recording.samples[:, 0], recording.rate_hz
    for line in minute[1]:
        start, end = int(line.start_s * rate_hz), int(line.end_s * rate_hz)
        pause = sound[end + rate_hz // 2 : end + rate_hz]
        assert np.square(sound[start:end]).mean() > 2 * np.square(pause).mean()


def test_it_is_the_same_every_time(minute: tuple[Path, list[Line]], tmp_path: Path) -> None:
    """Mixed again, it is the same to the byte, so that the demo's numbers can be compared."""
    again = tmp_path / "again.wav"
    assert write_recording(again) == minute[1]
    assert again.read_bytes() == minute[0].read_bytes()
