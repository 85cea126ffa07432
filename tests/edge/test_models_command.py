"""`heychip models list|verify|show`: what it prints, and its exit codes."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from bundles import change_manifest, make_bundle, open_wake_word

from edge.commands import models as command
from edge.files import sha256_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models of which one is good; those that came with heychip are out of sight."""
    monkeypatch.setenv("HEYCHIP_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge.model_folders.shipped_folders", list)
    monkeypatch.setattr("edge.model_folders.SYSTEM_FOLDER", tmp_path / "none")
    make_bundle(tmp_path / "models")
    return tmp_path / "models"


def run(*words: str) -> int:
    """The command as `heychip` would run it."""
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["models", *words])
    code: int = args.main(args)
    return code


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was printed, a JSON object a line."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_list_says_what_is_promised(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, word, members, false accepts and misses with their intervals, licences and place, in a line."""
    assert run("list") == 0
    out = capsys.readouterr().out
    for part in (
        "hey_test: “hey test”, 2 detectors",
        "0.25 (0.05 to 0.73) false accepts/h",
        "5 % (2.3 to 10.5) missed",
        "GPL-3.0, CC-BY-SA-3.0",
        str(here / "hey_test"),
    ):
        assert part in out
    assert len(out.splitlines()) == 1


def test_list_is_what_is_done_without_a_word(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`heychip models` alone lists."""
    assert run() == 0
    assert capsys.readouterr().out.startswith("hey_test: ")


def test_list_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json every bundle is an object of its own."""
    (here / "alexa.onnx").write_bytes(open_wake_word())
    assert run("list", "--json") == 0
    found = {str(row["name"]): row for row in rows(capsys)}
    assert set(found) == {"alexa", "hey_test"}
    assert found["hey_test"]["members"] == 2
    assert found["alexa"]["false_accepts"] == "?"


def test_list_tells_of_bad_bundles_and_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link to nothing and a half copy are listed with what is wrong, and the good one too."""
    (here / "active").symlink_to("gone")
    (here / "half").mkdir()
    (here / "half" / "detectors.onnx").touch()
    assert run("list") == 5
    out = capsys.readouterr().out
    assert "active: refused" in out
    assert "is a link to gone" in out
    assert "has no manifest.json" in out
    assert "hey_test: “hey test”" in out


def test_list_of_nothing_is_no_error(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no bundle is, the way to one is told on standard error."""
    monkeypatch.setenv("HEYCHIP_MODELS", str(tmp_path / "empty"))
    monkeypatch.chdir(here)
    assert run("list") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "heychip-synth make" in said.err


def test_list_names_a_classifier(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A vision bundle is listed by its kind and licence."""
    folder = here / "things"
    folder.mkdir()
    (folder / "labels.txt").write_text("cat\n")
    table = {"schema": 1, "kind": "classifier", "licence": "Apache-2.0"}
    table["files"] = {"labels.txt": sha256_of(b"cat\n")}
    (folder / "manifest.json").write_text(json.dumps(table))
    assert run("list", "things") == 0
    assert "things: classifier; Apache-2.0" in capsys.readouterr().out
    assert run("verify", "things") == 0
    assert run("show", "things") == 0


def test_verify_is_quiet_about_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file of a good bundle is named and ok, and the exit code is 0."""
    assert run("verify", "hey_test") == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "hey_test: manifest.json: ok",
        "hey_test: detectors.onnx: ok",
        "hey_test: golden.wav: ok",
        "hey_test: report.html: ok",
    ]
    assert said.err == ""


def test_verify_tells_which_file_changed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The changed file is named on standard output and standard error, and the exit code is 5."""
    (here / "hey_test" / "golden.wav").write_bytes(b"other")
    assert run("verify") == 5
    said = capsys.readouterr()
    assert "golden.wav: changed (its sha256 begins with" in said.out
    assert "report.html: ok" in said.out
    assert "not to be trusted: golden.wav" in said.err


def test_verify_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object for every file, with its state."""
    (here / "hey_test" / "golden.wav").unlink()
    assert run("verify", "--json", "hey_test") == 5
    states = {row["file"]: row["state"] for row in rows(capsys)}
    assert states["golden.wav"] == "missing"
    assert states["detectors.onnx"] == "ok"


def test_verify_of_an_unknown_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is not there is bad, and the nearest is offered; the others are checked all the same."""
    assert run("verify", "hey_tset", "hey_test") == 5
    out = capsys.readouterr().out
    assert "there is no such bundle" in out
    assert "hey_test: golden.wav: ok" in out


def test_show_prints_what_may_be_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Thresholds, calibration by condition, voices and data with their licences, seed and versions."""
    assert run("show", "hey_test") == 0
    out = capsys.readouterr().out
    for part in (
        "word: hey test",
        "m0: 1.50, trained on all voices",
        "per hour: 0.25",
        "10 dB:",
        "engine: espeak, count: 8, licence: GPL-3.0",
        "name: prompts, licence: CC-BY-SA-3.0",
        "seed: 7",
    ):
        assert part in out


def test_show_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole of it as one object."""
    assert run("show", "--json", "hey_test") == 0
    (row,) = rows(capsys)
    assert row["calibration"] == json.loads((here / "hey_test/manifest.json").read_text())["calibration"]


def test_show_of_a_bad_bundle(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All mistakes on standard error, nothing on standard output, exit code 5."""
    change_manifest(here / "hey_test", lambda table: table["frontend"].update(mels=40, fft=400))
    assert run("show", "hey_test") == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert "trained with 40 mels" in said.err
    assert "trained with 400 points of FFT" in said.err


@pytest.mark.parametrize(
    "calibration",
    [
        {},
        {"misses": "few", "false_accepts": None},
        {"misses": [], "false_accepts": {}},
        {"misses": {}, "false_accepts": {"per_hour": {}, "ci95": [1, 2]}},
        {"misses": {"clean": {}}, "false_accepts": {"per_hour": True, "ci95": "wide"}},
        {"misses": {"clean": 0.1}, "false_accepts": {"per_hour": "few", "ci95": {"low": 0}}},
        {"misses": {"a": {"b": {"c": [1, {"d": [[]]}]}}}},
    ],
)
def test_calibrations_of_any_shape_are_printed(
    here: Path, calibration: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not told is a question mark; what is told in another way is shown as it is."""
    change_manifest(here / "hey_test", lambda table: table.update(calibration=calibration))
    assert run("list") == 0
    assert "; ? false accepts/h, ? missed;" in capsys.readouterr().out
    assert run("show", "hey_test") == 0
    assert "hey_test" in capsys.readouterr().out


def test_misses_of_clean_speech_are_told_first(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several conditions `list` tells the clean one, wherever it stands."""
    noisy, clean = ({"percent": percent, "ci95": [1, 99]} for percent in (60, 7))
    told = {"misses": {"0 dB": noisy, "clean": clean}}
    change_manifest(here / "hey_test", lambda table: table.update(calibration=told))
    assert run("list") == 0
    assert "7 % (1 to 99) missed" in capsys.readouterr().out


@pytest.mark.parametrize("ci95", [None, "wide", [0.1], [0.1, None], [0.1, 0.2, 0.3], {"low": 0.1}])
def test_a_number_without_its_interval_is_printed_alone(
    here: Path, ci95: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interval that is none is left out; misses are those of the first condition where clean is not."""
    misses = {"5 dB": {"percent": 40.0, "ci95": ci95}}
    told = {"false_accepts": {"per_hour": 2, "ci95": ci95}, "misses": misses}
    change_manifest(here / "hey_test", lambda table: table.update(calibration=told))
    assert run("list") == 0
    assert "; 2 false accepts/h, 40 % missed;" in capsys.readouterr().out


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    """`heychip --help` describes the command without numpy or ONNX Runtime."""
    program = (
        "import sys, argparse, edge.commands.models as m; m.add(argparse.ArgumentParser().add_subparsers());"
        "sys.exit(bool({'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == 0
