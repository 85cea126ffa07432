"""Crashes are counted, and a new bundle that crashes is taken back; whatever the wall clock does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_activate import bundle
from tones import silence

from edge import activate
from edge.active import KEPT, versions
from edge.bundle import load_bundle
from edge.errors import ModelError
from edge.starts import Starts, undo_broken
from edge.wav import write_wav

ROOT = Path(__file__).parents[2]


class Boot:
    """Seconds since the boot, as a test wants them."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Boot:
    return Boot()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the state, with two versions of a bundle."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("edge.activate.hear_first", lambda *_: {})
    monkeypatch.setattr("edge.model_folders.SYSTEM_FOLDER", tmp_path / "state" / "models")
    (tmp_path / "state").mkdir()
    for seed in (1, 2):
        activate.activate(bundle(tmp_path / f"made{seed}", seed=seed))
    return tmp_path / "state"


def start(state: Path, clock: Boot) -> tuple[Starts, bool]:
    """A start, and whether too many before it crashed."""
    one = Starts(state, state / "models", now_s=clock)
    return one, one.begin()


def crashes(state: Path, clock: Boot, *, apart_s: float, count: int = 6) -> list[bool]:
    """What that many starts say, each of which ends in a crash."""
    said = []
    for _ in range(count):
        said.append(start(state, clock)[1])
        clock.now_s += apart_s
    return said


def test_three_crashes_in_five_minutes(state: Path, clock: Boot) -> None:
    """The fourth start is told, and counting begins anew; the same three in a longer time are no matter."""
    assert crashes(state, clock, apart_s=90) == [False, False, False, True, False, False]
    clock.now_s += 1000
    assert crashes(state, clock, apart_s=110) == [False] * 6


def test_clean_ends_do_not_count(state: Path, clock: Boot) -> None:
    """However often somebody restarts it."""
    for _ in range(10):
        one, crashed = start(state, clock)
        assert not crashed
        clock.now_s += 2
        one.end()


def test_a_boot_forgets(state: Path, clock: Boot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who pulls the plug three times is no bundle."""
    for boot in "abcdef":
        (tmp_path / "boot").write_text(boot)
        monkeypatch.setattr("edge.clock.BOOT", tmp_path / "boot")
        assert not start(state, clock)[1]
        clock.now_s += 5


def test_a_new_bundle_is_taken_back(state: Path, clock: Boot, caplog: pytest.LogCaptureFixture) -> None:
    """Loudly, and only if it is one that is listened with; after the next three crashes there is none left
    to blame, and the last one stays."""
    for _ in range(3):
        start(state, clock)
    one, crashed = start(state, clock)
    assert crashed
    assert one.go_back(["other"]) == []
    assert load_bundle("tone").manifest.seed == 2
    assert one.go_back(["tone"]) == ["tone"]
    assert load_bundle("tone").manifest.seed == 1
    assert "event=rollback bundle=tone version=000002" in caplog.text
    assert one.go_back(["tone"]) == []
    assert load_bundle("tone").manifest.seed == 1


def test_a_bundle_that_ran_for_five_minutes_is_not_to_blame(
    state: Path, clock: Boot, caplog: pytest.LogCaptureFixture
) -> None:
    """What crashes now is something else: the bundle stays, and that is said."""
    one, _ = start(state, clock)
    for _ in range(100):
        clock.now_s += 5
        one.step()
    for _ in range(3):
        start(state, clock)
    one, crashed = start(state, clock)
    assert crashed
    assert one.go_back(["tone"]) == []
    assert load_bundle("tone").manifest.seed == 2
    assert "no new bundle to blame" in caplog.text


def test_the_wall_clock_does_not_matter(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten years forth and back between two starts: they are still minutes apart, or seconds."""
    said = []
    for jump in (0.0, 3e8, -3e8, 0.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.7e9 + jump)
        said.append(Starts(state, state / "models").begin())
    assert said == [False, False, False, True]


@pytest.mark.parametrize("junk", [b"", b"\0" * 99, b"[]", b'{"open": "x"}', b'{"open": [null], "boot": 3}'])
def test_a_damaged_file_is_none(state: Path, clock: Boot, junk: bytes) -> None:
    """It is written anew."""
    (state / "starts.json").write_bytes(junk)
    assert not start(state, clock)[1]
    assert json.loads((state / "starts.json").read_bytes())["open"] == [clock.now_s]


def test_without_a_place_nothing_is_counted(tmp_path: Path, clock: Boot) -> None:
    """Run by hand, without a state folder, or with one that cannot be written: it runs all the same."""
    assert crashes(tmp_path / "none", clock, apart_s=1) == [False] * 6
    assert not (tmp_path / "none").exists()


def test_a_bundle_that_is_damaged_is_taken_back_at_once(state: Path) -> None:
    """A file of the version in use has rotted: the one before is in use, without waiting for crashes; an
    error of another bundle moves nothing."""
    models = state / "models"
    (models / KEPT / "000002" / "tone" / "detectors.onnx").write_bytes(b"rot")
    with pytest.raises(ModelError) as caught:
        load_bundle("tone")
    assert not undo_broken(ModelError("/other/detectors.onnx", "is bad"), models)
    assert undo_broken(caught.value, models)
    assert load_bundle("tone").manifest.seed == 1
    assert not undo_broken(caught.value, models)  # that version is no longer in use
    assert versions(models) == {"tone": ["000001"]}


CONFIG = """
[microphone]
backend = "recording"
files = ["room.wav"]
[listen]
bundles = ["tone"]
[speech]
backend = "silent"
[[rules]]
heard = "*"
text = "yes"
"""


def daemon(state: Path) -> subprocess.Popen[str]:
    """`heychip run`, with ten minutes of a quiet room for a microphone, at the pace of the clock."""
    if not (state / "heychip.toml").exists():
        (state / "heychip.toml").write_text(CONFIG)
        write_wav(state / "room.wav", silence(600), 16_000)
    argv = [sys.executable, "-m", "edge.cli", "run", "--json", "--config", str(state / "heychip.toml")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, env=env, cwd=state)


def test_a_daemon_that_crashes_goes_back(state: Path) -> None:
    """Three times `heychip run` is killed; the fourth start goes back to the bundle before, says so,
    and listens. SIGHUP after another activation takes that, and SIGTERM ends it clean."""
    for _ in range(3):
        process = daemon(state)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "LISTENING"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert load_bundle("tone").manifest.seed == 2
    process = daemon(state)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["state"] == "LISTENING"
    assert load_bundle("tone").manifest.seed == 1
    activate.activate(bundle(state.parent / "made3", seed=3))
    process.send_signal(signal.SIGHUP)
    rows = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [row["event"] for row in rows] == ["summary", "state"]
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "event=rollback bundle=tone version=000002" in log
    assert "3 crashes within 5 minutes" in log
    assert "event=reload" in log
    assert load_bundle("tone").manifest.seed == 3
    assert json.loads((state / "starts.json").read_text())["open"] == []
