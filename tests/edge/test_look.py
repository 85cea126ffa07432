"""`heychip look`, called as the command line calls it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.camera import fake_picamera2
from edge.commands import look
from edge.errors import ConfigError, DeviceError, ModelError, UsageError

PICTURES = Path(__file__).resolve().parents[2] / "demo" / "pictures"


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    look.add(parser.add_subparsers())
    args = parser.parse_args(["look", *map(str, words)])
    code: int = args.main(args)
    return code


def rows(captured: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.out.splitlines()]


def test_one_object_a_line_in_the_order_given(capsys: pytest.CaptureFixture[str]) -> None:
    """Each picture is one JSON object with file, label, score and top."""
    pytest.importorskip("PIL")
    files = [str(PICTURES / name) for name in ("espresso.jpg", "cat.jpg")]
    assert run(*files) == 0
    captured = capsys.readouterr()
    found = rows(captured)
    assert captured.err == ""
    assert [row["file"] for row in found] == files
    assert [row["label"] for row in found] == ["espresso", "tiger cat"]
    assert all(set(row) == {"file", "label", "score", "top"} for row in found)
    assert all(row["top"][0] == {"label": row["label"], "score": row["score"]} for row in found)
    assert all(len(row["top"]) == 5 for row in found)


def test_a_bad_picture_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad pictures are lines on standard error and exit code 2; the good ones are still told."""
    good = tmp_path / "good.ppm"
    good.write_bytes(b"P6\n2 2\n255\n" + bytes([200] * 12))
    (tmp_path / "bad.ppm").write_bytes(b"P6\n2 2\n255\n")
    assert run(tmp_path / "nosuch.jpg", good, tmp_path / "bad.ppm", good) == 2
    captured = capsys.readouterr()
    assert [row["file"] for row in rows(captured)] == [str(good)] * 2
    assert [line.split(":")[0] for line in captured.err.splitlines()] == ["heychip", "heychip"]
    assert "nosuch.jpg: no such picture" in captured.err
    assert "bad.ppm: is cut off" in captured.err


def test_a_dark_picture_has_no_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A black picture is a row without a label, and a remark on standard error; nothing failed."""
    path = tmp_path / "night.ppm"
    path.write_bytes(b"P6\n2 2\n255\n" + bytes(12))
    assert run(path) == 0
    captured = capsys.readouterr()
    assert rows(captured) == [{"file": str(path), "label": "", "score": 0.0, "top": []}]
    assert "dark" in captured.err


def test_nothing_to_look_at_is_a_mistake_of_usage() -> None:
    """Neither pictures nor --camera, or both, is exit code 2."""
    for words in ((), ("--camera", "x.jpg")):
        with pytest.raises(UsageError, match="look"):
            run(*words)


def test_a_model_that_is_not_there_is_a_model_error() -> None:
    """Exit code 5 for a bundle that nobody has."""
    with pytest.raises(ModelError):
        run("--model", "nosuch", PICTURES / "cat.jpg")


def config(tmp_path: Path, camera: str) -> Path:
    path = tmp_path / "heychip.toml"
    path.write_text(f"[camera]\n{camera}\ninterval_s = 0.05\n")
    return path


def test_through_the_cameras_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--camera takes --count pictures from the camera that --config names, and gives it back."""
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2)
    world = fake_picamera2.reset()
    assert run("--camera", "--config", config(tmp_path, 'backend = "picamera2"'), "--count", 2) == 0
    assert [row["file"] for row in rows(capsys.readouterr())] == ["picamera2:0"] * 2
    assert world.frames == 2
    assert not world.acquired


def test_an_odd_frame_does_not_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that the classifier refuses is a line on standard error; the camera is given back."""
    import numpy as np

    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2)
    world = fake_picamera2.reset(odd=np.zeros((480, 640), np.uint8))
    assert run("--camera", "--config", config(tmp_path, 'backend = "picamera2"'), "--count", 2) == 2
    captured = capsys.readouterr()
    assert rows(captured) == []
    assert captured.err.count("frame skipped") == 2
    assert not world.acquired


def test_a_camera_that_is_off_is_a_device_error(tmp_path: Path) -> None:
    """Exit codes 4 and 3: no camera in the configuration; no configuration."""
    with pytest.raises(DeviceError, match="backend"):
        run("--camera", "--config", config(tmp_path, 'backend = "off"'))
    with pytest.raises(ConfigError):
        run("--camera", "--config", tmp_path / "nosuch.toml")
