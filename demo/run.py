"""`make demo`: text -> voices -> noise -> training -> ONNX, then the daemon on a recording and pictures.

Exit code 0 only if the daemon heard every call, nothing else, and answered each of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.stage import Line, write_recording
from edge.wav import read_wav

HERE = Path(__file__).parent
OUT = HERE / "out"
PHRASE = "hey chip"
EARLIEST_S, LATEST_S = -0.3, 1.0  # when a call counts as heard, from its end

CONFIG = """# Written by the demo: a recording for a microphone, a folder for a camera.
[microphone]
backend = "recording"
files = ["recording.wav"]
pace = 8.0  # times as fast as it was recorded; what is heard does not depend on it

[listen]
bundles = ["hey_chip"]

[camera]
backend = "folder"
folder = "../pictures"
interval_s = 0.5

[speech]
backend = "wav"
folder = "spoken"
tail_s = 0.2

[log]
level = "warning"

[events]
file = "events.jsonl"

[[rules]]
heard = "hey chip"
say = "greetings.txt"

[[rules]]
seen = "*"
text = "I can see {label}."
every_s = 14.0
"""

GREETINGS = "Hello there, stranger.\nYes? I am all ears.\nYou called?\nAt your service.\nGood to hear you.\n"


def main() -> int:
    """Runs the whole demo."""
    started = time.monotonic()
    (OUT / "spoken").mkdir(parents=True, exist_ok=True)
    for old in [*(OUT / "spoken").glob("*.wav"), OUT / "events.jsonl"]:
        old.unlink(missing_ok=True)
    print(f"1. From the text “{PHRASE}” to a detector (preset quick)", flush=True)
    bundle = OUT / "hey_chip"
    command = [sys.executable, "-m", "synth.cli", "make", PHRASE, "--preset", "quick", "--out", str(bundle)]
    made = subprocess.run(command, check=False)  # it has told what was wrong; its exit code is ours
    if made.returncode:
        return made.returncode
    lines = write_recording(OUT / "recording.wav")
    (OUT / "greetings.txt").write_text(GREETINGS)
    (OUT / "heychip.toml").write_text(CONFIG)
    calls = [line for line in lines if line.phrase]
    print(f"\n2. The daemon on one minute of a room: {len(calls)} calls by voices of an engine it was not"
          f"\n   trained on, {len(lines) - len(calls)} other sentences, noise, and pictures for its camera",
          flush=True)
    events = list(_daemon(OUT))
    return _verdict(events, lines, bundle, time.monotonic() - started)


def _daemon(folder: Path) -> Iterator[dict[str, Any]]:
    """Runs `heychip run` to the end of the recording; prints and gives its events as they come."""
    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(folder / "heychip.toml"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for; this tells mypy
        for row in process.stdout:
            event = json.loads(row)
            if event["event"] in ("heard", "seen", "said"):
                what = event.get("text") or event.get("word") or event.get("label")
                print(f"   {event['time_s']:6.2f} s  {event['event']:<6} {what}", flush=True)
            yield event
    if process.returncode:
        raise SystemExit(f"the daemon ended with exit code {process.returncode}")


def _verdict(events: list[dict[str, Any]], lines: list[Line], bundle: Path, took_s: float) -> int:
    """Counts, prints and judges."""
    heard = [e["time_s"] for e in events if e["event"] == "heard"]
    said = [e for e in events if e["event"] == "said"]
    seen = {e["label"] for e in events if e["event"] == "seen"}
    calls = [line for line in lines if line.phrase]
    late = [next((t - c.end_s for t in heard if EARLIEST_S <= t - c.end_s <= LATEST_S), None) for c in calls]
    hits = [x for x in late if x is not None]
    false = len(heard) - len(hits)
    greetings = set(GREETINGS.splitlines())
    answers = [e for e in said if e["text"] in greetings and _sounds(e.get("file", ""))]
    summary = next((e for e in events if e["event"] == "summary"), {})
    ears = summary.get("ears_cpu_s", 0) / max(1, summary.get("stream_s", 1))
    median_ms = 1000 * sorted(hits)[len(hits) // 2] if hits else float("nan")
    print(f"\n   heard   {len(hits)} of {len(calls)} calls, median {median_ms:.0f} ms after the word's end"
          f"\n   false   {false} false accepts"
          f"\n   said    {len(answers)} answers of {len(heard)}, {len(said)} lines in all,"
          f" in {OUT / 'spoken'}"
          f"\n   saw     {', '.join(sorted(seen)) or 'nothing'}"
          f"\n   cost    {100 * ears:.2f} % of one core for the ears, "
          f"{100 * summary.get('cpu_share', 0):.1f} % for everything"
          f"\n   report  {bundle / 'report.html'}"
          f"\n   took    {took_s:.0f} s")
    fine = len(hits) == len(calls) and not false and len(answers) == len(calls) and bool(seen)
    print("\n   It works." if fine else "\n   It did not do all that it should have.")
    return 0 if fine else 1


def _sounds(file: str) -> bool:
    """Whether a line was really written, and is not silence."""
    return bool(file) and float(abs(read_wav(file).samples).max()) > 0.01


if __name__ == "__main__":
    sys.exit(main())
