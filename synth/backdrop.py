"""What a personal detector has to tell the word from: other speech, synthetic and real, as features on disk.

The same for every word and every person, so it is made once on a machine, in about a minute, and kept under
the cache directory: a file for each body of recordings and each of the three ways (to train on, to choose
thresholds with, to report with). A file is named after all that decides what is in it, and one that is broken
is made anew. For a bundle that gives what comes near the word a second look, what thresholds and figures are
found on is heard at its speeds, too.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import HOP_S
from edge.files import write_whole
from synth import negatives, progress
from synth.acoustics import Sound, room_impulses
from synth.augment import Scenery
from synth.dataset import Examples, Job, World, joined, run_jobs, stream_jobs
from synth.enroll_parts import ROOMS, SEED, TOGETHER, Part, key_of, recorded, spoken
from synth.material import seconds
from synth.negatives import WAYS, Source
from synth.sentences import matcher

LOOKED = ("choose", "report")  # the ways that are heard at other speeds: nothing is trained on these
KEPT_S = 90.0  # of each body of recordings: what the word is put between and under
BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)  # what a bad file of numpy's raises

Heard = tuple[Examples, list[Sound]]  # features, and a piece of what they are of


@dataclass(frozen=True)
class Backdrop:
    """The features of everything that is not the word, and what to put the word into."""

    ways: dict[str, Examples]
    """train, choose and report"""
    scenery: Scenery
    sources: list[Source]
    speeds: tuple[float, ...] = ()
    """of the second look that the bundle gives"""
    again: dict[str, list[Examples]] = field(default_factory=dict)
    """the ways of `LOOKED`, hop by hop, at each of these"""

    def heard(self, way: str) -> list[Examples]:
        """A way as it was said, then at each of the other speeds."""
        return [self.ways[way], *self.again[way]]

    def hours(self, way: str) -> float:
        """Of the streams that thresholds may be found on or false accepts counted on."""
        return float(self.ways[way].natural.sum()) * HOP_S / 3600


def backdrop(
    folders: Sequence[Path], word: str, *, jobs: int, cache: Path, speeds: tuple[float, ...] = ()
) -> Backdrop:
    """Reads what is kept and makes what is not. Sentences with the word in them are left out. `speeds` are
    those of a second look. Raises UsageError where there is no speech at all."""
    sources = negatives.installed(folders)
    folder = cache / "backdrop"
    texts, said = spoken(cache, jobs)
    real = recorded(sources, folder, cache)
    parts = {way: [*said[way], *real[way]] for way in WAYS}
    rooms = _rooms(folder)
    at = {way: (1.0, *speeds) if way in LOOKED else (1.0,) for way in WAYS}
    wanted = [part.at(speed) for way in WAYS for speed in at[way] for part in parts[way]]
    known = _all(wanted, rooms, folder, jobs)
    contains = matcher(word)
    ways = {}
    for way in WAYS:
        holding = [k for k, text in enumerate(texts[way]) if contains(text)]
        ways[way] = [_joined([known[part.at(speed).name][0] for part in parts[way]], holding)
                     for speed in at[way]]  # fmt: skip
    _check(ways, folder)
    noisy = {f"{source.name}-train" for source in sources if source.kind == "noise"}
    heard = {part.name: known[part.name][1] for part in parts["train"]}
    talk = [sound for name, kept in heard.items() if name not in noisy for sound in kept]
    noise = [sound for name, kept in heard.items() if name in noisy for sound in kept]
    return Backdrop({way: heard[0] for way, heard in ways.items()}, Scenery(rooms, talk, noise), sources,
                    speeds, {way: ways[way][1:] for way in LOOKED})


def _all(parts: Sequence[Part], rooms: Sequence[Sound], folder: Path, jobs: int) -> dict[str, Heard]:
    """What is kept of each part, by its name; what is not kept, or broken, is made."""
    found = {part.name: _read(part.file(folder)) for part in parts}
    missing = [part for part in parts if found[part.name] is None]
    if missing:
        progress.say("  listening to other speech first, which is kept for every later enrolment")
        with progress.bar("listening to other speech", len(missing)) as done:
            for part in missing:
                _make(part, rooms, folder, jobs)
                found[part.name] = _read(part.file(folder))
                if found[part.name] is None:
                    raise UsageError(f"{part.file(folder)}: cannot be read back: is the disk failing?")
                done(1)
    return {name: heard for name, heard in found.items() if heard is not None}


def _joined(examples: list[Examples], texts: Sequence[int]) -> Examples:
    """The parts of a way as one; of the first, which was spoken, without these texts."""
    return joined([_without(examples[0], texts), *examples[1:]] if texts else examples)


def _check(ways: dict[str, list[Examples]], folder: Path) -> None:
    remedy = ("apt-get install espeak-ng flite, heychip-synth negatives install, or name a folder with "
              "--negatives")
    for way in ("train", "choose"):
        if not ways[way][0].natural.any():
            raise UsageError(f"there is no other speech here to {way} with: {remedy}")
    for plain, *others in ways.values():
        if not all(np.array_equal(plain.stream, other.stream) for other in others):
            raise UsageError(f"{folder}: what is kept there does not fit together, as a voice failed while "
                             "some of it was made: delete the folder and enroll again")


def listen(
    jobs: Sequence[Job], world: World, folder: Path, workers: int, done: Callable[[int], None]
) -> Examples:
    """Scenes to features: the one place where an enrolment makes any. What is half done is kept in `folder`
    until all of it is."""
    found = run_jobs(jobs, world, folder, workers, done)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _make(part: Part, rooms: Sequence[Sound], folder: Path, workers: int) -> None:
    """One part through the pipeline of the daemon, to its file."""
    sounds = part.read()
    places = range(len(sounds))
    rows = [tuple(places[k : k + part.per_stream]) for k in range(0, len(sounds), part.per_stream)]
    world = World.of(sounds, Scenery(rooms, [s for s in sounds if len(s)], []), speed=part.speed)
    work = folder / f"work-{part.key}"
    examples = listen(stream_jobs(rows, part.copies, SEED), world, work, workers, lambda _: None)
    kept = _kept(sounds) if part.speed == 1 else []
    arrays = {field.name: getattr(examples, field.name) for field in fields(Examples)}
    pcm = np.concatenate([np.zeros(0, np.int16), *kept])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, pcm=pcm, lengths=np.array([len(s) for s in kept], np.int64))
    write_whole(part.file(folder), buffer.getvalue())


def _kept(sounds: Iterable[Sound]) -> list[NDArray[np.int16]]:
    """The first minute and a half of them, as 16 bits at half of full scale."""
    kept: list[NDArray[np.int16]] = []
    for sound in sounds:
        if seconds(kept) >= KEPT_S:
            break
        if len(sound):
            kept.append(np.round(sound / (np.abs(sound).max() + 1e-6) * 16_384).astype(np.int16))
    return kept


def _read(path: Path) -> Heard | None:
    """The features of a part, and what was kept of its sound; None where the file is not there or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            examples = Examples(**{field.name: file[field.name] for field in fields(Examples)})
            pcm, lengths = file["pcm"].astype(np.float32) / np.float32(32_768), file["lengths"]
    except BROKEN:
        return None
    return examples, np.split(pcm, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _without(examples: Examples, texts: Sequence[int]) -> Examples:
    """`examples` of sentences without the streams in which any of these is said."""
    streams = {text // TOGETHER * TOGETHER for text in texts}
    keep = ~np.isin(examples.clip, list(streams))
    return replace(examples, **{field.name: getattr(examples, field.name)[keep]
                                for field in fields(Examples) if field.name != "rows"})  # fmt: skip


def _rooms(folder: Path) -> list[Sound]:
    """The impulse responses of the rooms, kept: to simulate them takes as long as to import what does it."""
    path = folder / f"rooms-{key_of('rooms')}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[str(k)] for k in range(ROOMS)]
    except BROKEN:
        buffer = io.BytesIO()
        rooms = room_impulses(ROOMS, SEED)
        named: dict[str, Any] = {str(k): room for k, room in enumerate(rooms)}
        np.savez(buffer, **named)
        write_whole(path, buffer.getvalue())
        return rooms
