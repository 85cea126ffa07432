"""From clips to examples: scenes through the very front end and backbone that the daemon runs.

Work is cut into jobs. A job is a few clips of one kind and a seed; its result is a shard of embeddings on the
disk, named after everything that it depends on and nothing else: an interrupted run goes on where it was, and
for another phrase the speech and the sentences that it shares with this one have been listened to already.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, SIZE, identity
from edge.events import HOP_S, RATE_HZ, STEP
from edge.features import Features
from edge.files import write_whole
from synth.acoustics import Sound, levelled
from synth.augment import THROATS, Scenery, background, scene, spoiled
from synth.speeds import rows_of

VERSION = "9"  # counts up when scenes or labels change: what was cached before is then made anew
LATEST_S = 0.22  # a decision is right from the phrase's end up to so long after it
EARLIEST_S = 0.02
CLIPS_PER_JOB = 48
IGNORED, NEGATIVE, POSITIVE = -1, 0, 1


@dataclass(frozen=True)
class Job:
    """Clips of one kind, to be spoiled with one seed."""

    kind: str
    """phrase, fragment, near, stream, plain or noise"""
    clips: tuple[int, ...]
    """places in the clip list; a stream is all of them in a row"""
    seed: tuple[int, ...]
    """what the generator is made from"""


@dataclass(frozen=True)
class Examples:
    """Embeddings of many streams in one table, and which windows of it mean what."""

    rows: NDArray[np.float16]
    """[R, 96]; the window of a hop is 16 rows"""
    first: NDArray[np.int32]
    """[H], the first row of each hop's window"""
    label: NDArray[np.int8]
    """[H], POSITIVE, NEGATIVE or IGNORED"""
    clip: NDArray[np.int32]
    """[H], the clip that it came from (the first one, of a stream)"""
    stream: NDArray[np.int32]
    """[H], counts streams"""
    snr_db: NDArray[np.float32]
    """[H], of the stream"""
    natural: NDArray[np.bool_]
    """[H], whether it is of a stream as one might really hear it, and not made to be confused"""

    @property
    def hours(self) -> float:
        return len(self.first) * HOP_S / 3600

    def streams(self) -> list[NDArray[np.int64]]:
        """The hops of each stream, in order."""
        if not len(self.stream):
            return []
        return np.split(np.arange(len(self.stream)), np.flatnonzero(np.diff(self.stream)) + 1)


def joined(parts: Sequence[Examples]) -> Examples:
    """Several tables as one."""
    if not parts:
        empty = np.zeros(0, np.int32)
        return Examples(np.zeros((0, SIZE), np.float16), empty, empty.astype(np.int8), empty, empty,
                        np.zeros(0, np.float32), np.zeros(0, bool))
    rows = np.cumsum([0] + [len(p.rows) for p in parts])
    streams = np.cumsum([0] + [int(p.stream[-1]) + 1 if len(p.stream) else 0 for p in parts])
    return Examples(
        np.concatenate([p.rows for p in parts]),
        np.concatenate([p.first + r for p, r in zip(parts, rows, strict=False)]).astype(np.int32),
        np.concatenate([p.label for p in parts]),
        np.concatenate([p.clip for p in parts]),
        np.concatenate([p.stream + s for p, s in zip(parts, streams, strict=False)]).astype(np.int32),
        np.concatenate([p.snr_db for p in parts]),
        np.concatenate([p.natural for p in parts]),
    )


@dataclass(frozen=True)
class World:
    """What all jobs of a run share; workers get it by fork, so nothing is copied."""

    clips: Sequence[Sound]
    scenery: Scenery
    digests: Sequence[str]
    """of each clip, for the names of shards"""
    surroundings: str
    """digest of the scenery, for the same"""
    backbone: str = HARDENED
    speed: float = 1.0
    """at which all of it is heard; what a hop means does not change"""

    @staticmethod
    def of(
        clips: Sequence[Sound], scenery: Scenery, backbone: str = HARDENED, speed: float = 1.0
    ) -> World:
        """With digests of everything."""
        around = hashlib.sha256()
        for pool in (scenery.rooms, scenery.talk, scenery.noise):
            around.update(repr([digest_of(sound) for sound in pool]).encode())
        if scenery.throats != THROATS:  # the usual ones have no part in the name
            around.update(repr(scenery.throats).encode())
        return World(clips, scenery, [digest_of(sound) for sound in clips], around.hexdigest(), backbone,
                     speed)


def digest_of(sound: Sound) -> str:
    """sha256 of every sample."""
    return hashlib.sha256(np.ascontiguousarray(sound).data).hexdigest()


_world: World | None = None
_features: Features | None = None


def phrase_jobs(clips: Sequence[int], copies: int, seed: int, kind: str = "phrase") -> list[Job]:
    """Jobs for single clips, each spoiled `copies` times."""
    chunks = [tuple(clips[i : i + CLIPS_PER_JOB]) for i in range(0, len(clips), CLIPS_PER_JOB)]
    return [Job(kind, chunk, (seed, copy, chunk[0])) for copy in range(copies) for chunk in chunks]


def stream_jobs(rows: Sequence[tuple[int, ...]], copies: int, seed: int) -> list[Job]:
    """Jobs for streams, each of several clips in a row: once plain, then `copies` times spoiled."""
    plain = [Job("plain", row, (seed, 0, k)) for k, row in enumerate(rows)]
    return plain + [
        Job("stream", row, (seed, copy + 1, k)) for copy in range(copies) for k, row in enumerate(rows)]


def run_jobs(
    jobs: Sequence[Job], world: World, folder: Path, workers: int, done: Callable[[int], None]
) -> Examples:
    """All `jobs` on `workers` processes, in the order given whatever finished first. `done(n)` is called as
    shards arrive. Ctrl-C leaves the shards that are finished for the next run."""
    global _world  # noqa: PLW0603 - how a forked worker is given what must not be pickled
    _world = world
    paths = [folder / f"{_name(job, world)}.npz" for job in jobs]
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    done(len(jobs) - len(missing))
    try:
        if missing:
            with multiprocessing.get_context("fork").Pool(workers, leave_interrupts) as pool:
                for i, shard in pool.imap_unordered(_work, [(i, jobs[i]) for i in missing], chunksize=1):
                    write_whole(paths[i], shard)
                    done(1)
    finally:
        _world = None
    return joined([_read(path, job) for path, job in zip(paths, jobs, strict=True)])


def leave_interrupts() -> None:
    """In a worker: Ctrl-C is for the parent, which ends its workers. A worker that an interrupt catches while
    it holds the queue would leave all the others waiting."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _name(job: Job, world: World) -> str:
    clips = [world.digests[clip] for clip in job.clips]
    around = "" if job.kind == "plain" else world.surroundings
    parts = (VERSION, identity(world.backbone)["sha256"], around, job.kind, clips, job.seed)
    text = repr(parts if world.speed == 1 else (*parts, world.speed))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(path: Path, job: Job) -> Examples:
    """A shard, its clips numbered as this run has them: another may have made it, of another phrase."""
    with np.load(path, allow_pickle=False) as shard:
        names = ("rows", "first", "label", "stream", "snr_db", "natural")
        rows, first, label, stream, snr_db, natural = (shard[name] for name in names)
    clip = np.array(job.clips or (-1,), np.int32)[stream]
    return Examples(rows, first, label, clip, stream, snr_db, natural)


def _work(task: tuple[int, Job]) -> tuple[int, bytes]:
    """In a worker: one job to the bytes of its shard."""
    global _features  # noqa: PLW0603 - one session for each process
    assert _world is not None  # noqa: S101 - set before the fork
    if _features is None:
        _features = Features(_world.backbone)
    index, job = task
    natural = job.kind in ("stream", "plain", "noise")
    shard = joined([_examples(_features, made, natural, _world.speed) for made in _scenes(job, _world)])
    buffer = io.BytesIO()
    np.savez(buffer, rows=shard.rows, first=shard.first, label=shard.label, stream=shard.stream,
             snr_db=shard.snr_db, natural=shard.natural)
    return index, buffer.getvalue()


Made = tuple[Sound, float, float, float]  # sound, start_s and end_s of the phrase (0 if none), snr


def _scenes(job: Job, world: World) -> list[Made]:
    """The sounds of a job."""
    rng = np.random.default_rng(job.seed)
    if job.kind in ("phrase", "fragment", "near"):
        return [_single(job.kind, clip, world, rng) for clip in job.clips]
    if job.kind == "noise":
        sound = background(30 * RATE_HZ, world.scenery, rng)
        return [(levelled(sound, rng), 0.0, 0.0, float("inf"))]
    pieces = []
    for clip in job.clips:
        pieces += [world.clips[clip], np.zeros(int(rng.uniform(0.1, 0.6) * RATE_HZ), np.float32)]
    sound = np.concatenate(pieces)
    sound = levelled(sound, rng) if job.kind == "plain" else spoiled(sound, world.scenery, rng)
    return [(sound, 0.0, 0.0, float("inf"))]


def _single(kind: str, clip: int, world: World, rng: np.random.Generator) -> Made:
    sound = world.clips[clip]
    if kind == "fragment":  # the phrase that somebody began, or the end of it alone: not the phrase
        cut = int(len(sound) * rng.uniform(0.35, 0.6))
        sound = sound[:cut] if rng.random() < 0.6 else sound[cut:]
    made = scene(sound, world.scenery, rng)
    span = (made.start_s, made.end_s) if kind == "phrase" else (0.0, 0.0)
    return made.sound, *span, made.snr_db


def _examples(features: Features, made: Made, natural: bool, speed: float) -> Examples:
    """One stream: embeddings and what each hop means."""
    sound, start_s, end_s, snr_db = made
    rows, first = rows_of(features, np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]), speed)
    hops = len(first)
    none = np.zeros(hops, np.int32)
    ends_s = (np.arange(hops) + 1) * HOP_S
    label = np.full(hops, NEGATIVE, np.int8)
    if end_s > 0:
        label[ends_s > start_s + 0.5 * (end_s - start_s)] = IGNORED
        label[(ends_s >= end_s - EARLIEST_S) & (ends_s <= end_s + LATEST_S)] = POSITIVE
    return Examples(rows.astype(np.float16), first, label, none, none, np.full(hops, snr_db, np.float32),
                    np.full(hops, natural))
