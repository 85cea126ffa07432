"""systemd/terra.toml as it ships, in the real daemon: only its camera is a folder, its loudspeaker another,
its pins are mock pins, and it has no microphone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FACES = Path(__file__).with_name("faces")
CHANGES = [
    (r"\[microphone\]", '[microphone]\ndevice = "none such"'),
    (r'backend = "picamera2"', 'backend = "folder"\nfolder = "pictures"'),
    (r"interval_s = 0\.2", "interval_s = 0.05"),
    (r"frames = 10", "frames = 3\nfrozen_frames = 0"),  # a folder shows each picture three times
    (r"dwell_s = 5", "dwell_s = 0"),
    (r'voice = "en"', 'backend = "wav"\nfolder = "said"'),
    (r"every_s = 20", "every_s = 3600"),
    (r"/var/lib/heychip/photos", "photos"),
    (r"say = \"joy\"\n", 'say = "joy"\nphoto = true\n'),
]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_installation(tmp_path: Path) -> None:
    """With a laughing face, a cup and a serious one before it: it greets first; joy and sadness are told and
    spoken, in that order, each once though they come again; the picture that was joy is saved twice; SIGTERM
    ends it with 0."""
    pytest.importorskip("PIL")
    pytest.importorskip("gpiozero")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shown = (FACES / "smiling.jpg", ROOT / "demo" / "pictures" / "espresso.jpg", FACES / "serious.jpg")
    for place, file in enumerate(shown):
        shutil.copy(file, pictures / f"{place}_{file.name}")
    text = (ROOT / "systemd" / "terra.toml").read_text()
    for old, new in CHANGES:
        text, count = re.subn(old, new, text)
        assert count, old
    (tmp_path / "terra.toml").write_text(text)
    pins = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin"}
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "run", "--json", "--config", str(tmp_path / "terra.toml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, **pins, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            rows.append(json.loads(line))
            kinds = [row["event"] for row in rows]
            if kinds.count("said") == 3 and [row.get("mood") for row in rows].count("joy") == 2:
                break
            assert len(rows) < 500, kinds
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.wait()
    said = [row["text"] for row in rows if row["event"] == "said"]
    joys, sads = ((ROOT / "edge" / "phrases" / f"{name}.txt").read_text() for name in ("joy", "sad"))
    assert said[0].startswith("Good day. I am Terra.")
    assert said[1] in joys and said[2] in sads
    moods = [row for row in rows if row["event"] == "mood"]
    assert [row["mood"] for row in moods if row["mood"] in {"joy", "sad"}][:3] == ["joy", "sad", "joy"]
    assert all(row["joy"] > 0.85 for row in moods if row["mood"] == "joy")
    assert all(row["joy"] < 0.10 for row in moods if row["mood"] == "sad")
    (photo,) = [row for row in [*rows, *map(json.loads, rest.splitlines())] if row["event"] == "photo"]
    assert {Path(photo[key]).parent for key in ("file", "annotated")} == {tmp_path / "photos"}
    assert len(list((tmp_path / "photos").iterdir())) == 2
