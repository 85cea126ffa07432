"""`heychip look`, called as the command line calls it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import card, film, pi_camera

from edge.album import CELL
from edge.commands import look
from edge.errors import ConfigError, DeviceError, ModelError, UsageError
from edge.events import Frame

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
    """--camera takes --count pictures from the camera that --config names."""
    pi_camera(tmp_path, monkeypatch)
    assert run("--camera", "--config", config(tmp_path, 'backend = "picamera2"'), "--count", 2) == 0
    assert [row["file"] for row in rows(capsys.readouterr())] == ["picamera2:0"] * 2


def test_an_odd_frame_does_not_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that the classifier refuses is a line on standard error, and the next one is looked at."""

    class Odd:
        name, ended, closed = "odd", False, 0

        def capture(self) -> Frame:
            return Frame(np.zeros((480, 640), np.uint8), "odd")

        def close(self) -> None:
            self.closed += 1

    camera = Odd()
    monkeypatch.setattr("edge.camera.open_camera", lambda _: camera)
    assert run("--camera", "--config", config(tmp_path, 'backend = "picamera2"'), "--count", 2) == 2
    captured = capsys.readouterr()
    assert rows(captured) == []
    assert captured.err.count("frame skipped") == 2
    assert camera.closed == 1


def test_folders_and_films(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder is its pictures and films by name; of a film there is a picture every so many seconds."""
    place = tmp_path / "things"
    place.mkdir()
    (place / "b.ppm").write_bytes(b"P6\n2 2\n255\n" + bytes([200] * 12))
    (place / "notes.txt").write_text("none")
    film(place / "a.mp4", [card()] * 10)
    assert run("--every", 0.5, place, place / "b.ppm") == 0
    shown = [row["file"].removeprefix(f"{place}/") for row in rows(capsys.readouterr())]
    assert shown == ["a.mp4#t=0.00", "a.mp4#t=0.50", "b.ppm", "b.ppm"]


def test_bad_films_and_empty_folders_do_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are lines on standard error and exit code 2."""
    pytest.importorskip("av")
    (tmp_path / "none").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"no film")
    (tmp_path / "good.ppm").write_bytes(b"P6\n2 2\n255\n" + bytes([200] * 12))
    assert run(tmp_path / "none", tmp_path / "a.mp4", tmp_path / "good.ppm") == 2
    captured = capsys.readouterr()
    assert len(rows(captured)) == 1
    assert "no pictures in this folder" in captured.err
    assert "a.mp4: cannot be opened as a video" in captured.err


@pytest.mark.parametrize("every", [-1, "nan", "inf"])
def test_seconds_that_are_none_are_refused(every: object) -> None:
    """--every takes seconds from 0 on."""
    with pytest.raises(UsageError, match="--every"):
        run("--every", every, PICTURES / "cat.jpg")


def test_several_models_look_at_each_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """Each model tells its line, with its name."""
    pytest.importorskip("PIL")
    again = str(PICTURES.parents[1] / "models" / "things")
    assert run("--model", "things", "--model", again, PICTURES / "cat.jpg") == 0
    found = rows(capsys.readouterr())
    assert [row["model"] for row in found] == ["things", again]
    assert {row["label"] for row in found} == {"tiger cat"}


def test_annotate_writes_pictures_and_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each picture with its rows below, those of the same name apart, and all of them on one sheet."""
    image = pytest.importorskip("PIL.Image")
    other = tmp_path / "cat.jpg"
    other.write_bytes((PICTURES / "tripod.jpg").read_bytes())
    out = tmp_path / "out"
    assert run("--annotate", out, PICTURES / "cat.jpg", other, PICTURES / "nosuch.jpg") == 2
    assert sorted(p.name for p in out.iterdir()) == ["cat-2.jpg", "cat.jpg", "sheet.jpg"]
    plain, drawn = (image.open(place / "cat.jpg").size for place in (PICTURES, out))
    assert drawn[0] >= plain[0]
    assert drawn[1] / drawn[0] > plain[1] / plain[0]
    assert image.open(out / "sheet.jpg").width > 2 * CELL
    assert "2 pictures in" in capsys.readouterr().err


def test_annotate_without_a_place_to_write_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be made, or is a file, is exit code 2 before anything is looked at."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="another folder"):
        run("--annotate", tmp_path / "file" / "x", PICTURES / "cat.jpg")


def test_a_camera_that_is_off_is_a_device_error(tmp_path: Path) -> None:
    """Exit codes 4 and 3: no camera in the configuration; no configuration."""
    with pytest.raises(DeviceError, match="backend"):
        run("--camera", "--config", config(tmp_path, 'backend = "off"'))
    with pytest.raises(ConfigError):
        run("--camera", "--config", tmp_path / "nosuch.toml")
