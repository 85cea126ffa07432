"""The desktop's command line: what cannot be done is said before any work is done, with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from tones import tone, tone_bundle

from edge import __version__
from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.cli import COMMANDS, main

EVALUATE = ["evaluate", "BUNDLE", "--positives", "FULL", "--negatives", "FULL"]
WRONG = {
    "no command": [],
    "an unknown command": ["bake"],
    "an unknown preset": ["make", "hey chip", "--preset", "huge"],
    "no phrase": ["make"],
    "an empty phrase": ["make", "", "--out", "OUT"],
    "a blank phrase": ["make", "  ", "--out", "OUT"],
    "a phrase of digits": ["make", "route 66", "--out", "OUT"],
    "no processes": ["make", "hey chip", "--jobs", "0", "--out", "OUT"],
    "processes below none": ["make", "hey chip", "--jobs", "-1", "--out", "OUT"],
    "processes in words": ["make", "hey chip", "--jobs", "two"],
    "a seed in words": ["make", "hey chip", "--seed", "x"],
    "a seed below none": ["make", "hey chip", "--seed", "-1", "--out", "OUT"],
    "a missing folder": ["make", "hey chip", "--negatives", "MISSING", "--out", "OUT"],
    "a file for a folder": ["make", "hey chip", "--negatives", "FILE", "--out", "OUT"],
    "an engine that is none": ["make", "hey chip", "--engine", "parrot", "--out", "OUT"],
    "a full folder as target": ["make", "hey chip", "--out", "FULL"],
    "evaluate without recordings": ["evaluate", "BUNDLE"],
    "evaluate a missing folder": ["evaluate", "BUNDLE", "--positives", "MISSING", "--negatives", "FULL"],
    "evaluate nothing": ["evaluate", "BUNDLE", "--positives", "EMPTY", "--negatives", "FULL"],
    "evaluate with no processes": [*EVALUATE, "--jobs", "0"],
    "evaluate with a seed below none": [*EVALUATE, "--seed", "-7"],
}
NAMED = {
    "a missing folder": "no such folder",
    "no processes": "--jobs 0",
    "an empty phrase": "phrase is empty",
    "a full folder as target": "is no bundle",
    "an unknown preset": "huge",
    "a seed below none": "--seed -1",
    "evaluate with no processes": "--jobs 0",
    "evaluate nothing": "0 recordings",
}


def run(words: list[str], tmp_path: Path) -> int:
    """The command's exit code, whether it is given back or raised by argparse."""
    (tmp_path / "empty").mkdir()
    write_wav(tmp_path / "full" / "a.wav", tone(3.0), RATE_HZ)
    (tmp_path / "file").touch()
    places = {name.upper(): str(tmp_path / name) for name in ("out", "missing", "full", "empty", "file")}
    places["BUNDLE"] = str(tone_bundle(tmp_path))
    try:
        return main([places.get(word, word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("what", WRONG)
def test_usage_errors_exit_with_2(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is named on standard error, nothing is printed, and nothing is written."""
    assert run(WRONG[what], tmp_path) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert NAMED.get(what, "heychip-synth") in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version and ends well."""
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"heychip {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command names it and ends well."""
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"heychip-synth {command}" in capsys.readouterr().out


def test_an_unknown_bundle_is_a_model_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`evaluate` of a bundle that is not there exits with 5, as `heychip` does."""
    missing = str(tmp_path / "none")
    assert main(["evaluate", missing, "--positives", str(tmp_path), "--negatives", str(tmp_path)]) == 5
    assert "no such bundle" in capsys.readouterr().err
