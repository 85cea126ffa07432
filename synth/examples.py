"""From material to examples: which scenes are made of what was said and read, and how many of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.backbone import HARDENED
from synth import progress
from synth.acoustics import Sound
from synth.augment import THROATS, Scenery
from synth.dataset import Examples, Job, World, phrase_jobs, run_jobs, stream_jobs
from synth.material import Material, Spoken, Way
from synth.presets import Preset
from synth.shelf import Recording, Row, Shelf, chunks

TOGETHER = 8  # sentences in a stream
NOISES = 20  # half minutes of noise alone
HELD_OUT_COPIES = 4  # of each phrase: what members are chosen on


def examples(
    name: str, material: Material, rooms: list[Sound], preset: Preset, *, seed: int, jobs: int, folder: Path,
    backbone: str = HARDENED, throats: float = THROATS, speed: float = 1.0,
) -> Examples:
    """The examples of one way, through the pipeline of the daemon. The shards are kept in `folder`, where
    another phrase finds those that do not depend on it."""
    way, first = material.ways[name], seed * 10 + (1 if name == "choose" else 0)
    training = name == "train"
    parts = parts_of(way, training=training)
    clips = Shelf(sound for part in parts.values() for sound in part)
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
    scenery = Scenery(rooms, Shelf([*parts["talk"], *parts["real"]]), Shelf(way.noise), throats)
    world = World.of(clips, scenery, backbone, speed)
    how = "" if speed == 1 else f" at {speed:.2f} of the speed"
    with progress.bar(f"spoiling and listening, to {name}{how}", len(todo)) as done:
        return run_jobs(todo, world, folder, jobs, done)


def parts_of(way: Way, *, training: bool) -> dict[str, Sequence[Recording | Row]]:
    """What a way's examples are made of, in the order in which they number their clips."""
    return {"phrase": [s.sound for s in way.phrases], "near": [s.sound for s in way.near],
            "talk": [s.sound for s in way.sentences], "real": chunks(way.speech),
            "music": chunks(way.music) if training else []}


def _rows(spoken: Sequence[Spoken], clips: Sequence[int]) -> list[tuple[int, ...]]:
    """Sentences in a row, by their places in the plan: one that is left out moves none to another stream."""
    rows: dict[int, tuple[int, ...]] = {}
    for one, clip in zip(spoken, clips, strict=True):
        rows[one.place // TOGETHER] = (*rows.get(one.place // TOGETHER, ()), clip)
    return [rows[key] for key in sorted(rows)]
