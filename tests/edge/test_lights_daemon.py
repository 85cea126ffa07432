"""The daemon with all its lights on, the camera's too: whatever ends it, they are out when it has ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import lamps
import lamps_daemon
import pytest

CONFIG = """
[lights]
rgb = [17, 27, 22]
leds = { heard = 5 }
privacy = 13
fade_s = 0
[camera]
interval_s = 0.05
[[rules]]
start = true
light = "white"
[[rules]]
start = true
light = "heard"
"""


@pytest.mark.parametrize(
    ("how", "sent", "code"),
    [
        ("signal", [signal.SIGTERM], 0),
        ("signal", [signal.SIGINT], 0),
        ("signal", [signal.SIGTERM, signal.SIGTERM], 0),
        ("ears", [], 1),
        ("main", [], 1),
        ("eyes", [signal.SIGTERM], 0),
    ],
    ids=["SIGTERM", "SIGINT", "SIGTERM twice", "the ears fail", "the main thread fails", "the eyes hang"],
)
def test_e10_f6_the_daemon_ends(tmp_path: Path, how: str, sent: list[signal.Signals], code: int) -> None:
    """E10, F6: signals, a thread that fails, one that hangs so that the process is ended over its head: the
    exit code is what it should be, and no light is on."""
    pins, config = tmp_path / "pins", tmp_path / "heychip.toml"
    pins.touch()
    config.write_text(CONFIG)
    daemon = subprocess.Popen(
        [sys.executable, lamps_daemon.__file__, pins, config, how],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert daemon.stdout
        assert daemon.stdout.readline() == b"lit\n"
        for one in sent:
            daemon.send_signal(one)
        assert daemon.wait(60) == code
    finally:
        daemon.kill()
        daemon.wait()
    assert lamps.lit(pins) == set()
