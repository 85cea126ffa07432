"""What heychip hears, and that it runs at all, is nobody else's business."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEARS = "from edge.cli import main; raise SystemExit(main(['replay', 'models/hey_chip/golden.wav']))"
MAKES = "import synth, onnxruntime; onnxruntime.SessionOptions()"


@pytest.mark.parametrize("program", [HEARS, MAKES])
def test_onnx_runtime_reports_to_nobody(tmp_path: Path, program: str) -> None:
    """ONNX Runtime 1.29 and newer reports each session to Microsoft unless it is told not to, and keeps what
    it has to send in a database at home. Neither half of heychip lets it, whatever the environment says."""
    ask = "\nimport os, atexit\natexit.register(lambda: print(os.environ['ORT_DISABLE_TELEMETRY']))\n"
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "XDG_CACHE_HOME")}
    env = clean | {"HOME": str(tmp_path), "ORT_DISABLE_TELEMETRY": "0"}
    command = [sys.executable, "-c", ask + program]
    done = subprocess.run(
        command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.splitlines()[-1] == "1"
    assert not [path for path in tmp_path.rglob("*") if path.name.lower() in ("microsoft", "deviceid")]
