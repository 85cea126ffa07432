"""The demo's first half: one minute in a room, in which people talk and now and then call the daemon."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from demo.daemon import Event, events, sounds
from demo.stage import Line, write_recording

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
model = ["things", "faces"]

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
"""

GREETINGS = "Hello there, stranger.\nYes? I am all ears.\nYou called?\nAt your service.\nGood to hear you.\n"


def listen(out: Path) -> bool:
    """Runs the half in the folder `out`, prints what happens; whether every call was heard and answered, and
    nothing else was."""
    lines = write_recording(out / "recording.wav")
    (out / "greetings.txt").write_text(GREETINGS)
    (out / "ears.toml").write_text(CONFIG)
    calls = [line for line in lines if line.phrase]
    print(f"\n2. The daemon on one minute of a room: {len(calls)} calls by voices of an engine it was not"
          f"\n   trained on, {len(lines) - len(calls)} other sentences, noise, and its camera on", flush=True)
    return verdict(list(events(out / "ears.toml", ("heard", "said"))), lines)


def verdict(told: list[Event], lines: list[Line]) -> bool:
    """Counts, prints and judges."""
    calls = [line for line in lines if line.phrase]
    heard = [one["time_s"] for one in told if one["event"] == "heard"]
    seen = sorted({one["label"] for one in told if one["event"] == "seen"})
    late = [next((t - c.end_s for t in heard if EARLIEST_S <= t - c.end_s <= LATEST_S), None) for c in calls]
    hits = [x for x in late if x is not None]
    answers = _answers(told)
    summary = next((one for one in told if one["event"] == "summary"), {})
    ears = summary.get("ears_cpu_s", 0) / max(1, summary.get("stream_s", 1))
    median_ms = 1000 * sorted(hits)[len(hits) // 2] if hits else float("nan")
    print(f"\n   heard   {len(hits)} of {len(calls)} calls, median {median_ms:.0f} ms after the word's end"
          f"\n   false   {len(heard) - len(hits)} false accepts"
          f"\n   said    {answers} answers of {len(heard)}"
          f"\n   saw     {', '.join(seen) or 'nothing'}"
          f"\n   cost    {100 * ears:.2f} % of one core for the ears, "
          f"{100 * summary.get('cpu_share', 0):.1f} % for everything", flush=True)
    return len(hits) == len(heard) == answers == len(calls) and bool(seen)


def _answers(told: list[Event]) -> int:
    """How many words were followed by a greeting that sounds, before the next word."""
    row = [one for one in told if one["event"] in ("heard", "said")]
    return sum(word["event"] == "heard" and answer["event"] == "said" and sounds(answer)
               and answer["text"] in GREETINGS.splitlines()
               for word, answer in pairwise(row))
