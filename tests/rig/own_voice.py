"""Does it wake itself, and can it be interrupted? `python -m tests.rig.own_voice` plays our own voice into
the microphone's room on real sound servers, several at a time, with and without people who call over it.

    python -m tests.rig.own_voice --utterances 1000 --calls 250 --rooms 8 --tails --callers FOLDER

Prints one JSON object: utterances, self-triggers, calls, calls that were heard, what our own lines scored.
Needs pulseaudio, pulseaudio-utils, libasound2-plugins and espeak-ng; rooms with a tail need pyroomacoustics.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.config import SpeechConfig
from edge.events import RATE_HZ
from edge.phrases import SHIPPED, fill, read_lines
from edge.resample import at_16_khz
from edge.speech.espeak import Voice
from edge.wav import read_wav, write_wav

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))
from own_voice_result import judged  # noqa: E402
from pulse import PulseRoom, missing  # noqa: E402
from rooms import active, played, room  # noqa: E402

Sound = NDArray[np.float32]

THINGS = ("a chair", "a bicycle", "a dog", "a chess board", "a sheep", "a potato chip", "a cup", "a ship")
NEAR = (
    "Hey ship, hey chap, hey jeep.",
    "My name is Chip, and this is my friend Terra.",
    "They ship the big tent on Friday, and we build it on Saturday.",
    "A cheap trip, hey, what a dip!",
    "Could you hand me the chips, please? Hey, chess is fun.",
    "Hey, Jim, the cheese is on the shelf next to the fish and chips.",
    "Okay chief, hey there, chipper little lizard.",
)
WAKING = (
    "Hey chip!",
    "Hey chip, are you there? I have been calling you all day.",
    "If you want me to listen, say hey chip, and then wait a moment for me.",
    "You can wake me at any time of the day or night by saying hey chip.",
)
VOICES = (  # reported with; the constants were chosen with the first settings of the default configuration
    {"voice": "en", "speed_wpm": 160, "pitch": 50},
    {"voice": "en-us", "speed_wpm": 150, "pitch": 35},
    {"voice": "en-gb-x-rp", "speed_wpm": 175, "pitch": 60},
    {"voice": "en-us+f3", "speed_wpm": 165, "pitch": 50},
    {"voice": "en-gb-scotland", "speed_wpm": 155, "pitch": 45},
)


def script(seed: int) -> Iterator[str]:
    """Lines without end: of ten, seven from the shipped phrase files, two near-misses, one with the word."""
    rng = random.Random(seed)
    greeting, seen = (read_lines(SHIPPED / f"{name}.txt") for name in ("greeting", "seen"))
    while True:
        values: dict[str, object] = {"word": "hey chip", "label": rng.choice(THINGS)}
        shipped = [fill(line, values) for line in (*greeting, *seen)]
        ten = rng.sample(shipped, 7) + rng.sample(NEAR, 2) + rng.sample(WAKING, 1)
        rng.shuffle(ten)
        yield from ten


def hard(seed: int) -> Iterator[str]:
    """Near-misses and lines with the word, without end."""
    rng = random.Random(seed)
    while True:
        yield rng.choice((*NEAR, *WAKING))


def callers(folder: Path, out: Path, level: float, response: Sound | None) -> list[tuple[str, float]]:
    """The recordings of a folder at our own voice's level, in the room if there is one: file, seconds."""
    found = []
    for path in sorted(folder.glob("call*.wav")) or sorted(folder.glob("*.wav")):
        recording = read_wav(path)
        sound = at_16_khz(recording.samples[:, 0], recording.rate_hz)
        seconds = len(sound) / RATE_HZ
        if response is not None:
            sound = played(sound, response)
        write_wav(out / path.name, np.clip(sound * level / active(sound), -0.99, 0.99), RATE_HZ)
        found.append((str(out / path.name), seconds))
    return found


def plan(number: int, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What one room does: every fourth has a tail and a loudspeaker that clips a little."""
    speech = {**VOICES[number % len(VOICES)], "barge_in": args.mode}
    ours: Sound | None = None
    theirs: Sound | None = None
    if args.tails and number % 4 == 1:
        ours, theirs = room(np.random.default_rng(args.seed * 100 + number))
    voice = Voice(SpeechConfig(**speech))
    said = [voice.sound(text) for text in NEAR]
    level = float(np.mean([active(at_16_khz(sound.samples, sound.rate_hz)) for sound in said]))
    people = callers(args.callers, folder, level, theirs) if args.calls else []
    rng = random.Random(args.seed * 1000 + number)
    calls, talks = (share(n, number, args.rooms) for n in (args.calls, args.utterances))
    utterances: list[dict[str, Any]] = []
    lines = (hard if args.hard else script)(args.seed * 1000 + number)
    line_s: dict[str, float] = {}
    wet: dict[str, str] = {}
    while len(utterances) < calls + talks:
        text = next(lines)
        if text not in line_s:
            sound = voice.sound(text)
            line_s[text] = sound.duration_s
            if ours is not None:
                wet[text] = str(folder / f"line-{len(wet)}.wav")
                write_wav(
                    Path(wet[text]), played(at_16_khz(sound.samples, sound.rate_hz), ours, 0.7), RATE_HZ
                )
        utterance: dict[str, Any] = {"text": text, "line_s": line_s[text], "wet": wet.get(text, "")}
        if len(utterances) < calls:
            file, seconds = rng.choice(people)
            if line_s[text] < seconds + 1.0:
                continue
            utterance |= {"caller": file, "caller_s": seconds}
        utterances.append(utterance)
    rng.shuffle(utterances)
    return {"speech": speech, "wet": ours is not None, "seed": number, "utterances": utterances}


def share(total: int, number: int, rooms: int) -> int:
    """How much of it falls to this room."""
    return total // rooms + (number < total % rooms)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """All rooms at once."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as base:
        rooms: list[tuple[PulseRoom, subprocess.Popen[bytes], Path]] = []
        try:
            for number in range(args.rooms):
                folder = Path(base) / str(number)
                folder.mkdir()
                out = folder / "out.jsonl"
                (folder / "plan.json").write_text(json.dumps(plan(number, args, folder)))
                room = PulseRoom(folder)
                room.start()
                command = [sys.executable, str(Path(__file__).with_name("own_voice_worker.py"))]
                env = room.env | {"PYTHONPATH": str(REPOSITORY)}
                with (folder / "log").open("wb") as log:
                    worker = subprocess.Popen(
                        [*command, str(folder / "plan.json"), str(out)], env=env, stderr=log
                    )
                rooms.append((room, worker, out))
            end_s = time.monotonic() + args.patience_s
            for _, worker, out in rooms:
                try:
                    code = worker.wait(max(0.0, end_s - time.monotonic()))
                except subprocess.TimeoutExpired:  # what was said by then counts
                    code = 0
                if code or args.logs:
                    sys.stderr.write(out.with_name("log").read_text()[-6000:])
                rows += [
                    {**json.loads(line), "room": out.parent.name} for line in out.read_text().splitlines()
                ]
        finally:
            for room, worker, _ in rooms:
                worker.terminate()
                worker.wait()
                room.kill()
    return rows


def parser() -> argparse.ArgumentParser:
    """The options."""
    out = argparse.ArgumentParser(prog="python -m tests.rig.own_voice", description=__doc__)
    out.add_argument("--utterances", type=int, default=1000, help="without a caller")
    out.add_argument("--calls", type=int, default=250, help="with one")
    out.add_argument("--rooms", type=int, default=10, help="sound servers at a time")
    out.add_argument("--mode", default="subtract", choices=["off", "raise", "subtract"])
    out.add_argument("--callers", type=Path, default=REPOSITORY / "demo" / "clips")
    out.add_argument("--tails", action="store_true", help="every fourth room has a tail")
    out.add_argument("--hard", action="store_true", help="near-misses and lines with the word alone")
    out.add_argument("--logs", action="store_true", help="show the end of what the daemons logged")
    out.add_argument("--seed", type=int, default=0)
    out.add_argument("--patience-s", type=float, default=7200.0, help="then what was said is judged")
    out.add_argument("--keep", type=Path, help="write every utterance there, as JSON lines")
    return out


def main() -> int:
    """Exit code 0, or 1 where it woke itself."""
    args = parser().parse_args()
    if lacking := missing():
        print(f"this rig needs {lacking}", file=sys.stderr)
        return 2
    rows = run(args)
    if args.keep:
        args.keep.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = {"mode": args.mode, **judged(rows)}
    for name, wet in (("dry", False), ("with_tail", True)):
        part = [row for row in rows if (bool(args.tails) and int(row["room"]) % 4 == 1) == wet]
        result |= {name: judged(part)} if part else {}
    print(json.dumps(result, indent=1))
    return int(result["self_triggers"] > 0)


if __name__ == "__main__":
    sys.exit(main())
