"""A real daemon in a room with a microphone: it hears the same with its eyes open, flat out, as with none."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pulse import PulseRoom, missing

from edge.events import RATE_HZ
from edge.replay import samples_of
from edge.wav import write_wav

pytestmark = [
    pytest.mark.rig,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"this rig needs {missing()}"),
]
ROOT = Path(__file__).parents[2]
WORDS = 4
FLAT_OUT = f"""
[camera]
backend = "folder"
folder = "{ROOT}/demo/pictures"
model = ["things", "faces"]
interval_s = 0.05
"""


def heard(room: PulseRoom, eyes: str) -> tuple[list[dict[str, object]], str]:
    """What the daemon told while a recording with four words was played in the room, and its log."""
    wav, config = room.folder / "words.wav", room.folder / "heychip.toml"
    golden = samples_of(ROOT / "models" / "hey_chip" / "golden.wav")
    write_wav(wav, np.concatenate([np.tile(golden, WORDS), np.zeros(RATE_HZ, np.float32)]), RATE_HZ)
    config.write_text(f'[speech]\nbackend = "silent"\n{eyes}\n[[rules]]\nheard = "*"\nrun = ["true"]\n')
    argv = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json"]
    env = room.env | {"PYTHONPATH": str(ROOT)}
    with (room.folder / "out").open("w") as out, (room.folder / "log").open("w") as log:
        daemon = subprocess.Popen(argv, env=env, stdout=out, stderr=log)
    try:
        for _ in range(300):
            if "LISTENING" in (room.folder / "out").read_text() or daemon.poll() is not None:
                break
            time.sleep(0.1)
        room.play(wav)
        daemon.terminate()
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        daemon.wait()
    rows = [json.loads(line) for line in (room.folder / "out").read_text().splitlines()]
    return rows, (room.folder / "log").read_text()


def test_it_hears_as_much_with_its_eyes_open(tmp_path: Path) -> None:
    """Things and faces in picture after picture: as many words are heard as without eyes, and nothing of the
    sound is lost on the way."""
    pytest.importorskip("PIL")
    with PulseRoom(tmp_path) as room:
        closed, _ = heard(room, "")
        opened, log = heard(room, FLAT_OUT)
    words = [[row for row in rows if row["event"] == "heard"] for rows in (closed, opened)]
    assert len(words[0]) == len(words[1]) == WORDS
    assert "event=camera" in log
    assert "event=gap" not in log
