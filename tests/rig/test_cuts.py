"""kill -9 and power cuts at random moments of every kind of write: always starts, always on a whole state.

The kinds are those of `writers.py`. A kill is a real one; a power cut is worked out from the system calls of
a real run, by the rules of `power_cut.py`. HEYCHIP_CUTS_POINTS is how many moments are tried of each (100).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from power_cut import Disk, Sync
from system_calls import can_trace, record
from writers import COUNT, KINDS, Kind, make_all

from edge.memories import read_memories
from edge.wav import read_wav, write_wav

ROOT = Path(__file__).parents[2]
POINTS = int(os.environ.get("HEYCHIP_CUTS_POINTS", "100"))
PATHS = [ROOT, ROOT / "tests" / "edge", ROOT / "tests" / "rig"]
needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")


@pytest.fixture(scope="module", autouse=True)
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is activated."""
    place = tmp_path_factory.mktemp("made")
    make_all(place)
    os.environ["HEYCHIP_CUTS"] = str(place)
    return place


def argv(does: str, kind: str, folder: Path, count: int) -> tuple[list[str], dict[str, str]]:
    """The program that writes, and its environment."""
    writers = str(Path(__file__).with_name("writers.py"))
    program = [sys.executable, writers, does, kind, str(folder), str(count)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "PYTHONDONTWRITEBYTECODE": "1"}
    return program, env


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder in memory where there is such a place: what is tried is the program, not the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - this is the place that is meant
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def prepared(kind: Kind, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as it was before."""
    for name in ("HEYCHIP_MODELS", "XDG_CACHE_HOME"):  # the kinds set them
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr("edge.activate.hear_first", lambda *_: {})
    monkeypatch.setattr("edge.eventlog.MOST_BYTES", 400)
    folder.mkdir()
    kind.prepare(folder)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_killed_at_any_moment(name: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 at a hundred random moments of the writing: what was done is there, what was begun is there as
    a whole or not at all, and the program goes on from it."""
    folder = prepared(KINDS[name], work / "disk", monkeypatch)
    program, env = argv("kill", name, folder, POINTS)
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]


@needs_strace
@pytest.mark.parametrize("name", KINDS)
def test_the_power_goes_at_any_moment(name: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a disk may hold after a power cut at a hundred random moments: as above, and what the program said
    was done has stayed."""
    kind = KINDS[name]
    folder = prepared(kind, work / "disk", monkeypatch)
    program, env = argv("write", name, folder, COUNT)
    disk = record(program, folder, env)
    chance = random.Random(name)
    for point in range(POINTS):
        at = chance.randint(0, len(disk.ops))
        out = work / f"cut{point}"
        done = disk.cut(at, chance, out)
        try:
            kind.check(out, done if kind.flushed else 0, done + 1)
        except Exception as error:
            raise AssertionError(f"point {point}: before {at} of {len(disk.ops)} operations") from error
        shutil.rmtree(out)


@needs_strace
def test_without_flushing_something_is_lost(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are strict enough to notice: were no file flushed before it gets its name, files would be
    cut, and were no folder flushed, what was done would be undone."""
    kind = KINDS["a file written whole"]
    folder = prepared(kind, work / "disk", monkeypatch)
    program, env = argv("write", "a file written whole", folder, COUNT)
    disk = record(program, folder, env)
    for lost in ({0}, set(disk.nodes) - {0}):
        careless = Disk(disk.nodes, [op for op in disk.ops if not (isinstance(op, Sync) and op.what in lost)])
        assert len(careless.ops) == len(disk.ops) - COUNT
        chance, bad = random.Random(0), 0
        for point in range(100):
            out = work / f"cut{point}"
            done = careless.cut(chance.randint(0, len(careless.ops)), chance, out)
            try:
                kind.check(out, done, done + 1)
            except (AssertionError, ValueError):
                bad += 1
        assert bad > 10
        for point in range(100):
            shutil.rmtree(work / f"cut{point}")


CONFIG = """
[microphone]
backend = "recording"
files = ["room.wav"]
pace = {pace}
[listen]
bundles = ["hey_test"]
[speech]
backend = "silent"
[events]
file = "events.jsonl"
[memory]
folder = "memory"
most_files = 4
[[rules]]
heard = "*"
text = "yes"
"""


def configured(folder: Path, pace: float, bundles: Path) -> dict[str, str]:
    """What `heychip run` needs; gives its environment."""
    (folder / "heychip.toml").write_text(CONFIG.format(pace=pace))
    write_wav(folder / "room.wav", np.random.default_rng(0).normal(0, 0.1, 80_000).astype(np.float32), 16_000)
    return {**os.environ, "PYTHONPATH": str(ROOT), "STATE_DIRECTORY": str(folder),
            "HEYCHIP_MODELS": str(folder / "models"), "XDG_CACHE_HOME": str(bundles)}  # fmt: skip


def heychip(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """The program, to its end."""
    argv = [sys.executable, "-m", "edge.cli", *words]
    return subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
@needs_strace
def test_the_program_starts_after_a_power_cut(
    work: Path, monkeypatch: pytest.MonkeyPatch, bundles: Path
) -> None:
    """`heychip models verify` and `heychip run`, as systemd would start them, on what power cuts have left: a
    tenth as many as above, each a real start."""
    name = "all that the daemon writes"
    folder = prepared(KINDS[name], work / "disk", monkeypatch)
    program, env = argv("write", name, folder, COUNT)
    disk, chance = record(program, folder, env), random.Random(1)
    for point in range(POINTS // 10):
        out = work / f"cut{point}"
        disk.cut(chance.randint(0, len(disk.ops)), chance, out)
        env = configured(out, 0, bundles)
        done = heychip(out, env, "models", "verify", "hey_test")
        assert done.returncode == 0, done.stderr
        done = heychip(out, env, "run", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[0])["event"] == "state"
        assert "error" not in done.stderr, done.stderr


@pytest.mark.slow
def test_the_program_starts_after_a_kill(
    work: Path, monkeypatch: pytest.MonkeyPatch, bundles: Path
) -> None:
    """`heychip run`, killed again and again while it hears and remembers: each time it starts, listens, and
    all moments that it kept are whole. Three kills in a row roll a bundle back, if there is one before it."""
    folder = prepared(KINDS["activation"], work / "disk", monkeypatch)
    env, chance = configured(folder, 1, bundles), random.Random(2)
    argv = [sys.executable, "-m", "edge.cli", "run", "--json"]
    for _ in range(POINTS // 10):
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, env=env, cwd=folder, stdout=pipe, stderr=pipe, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        time.sleep(chance.uniform(0, 1))
        process.kill()
        log = process.communicate()[1]
        assert line, log
        assert json.loads(line)["state"] == "LISTENING"
    done = heychip(folder, env, "run", "--json")
    assert done.returncode == 0, done.stderr
    memories = read_memories(folder / "memory")
    assert 0 < len(memories) <= 4
    assert all(read_wav(one.wav).samples.size * 2 + 44 == one.facts["bytes"] for one in memories)
    left = {path.name for path in (folder / "memory").iterdir()}
    assert left == {path.name for one in memories for path in (one.wav, one.json)} | {".lock"}
