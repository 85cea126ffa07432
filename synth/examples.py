"""From material to examples: which scenes are made of what was said and read, and how many of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edge.backbone import HARDENED
from synth import progress
from synth.acoustics import Sound
from synth.augment import THROATS, Scenery
from synth.dataset import Examples, Job, World, phrase_jobs, run_jobs, stream_jobs
from synth.material import Material, Spoken, seconds
from synth.packs import to_sound
from synth.presets import Preset

STREAM_S = 30.0
TOGETHER = 8  # sentences in a stream
NOISES = 20  # half minutes of noise alone
HELD_OUT_COPIES = 4  # of each phrase: what members are chosen on


def examples(
    name: str, material: Material, rooms: list[Sound], preset: Preset, *, seed: int, jobs: int, folder: Path,
    backbone: str = HARDENED, throats: float = THROATS,
) -> Examples:
    """The examples of one way, through the pipeline of the daemon. The shards are kept in `folder`, where
    another phrase finds those that do not depend on it."""
    way, first = material.ways[name], seed * 10 + (1 if name == "choose" else 0)
    training = name == "train"
    parts = {"phrase": [s.sound for s in way.phrases], "near": [s.sound for s in way.near],
             "talk": [s.sound for s in way.sentences], "real": chunks(map(to_sound, way.speech)),
             "music": chunks(map(to_sound, way.music)) if training else []}
    clips = [sound for part in parts.values() for sound in part]
    at, places = 0, {}
    for part, sounds in parts.items():
        places[part], at = list(range(at, at + len(sounds))), at + len(sounds)
    todo = phrase_jobs(places["phrase"], preset.copies if training else HELD_OUT_COPIES, first)
    if training:
        todo += phrase_jobs(places["phrase"], 1, first + 1, "fragment")
    todo += phrase_jobs(places["near"], preset.negative_copies, first + 2, "near")
    todo += stream_jobs(_rows(way.sentences, places["talk"]), preset.negative_copies, first + 3)
    todo += stream_jobs([(k,) for k in places["real"]], preset.speech_copies, first + 4)
    todo += stream_jobs([(k,) for k in places["music"]], 0, first + 6)
    todo += [Job("noise", (), (first + 5, i)) for i in range(NOISES)]
    scenery = Scenery(rooms, parts["talk"] + parts["real"], [to_sound(pcm) for pcm in way.noise], throats)
    world = World.of(clips, scenery, backbone)
    with progress.bar(f"spoiling and listening, to {name}", len(todo)) as done:
        return run_jobs(todo, world, folder, jobs, done)


def _rows(spoken: Sequence[Spoken], clips: Sequence[int]) -> list[tuple[int, ...]]:
    """Sentences in a row, by their places in the plan: one that is left out moves none to another stream."""
    rows: dict[int, tuple[int, ...]] = {}
    for one, clip in zip(spoken, clips, strict=True):
        rows[one.place // TOGETHER] = (*rows.get(one.place // TOGETHER, ()), clip)
    return [rows[key] for key in sorted(rows)]


def chunks(sounds: Iterable[Sound]) -> list[Sound]:
    """Recordings in a row, with pauses, as streams of about half a minute; no recording is cut in two."""
    streams: list[Sound] = []
    row: list[Sound] = []
    pause = np.zeros(8_000, np.float32)
    for sound in sounds:
        row += [sound / (np.abs(sound).max() + 1e-6) * 0.5, pause]
        if seconds(row) >= STREAM_S:
            streams.append(np.concatenate(row))
            row = []
    return streams + ([np.concatenate(row)] if row else [])
