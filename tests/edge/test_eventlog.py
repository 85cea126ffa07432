"""The event log."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from edge.eventlog import EventLog


def test_events_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Events are appended as JSON lines with the time of day; a large file is set aside, an unwritable one
    complained about once."""
    path = tmp_path / "a" / "events.jsonl"
    for _ in range(2):
        EventLog(path, out=io.StringIO())("heard", 1.23456, word="hey")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["event"], row["time_s"], row["word"]) for row in rows] == [("heard", 1.235, "hey")] * 2
    assert all(row["at"].endswith("+00:00") for row in rows)
    with path.open("r+b") as file:
        file.truncate(10_000_000)
    EventLog(path, out=io.StringIO())("heard", 2.0)
    assert path.with_name("events.jsonl.1").stat().st_size == 10_000_000
    assert len(path.read_text().splitlines()) == 1
    tell = EventLog(tmp_path, out=io.StringIO())
    tell("heard", 1.0)
    tell("heard", 2.0)
    assert caplog.text.count("events_not_written") == 1
