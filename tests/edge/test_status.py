"""status.json: whole, seldom, true, and never a reason to fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from daemon_rig import Run, room

from edge.checkup import checkup
from edge.eventlog import EventLog
from edge.fakes import FakeListener, FakeMicrophone
from edge.parts import Ear
from edge.resample import Resampler
from edge.status import LATEST_S, SOONEST_S, Status, read_status


class Still:
    """Ears that are in a state."""

    def __init__(self, state: str = "LISTENING") -> None:
        self.state, self.name = state, "a microphone"


class Room:
    """A status with a clock to turn, and the events that it reports."""

    def __init__(self, folder: Path | str) -> None:
        self.now_s, self.folder = 1000.0, Path(folder)
        self.ears, self.tell = Still(), EventLog(out=open(os.devnull, "w"))  # noqa: SIM115, PTH123 - of the process
        ear = Ear(lambda: FakeMicrophone([]), Resampler, FakeListener())
        self.status = Status(lambda: self.now_s, ear, folder)

    def step(self, seconds: float = 0.2) -> bool:
        """Time goes on; whether the file was written."""
        file = self.folder / "status.json"
        before = file.stat().st_ino if file.exists() else 0
        self.now_s += seconds
        self.status.step(self.ears, self.tell)  # type: ignore[arg-type]
        return file.exists() and file.stat().st_ino != before

    @property
    def row(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "status.json").read_text()))


def test_what_it_says(tmp_path: Path) -> None:
    """State and since when, microphone, counts, members, the last word, version and process."""
    room = Room(tmp_path)
    room.tell("heard", 2.5, word="hey chip", member="us", score=1.5)
    assert room.step()
    row = room.row
    assert (row["state"], row["since_monotonic_s"], row["microphone"]) == (
        "LISTENING",
        1000.2,
        "a microphone",
    )
    assert (row["counts"]["heard"], row["members"], row["pid"]) == (1, "1/1", os.getpid())
    assert (row["last_heard"]["word"], row["last_heard"]["member"]) == ("hey chip", "us")
    assert row["written_monotonic_s"] == 1000.2
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_it_is_written_seldom(tmp_path: Path) -> None:
    """Where nothing changes once in 10 s, as a sign of life; where all changes, not more than once in 2 s."""
    room = Room(tmp_path)
    steps = round(100 / 0.2)
    written = sum(room.step() for _ in range(steps))
    assert written == pytest.approx(100 / LATEST_S, abs=1)
    written = 0
    for number in range(steps):
        room.tell("heard", number, word="hey chip")
        written += room.step()
    assert written == pytest.approx(100 / SOONEST_S, abs=5)


def test_since_is_when_it_became_so(tmp_path: Path) -> None:
    """A change between two writes keeps its own time, not that of the write."""
    room = Room(tmp_path)
    room.step()
    room.ears.state = "WAITING"
    room.step(0.5)
    assert room.step(5)
    assert (room.row["state"], room.row["since_monotonic_s"]) == ("WAITING", 1000.7)


def test_no_folder_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of systemd nothing is written; with it, the first folder of RUNTIME_DIRECTORY is used."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    for asked, there in (("", False), (f"{tmp_path / 'a'}:{tmp_path / 'b'}", True)):
        monkeypatch.setenv("RUNTIME_DIRECTORY", asked)
        Status(lambda: 0.0, None).step(None, EventLog())
        assert (tmp_path / "a" / "status.json").exists() is there
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_it_never_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that cannot be written, ears that fall over: one warning an hour, and the daemon goes on."""
    (tmp_path / "file").touch()
    room = Room(tmp_path / "file" / "folder")
    for _ in range(100):
        assert not room.step()
    room.ears = None  # type: ignore[assignment]
    room.tell = None  # type: ignore[assignment]
    room.step(60)
    assert len([r for r in caplog.records if "status_not_written" in r.message]) == 1


def test_a_daemon_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real daemon, on a recording of silence."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    run = Run(room(0.8))
    assert run.go() == 0
    row = read_status(tmp_path / "status.json")
    assert row is not None
    assert (row["pid"], row["members"], row["version"]) == (os.getpid(), "1/1", "0.1.0")
    assert 0 <= row["age_s"] < 60


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"written_monotonic_s": "soon"}'])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    """Whatever lies there, reading it gives None."""
    (tmp_path / "status.json").write_text(text)
    assert read_status(tmp_path / "status.json") is None


@pytest.mark.parametrize(
    ("state", "age_s", "shown"), [("LISTENING", 5, "ok"), ("WAITING", 5, "note"), ("LISTENING", 300, "bad")]
)
def test_doctor_tells(monkeypatch: pytest.MonkeyPatch, state: str, age_s: float, shown: str) -> None:
    """`heychip doctor` begins with the running service, and a file that grows old means that it hangs."""
    told = {"state": state, "since_monotonic_s": 0.0, "members": "1/1", "last_heard": None, "age_s": age_s}
    monkeypatch.setattr("edge.checkup.read_status", lambda: told)
    first = next(checkup())
    assert (first.name, first.state) == ("service", shown)
