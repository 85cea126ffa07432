"""Runs the daemon as a user would, and listens to what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.wav import read_wav

Event = dict[str, Any]
SHOWN = {"heard": "word", "seen": "label", "mood": "mood", "said": "text"}
"""the events that are printed, and what of them"""


def events(config: Path, shown: Sequence[str]) -> Iterator[Event]:
    """`heychip run` to its end, which is that of its recording or of its pictures; prints the events that are
    named in `shown` as they come, and gives all. SystemExit where the daemon fails."""
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for; this tells mypy
        for row in process.stdout:
            event = json.loads(row)
            if event["event"] in shown:
                time = f"{event['time_s']:6.2f} s" if event["time_s"] else " " * 8
                print(f"   {time}  {event['event']:<6} {event[SHOWN[event['event']]]}", flush=True)
            yield event
    if process.returncode:
        raise SystemExit(f"the daemon ended with exit code {process.returncode}")


def sounds(said: Event) -> bool:
    """Whether a line was really written, and is not silence."""
    file = said.get("file", "")
    return bool(file) and float(abs(read_wav(file).samples).max()) > 0.01
