"""The demo's microphone: one minute in a room, in which people talk and now and then call the robot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ
from edge.replay import samples_of
from edge.wav import write_wav
from synth.acoustics import coloured, in_room, room_impulses

CLIPS = Path(__file__).parent / "clips"
LENGTH_S = 60.0
FIRST_S, EVERY_S = 2.5, 4.8  # somebody speaks; the robot's answer fits in between
NOISE_DB = -22.0  # of the room, under the voices
SEED = 11


@dataclass(frozen=True)
class Line:
    """Something that is said in the recording."""

    text: str
    voice: str
    start_s: float
    end_s: float
    phrase: bool
    """whether it is what the robot should hear"""


def write_recording(path: Path) -> list[Line]:
    """Mixes the minute into `path` and returns what is said in it, in order."""
    rows = json.loads((CLIPS / "clips.json").read_text())
    rng = np.random.default_rng(SEED)
    calls, talks = [r for r in rows if r["phrase"]], [r for r in rows if not r["phrase"]]
    order = [row for pair in zip(talks, calls, strict=True) for row in pair]
    room = room_impulses(1, SEED)[0]
    sound = np.zeros(int(LENGTH_S * RATE_HZ), np.float32)
    lines = []
    for k, row in enumerate(order):
        clip = samples_of(CLIPS / row["file"]) * rng.uniform(0.5, 1.0)
        start = int((FIRST_S + k * EVERY_S) * RATE_HZ)
        sound[start : start + len(clip)] += clip[: len(sound) - start]
        start_s, end_s = start / RATE_HZ, (start + _spoken(clip)) / RATE_HZ
        lines.append(Line(row["text"], row["voice"], start_s, end_s, row["phrase"]))
    heard = in_room(sound, room)
    level = float(np.sqrt((heard[heard != 0] ** 2).mean())) * 10 ** (NOISE_DB / 20)
    heard = heard + level * coloured(len(heard), "pink", rng)
    write_wav(path, heard / np.abs(heard).max() * 0.7, RATE_HZ)
    return lines


def _spoken(clip: NDArray[np.float32]) -> int:
    """Samples up to the end of the voice; behind it the file was only filled up to a whole hop."""
    return int(np.flatnonzero(clip)[-1]) + 1
