"""`heychip-synth voices`: what is here, what is missing, and samples of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.wav import read_wav
from synth.commands import voices as command
from synth.voices import ENGINES
from tests.synth.engines import engine_or_skip


def run(*words: str) -> int:
    """The command as the command line runs it."""
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["voices", *words])
    return int(args.main(args))


def test_list_says_what_is_here_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object an engine, with its voices or its remedy; the table says the same in words."""
    assert run("list", "--json") == 0
    rows = {row["engine"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(rows) == list(ENGINES)
    for row in rows.values():
        assert bool(row["missing"]) != bool(row["voices"])
    assert run("list", "--all") == 0
    table = capsys.readouterr().out
    assert all(name in table for name in ENGINES)


def test_sample_writes_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wav file for each voice, named in the output."""
    engine_or_skip("espeak-ng")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert (
        run("sample", "hey chip", "--engine", "espeak-ng", "--each", "2", "--out", str(tmp_path), "--json")
        == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2
    for row in rows:
        recording = read_wav(row["file"])
        assert recording.rate_hz == RATE_HZ
        assert len(recording.samples) / RATE_HZ == pytest.approx(row["duration_s"], abs=0.01)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("install", "flite"), "apt-get install flite"),
        (("install", "sam"), "kokoro and piper can"),
        (("install", "piper"), "FILE.onnx"),
        (("install", "kokoro", "/nowhere.tgz"), "no such file"),
        (("sample", "hey", "--each", "0"), "1 or more"),
    ],
)
def test_command_errors_name_the_remedy(words: tuple[str, ...], says: str) -> None:
    """What cannot be installed or sampled is a UsageError that says what can be done."""
    with pytest.raises(UsageError, match=says):
        run(*words)
