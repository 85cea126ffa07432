"""The cache of clips and its workers: order, resuming, whole files, quarantine, Ctrl-C, crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UsageError
from synth.voices import Settings, Take, Voice
from synth.voices import cache as room
from synth.voices.cache import PATIENCE, Clips, speak_all
from synth.voices.fake import Hum
from synth.voices.pool import DIED


def takes_of(engine: Hum, each: int = 5) -> list[Take]:
    """`each` takes for each voice in turn."""
    return [Take(f"text {number}", voice, seed=number) for number in range(each) for voice in engine.voices()]


def calls(notes: Path) -> Counter[str]:
    """How often each voice was asked."""
    return Counter(file.read_text("utf-8").split("\t")[0] for file in notes.iterdir())


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the engine notes its calls."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_takes(jobs: int, tmp_path: Path) -> None:
    """A slow engine among fast ones changes neither the order nor what comes out, nor does the number of
    workers."""
    fast, slow = Hum(), Hum(("s",), name="slow", delay_s=0.02)
    takes = [take for pair in zip(takes_of(fast, 4), takes_of(slow, 16), strict=True) for take in pair]
    done: list[int] = []
    results = list(speak_all(takes, [fast, slow], jobs=jobs, cache=tmp_path, progress=done.append))
    assert [take for take, _, _ in results] == takes
    assert done == [1] * len(takes)
    for take, samples, reason in results:
        assert reason == ""
        assert samples is not None
        wanted = fast.say(take.text, take.voice, take.settings)
        assert np.allclose(samples, wanted, atol=1 / 32_000)


def test_what_is_there_is_not_made_again(tmp_path: Path, notes: Path) -> None:
    """A second run asks the engine nothing and gives the same samples; a longer list makes only what is
    new."""
    engine = Hum(notes=str(notes))
    takes = takes_of(engine)
    first = [
        samples for _, samples, _ in speak_all(takes[:12], engine_list(engine), jobs=1, cache=tmp_path / "c")
    ]
    assert sum(calls(notes).values()) == 12
    again = [samples for _, samples, _ in speak_all(takes, engine_list(engine), jobs=1, cache=tmp_path / "c")]
    assert sum(calls(notes).values()) == len(takes)
    for a, b in zip(first, again[:12], strict=True):
        assert a is not None
        assert np.array_equal(a, b)


def engine_list(engine: Hum) -> list[Hum]:
    """As `speak_all` takes it."""
    return [engine]


def test_the_same_take_twice_is_made_once(tmp_path: Path, notes: Path) -> None:
    """Takes with one key share a clip."""
    engine = Hum(("a",), notes=str(notes))
    take = Take("hey", engine.voices()[0])
    results = list(speak_all([take, take, take], [engine], jobs=1, cache=tmp_path / "c"))
    assert [reason for _, _, reason in results] == ["", "", ""]
    assert sum(calls(notes).values()) == 1


@pytest.mark.parametrize("spoil", ["empty", "cut", "header", "text"])
def test_half_files_are_never_read(spoil: str, tmp_path: Path) -> None:
    """A clip that is not whole, whatever cut it off, counts as missing and is made again."""
    engine = Hum(("a",))
    take = Take("hey", engine.voices()[0])
    clips = Clips(tmp_path)
    (whole,) = [samples for _, samples, _ in speak_all([take], [engine], jobs=1, cache=tmp_path)]
    data = clips.path(take).read_bytes()
    spoiled = {"empty": b"", "cut": data[:-100], "header": data[:44], "text": b"x" * len(data)}[spoil]
    clips.path(take).write_bytes(spoiled)
    assert clips.get(take) is None
    (made,) = [samples for _, samples, _ in speak_all([take], [engine], jobs=1, cache=tmp_path)]
    assert np.array_equal(made, whole)


def test_clips_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails halfway, no file of the clip's name is there, and the error names the folder."""
    clips, take = Clips(tmp_path), Take("hey", Hum().voices()[0])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.files.os.replace", full)
    with pytest.raises(UsageError, match=r"No space left.*--cache"):
        clips.put(take, np.zeros(100, np.float32))
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", ["bad", "mute", "short", "raise"])
def test_a_voice_that_fails_five_times_is_left_alone(
    name: str, jobs: int, tmp_path: Path, notes: Path
) -> None:
    """It is asked five times (and what was in hand), then not again; every take of it has a counted
    reason."""
    engine = Hum(("a", name), notes=str(notes))
    takes = takes_of(engine, 60)
    results = list(speak_all(takes, [engine], jobs=jobs, cache=tmp_path / "c"))
    reasons = [reason for take, samples, reason in results if take.voice.name == name]
    assert len(reasons) == 60
    assert all(reasons)
    assert not any("quarantined" in reason for reason in reasons[:PATIENCE])
    assert all(f"after {PATIENCE} failures" in reason for reason in reasons[PATIENCE:])
    assert PATIENCE <= calls(notes)[name] < 60
    assert all(samples is not None for take, samples, _ in results if take.voice.name == "a")


def test_a_voice_that_fails_now_and_then_goes_on(tmp_path: Path) -> None:
    """Only failures in a row count: a voice that fails every third time keeps the others."""

    class Moody(Hum):
        def say(self, text: str, voice: Voice, settings: Settings) -> np.ndarray:
            if settings.seed % 3 == 0:
                raise room.VoiceError("not now")
            return super().say(text, voice, settings)

    engine = Moody(("a",))
    results = list(speak_all(takes_of(engine, 30), [engine], jobs=1, cache=tmp_path))
    assert Counter(reason for _, _, reason in results) == {"not now": 10, "": 20}


def test_failures_are_tried_again_by_the_next_run(tmp_path: Path, notes: Path) -> None:
    """A failure is not kept: the next run asks again, and succeeds where the voice does."""
    engine = Hum(("bad",))
    take = Take("hey", engine.voices()[0])
    assert [reason for _, _, reason in speak_all([take], [engine], jobs=1, cache=tmp_path)] == [
        "hum: cannot say it"
    ]

    class Healed(Hum):
        def say(self, *_: object) -> np.ndarray:
            return np.full(4_000, 0.1, np.float32)

    assert [reason for _, _, reason in speak_all([take], [Healed()], jobs=1, cache=tmp_path)] == [""]


def test_a_worker_that_dies_costs_only_its_take(tmp_path: Path) -> None:
    """A voice that crashes its process is counted; all others of the run are made, in their order."""
    engine = Hum(("a", "die", "b"))
    takes = takes_of(engine, 3)
    results = list(speak_all(takes, [engine], jobs=2, cache=tmp_path))
    assert [take for take, _, _ in results] == takes
    for take, samples, reason in results:
        if take.voice.name == "die":
            assert reason == DIED
        else:
            assert samples is not None, reason


def test_an_engine_that_is_not_open_is_a_reason(tmp_path: Path) -> None:
    """Takes of an engine that was not given are counted, not raised."""
    take = Take("hey", Voice("gone", "v", "en-us", "none"))
    ((_, samples, reason),) = speak_all([take], [Hum()], jobs=1, cache=tmp_path)
    assert samples is None
    assert "gone is not open" in reason


SCRIPT = """
import sys
from pathlib import Path
from synth.voices import Take
from synth.voices.cache import speak_all
from synth.voices.fake import Hum

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    engine = Hum(("a", "b"), notes=str(folder / "notes"), delay_s=0.02)
    takes = [Take("text", voice, seed=number) for number in range(60) for voice in engine.voices()]
    for number, (take, samples, reason) in enumerate(speak_all(takes, [engine], jobs=2, cache=folder / "c")):
        assert samples is not None, reason
        print(number, flush=True)
"""


def start(tmp_path: Path) -> subprocess.Popen[str]:
    """A run in a process group of its own, as in a terminal."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT, "utf-8")
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        process_group=0,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_runs_go_on_where_they_were(how: signal.Signals, tmp_path: Path, notes: Path) -> None:
    """Ctrl-C or kill -9 leave whole clips, no workers and no noise but one; the next run makes the missing
    ones only."""
    process = start(tmp_path)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "20":
        assert process.poll() is None
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # a terminal sends it to all of them
    else:
        process.kill()
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    if how == signal.SIGINT:
        assert err.count("Traceback") == 1, "the parent's own, none of the workers"
    ends = time.monotonic() + 10
    while workers_of(process.pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not workers_of(process.pid)
    made = len(list((tmp_path / "c").rglob("[!.]*.wav")))
    asked = sum(calls(notes).values())
    assert 20 <= made < 120
    again = start(tmp_path)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert len(out.splitlines()) == 120
    assert sum(calls(notes).values()) - asked == 120 - made


def workers_of(group: int) -> list[int]:
    """The processes of a process group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
