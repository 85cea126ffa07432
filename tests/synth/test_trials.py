"""`heychip-synth evaluate` over folders of people's recordings, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tones import silence, tone, tone_bundle

from edge.errors import UsageError
from edge.wav import write_wav
from synth.cli import main
from synth.evaluate import CONDITIONS, LEAD_S
from synth.trials import gather, measure, tell

JUNK = b"no sound"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four calls of two people, one of them silent; talk with a tone in it; and a file of junk in each."""
    root = tmp_path_factory.mktemp("trials")
    sounds = {"anna-1": tone(0.9), "anna-2": tone(1.3), "ben-1": tone(1.0), "ben-2": silence(1.0)}
    for name, sound in sounds.items():
        write_wav(root / "calls" / f"{name}.wav", sound, 16_000)
    (root / "calls" / "broken.wav").write_bytes(JUNK)
    write_wav(root / "calls" / "zero.wav", np.zeros(16_000, np.float32), 16_000)
    quiet, woken = [silence(20), 0.01 * tone(0.1, hertz=200)], [silence(8), tone(1.0), silence(8)]
    write_wav(root / "talk" / "quiet.wav", np.concatenate(quiet), 16_000)
    write_wav(root / "talk" / "woken.wav", np.concatenate(woken), 16_000)
    write_wav(root / "talk" / "short.wav", tone(1.5), 16_000)
    (root / "talk" / "junk.ogg").write_bytes(JUNK)
    tone_bundle(root)
    return root


def evaluate(here: Path, *more: str) -> int:
    """The command, on one process."""
    return main(["evaluate", str(here / "tone"), "--positives", str(here / "calls"), "--negatives",
                 str(here / "talk"), "--jobs", "1", *more])  # fmt: skip


def test_what_cannot_be_read_is_left_out_and_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are measured: voices by name, false accepts with file and time, and a page is written."""
    assert evaluate(here, "--json", "--report", str(here / "report.html")) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    for name in ("broken.wav", "junk.ogg", "zero.wav"):
        assert sum(name in line for line in said.err.splitlines()) == 1
    assert {row["file"] for row in told["left_out"]} == {"broken.wav", "junk.ogg", "zero.wav", "short.wav"}
    assert {condition: row["of"] for condition, row in told["misses"].items()} == dict.fromkeys(
        [name for name, _ in CONDITIONS], 4)
    assert told["misses"]["clean"]["misses"] == 1
    assert told["missed"]["clean"] == ["ben-2.wav"]
    assert set(told["voices"]) == {"anna", "ben"}
    assert [row["file"] for row in told["woken_by"]] == ["woken.wav"]
    assert 8 < told["woken_by"][0]["time_s"] < 9.5
    assert told["word"] == "tone"
    assert (here / "report.html").read_text().startswith("<!doctype html>")


def test_lines_to_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json: a table with rates, voices, members and latency; --skip and --most leave calls out."""
    (here / "skip.txt").write_text("ben-2.wav\n")
    assert evaluate(here, "--skip", str(here / "skip.txt"), "--most", "3") == 0
    said = capsys.readouterr()
    assert "3 recordings of the phrase" in said.out
    assert "left out 1 of other sound that is shorter than 2 s, as short.wav" in said.err
    for words in ("its own thresholds: 1 false accepts", "0.1 false accepts/h *", "by voice", "anna (2)",
                  "steady", "the OR minus its best member", "latency, clean: median"):
        assert words in said.out


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--report", "/nowhere/at/all/x.html"], "no such folder"),
        (["--skip", "/nowhere/at/all.txt"], "cannot be read"),
        (["--jobs", "0"], "--jobs 0"),
    ],
)
def test_mistakes_cost_no_time(
    here: Path, capsys: pytest.CaptureFixture[str], more: list[str], named: str
) -> None:
    """What cannot be written or read is said before anything is streamed."""
    assert evaluate(here, *more) == 2
    said = capsys.readouterr()
    assert named in said.err
    assert "streaming" not in said.err


def test_only_unreadable_calls_say_why(here: Path, tmp_path: Path) -> None:
    """Nothing to measure is a usage error with the reasons, not a division by zero."""
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "a.wav").write_bytes(JUNK)
    with pytest.raises(UsageError, match=r"0 recordings of the phrase.*a\.wav"):
        gather(tmp_path / "calls", [here / "talk"], tmp_path)


def test_only_short_talk_is_not_enough(here: Path, tmp_path: Path) -> None:
    """Streams under two seconds are no measure of false accepts."""
    write_wav(tmp_path / "talk" / "a.wav", tone(1.0), 16_000)
    trials = gather(here / "calls", [tmp_path / "talk"], tmp_path, conditions=CONDITIONS[:1])
    with pytest.raises(UsageError, match="0 of other sound of over 2 s"):
        measure([here / "tone"], trials, 1)


def test_the_seed_is_of_the_noise(here: Path, tmp_path: Path) -> None:
    """The same seed mixes the same sound, another one another; the phrase ends where its sound does."""
    made = []
    for k, seed in enumerate((0, 0, 1)):
        (tmp_path / str(k)).mkdir()
        made.append(gather(here / "calls", [here / "talk"], tmp_path / str(k), seed=seed))
    first, again, other = ([call.sound() for call in trials.calls] for trials in made)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert made[0].positives[0].end_s == pytest.approx(LEAD_S + 0.9, abs=0.01)
    assert len(first) == 3 * 4


def test_left_out_is_told_once(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that vanishes between reading and streaming is left out of every condition and named once."""
    write_wav(tmp_path / "calls" / "a.wav", tone(1.0), 16_000)
    write_wav(tmp_path / "calls" / "b.wav", tone(1.0), 16_000)
    (tmp_path / "pool").mkdir()
    trials = gather(tmp_path / "calls", [here / "talk"], tmp_path / "pool")
    (tmp_path / "calls" / "a.wav").unlink()
    found, left_out = measure([here / "tone"], trials, 1)
    tell(left_out)
    assert found[0].misses(condition="clean")[1] == 1
    assert capsys.readouterr().err.count("a.wav") == 1
