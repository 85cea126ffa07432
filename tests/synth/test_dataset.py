"""Examples: labelled where the phrase ends, the daemon's own embeddings, the same however they are made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.backbone import CONTEXT, HARDENED, SIZE
from edge.events import HOP_S, RATE_HZ, STEP
from edge.features import Features
from synth import dataset
from synth.acoustics import Sound
from synth.augment import Scenery
from synth.dataset import (
    CLIPS_PER_JOB,
    EARLIEST_S,
    IGNORED,
    LATEST_S,
    NEGATIVE,
    POSITIVE,
    Examples,
    Job,
    World,
    joined,
    phrase_jobs,
    run_jobs,
    stream_jobs,
)

KINDS = ("phrase", "fragment", "near", "stream", "plain")


def clips() -> list[Sound]:
    """Four clips of 0.4 to 0.7 s: tones that rise."""
    made = []
    for k in range(4):
        t = np.arange(int((0.4 + 0.1 * k) * RATE_HZ)) / RATE_HZ
        made.append((0.3 * np.sin(2 * np.pi * (200 + 60 * k + 300 * t) * t)).astype(np.float32))
    return made


def world(talker: int = 0) -> World:
    """Four clips, one voice that talks around them, no rooms."""
    talk = np.random.default_rng(talker).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    return World.of(clips(), Scenery((), (talk,)))


JOBS = [Job(kind, (0, 1, 2, 3), (7, k)) for k, kind in enumerate(KINDS)]


def ignore(_count: int) -> None:
    """Somebody who does not wait."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shards of `JOBS` lie."""
    return tmp_path_factory.mktemp("shards")


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[str, Examples]:
    """One job of every kind, made by two workers."""
    run_jobs(JOBS, world(), folder, 2, ignore)
    return {job.kind: run_jobs([job], world(), folder, 2, ignore) for job in JOBS}


def scenes(kind: str) -> list[dataset.Made]:
    """The sounds that a job was made of, made again from its seed."""
    return dataset._scenes(JOBS[KINDS.index(kind)], world())


def same(a: Examples, b: Examples) -> bool:
    """Whether two tables agree to the bit."""
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in vars(a))


def test_positive_hops_lie_at_the_end_of_the_phrase(made: dict[str, Examples]) -> None:
    """Positive is every hop from just before the clip's end to LATEST_S after it, and no other."""
    for stream, (_, start_s, end_s, _) in enumerate(scenes("phrase")):
        mine = made["phrase"].stream == stream
        ends_s = (np.arange(mine.sum()) + 1) * HOP_S
        label = made["phrase"].label[mine]
        assert set(made["phrase"].clip[mine]) == {stream}
        assert ends_s[label == POSITIVE].min() >= end_s - EARLIEST_S
        assert ends_s[label == POSITIVE].max() <= end_s + LATEST_S
        assert (label == POSITIVE).sum() >= int((EARLIEST_S + LATEST_S) / HOP_S)
        assert (label[ends_s <= start_s] == NEGATIVE).all()
        before = (ends_s > (start_s + end_s) / 2) & (ends_s < end_s - EARLIEST_S)
        assert (label[before | (ends_s > end_s + LATEST_S)] == IGNORED).all()


@pytest.mark.parametrize("kind", ["fragment", "near", "stream", "plain"])
def test_what_is_not_the_phrase_has_negatives_alone(made: dict[str, Examples], kind: str) -> None:
    """Half of a phrase, what sounds like it and streams of talk: every hop is a negative."""
    assert len(made[kind].label)
    assert (made[kind].label == NEGATIVE).all()


def test_only_streams_count_as_natural(made: dict[str, Examples]) -> None:
    """False accepts an hour are counted on streams of talk, not on what is made to be confused."""
    for kind, examples in made.items():
        assert set(examples.natural.tolist()) == {kind in ("stream", "plain")}


@pytest.mark.parametrize("kind", ["phrase", "plain"])
def test_embeddings_are_the_daemons(made: dict[str, Examples], kind: str) -> None:
    """The window of each hop is what `edge.features.Features` gives for the same sound, as float16."""
    features = Features(HARDENED)
    for stream, (sound, *_) in enumerate(scenes(kind)):
        features.reset()
        wanted = features.step(np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]))
        first = made[kind].first[made[kind].stream == stream]
        found = made[kind].rows[first[:, None] + np.arange(CONTEXT)]
        assert found.shape == (len(wanted), CONTEXT, SIZE)
        assert np.array_equal(found, wanted.astype(np.float16))


def test_workers_and_order_change_nothing(made: dict[str, Examples], folder: Path, tmp_path: Path) -> None:
    """One worker, jobs the other way round: the same shards to the byte, joined in the order given."""
    found = run_jobs(JOBS[::-1], world(), tmp_path, 1, ignore)
    assert same(found, joined([made[kind] for kind in KINDS[::-1]]))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in folder.iterdir())
    assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_an_interrupted_run_goes_on_where_it_was(made: dict[str, Examples], tmp_path: Path) -> None:
    """Of shards that are there none is made anew, and `done` is told of them at once."""
    jobs = JOBS[1:3]
    run_jobs(jobs[:1], world(), tmp_path, 1, ignore)
    (there,) = tmp_path.iterdir()
    before = there.stat().st_mtime_ns
    told: list[int] = []
    found = run_jobs(jobs, world(), tmp_path, 1, told.append)
    assert told == [1, 1]
    assert there.stat().st_mtime_ns == before
    assert same(found, joined([made["fragment"], made["near"]]))


def test_what_is_there_needs_no_worker(
    made: dict[str, Examples], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all shards there, nothing is computed: it works where computing is impossible."""
    monkeypatch.setattr(dataset, "_work", None)
    told: list[int] = []
    assert same(run_jobs(JOBS, world(), folder, 0, told.append), joined([made[kind] for kind in KINDS]))
    assert told == [len(JOBS)]


def test_clips_are_numbered_as_the_run_has_them(made: dict[str, Examples], folder: Path) -> None:
    """A shard that another run made, whose list of clips was another, tells of the clips of this one; a
    stream of the first clip in it."""
    moved = World.of([np.zeros(9, np.float32), *clips()], world().scenery)
    for job in JOBS:
        later = Job(job.kind, tuple(clip + 1 for clip in job.clips), job.seed)
        found = run_jobs([later], moved, folder, 0, ignore)
        assert np.array_equal(found.clip, made[job.kind].clip + 1)
    assert set(made["near"].clip.tolist()) == {0, 1, 2, 3}
    assert set(made["stream"].clip.tolist()) == {0}


def test_other_worlds_versions_and_seeds_have_other_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard's name depends on all that its contents depend on."""
    names = {dataset._name(JOBS[0], world()), dataset._name(JOBS[0], world(1))}
    names |= {dataset._name(Job("phrase", (0, 1, 2, 3), (8, 0)), world())}
    names |= {dataset._name(Job("phrase", (0, 1, 2), (7, 0)), world()), dataset._name(JOBS[1], world())}
    monkeypatch.setattr(dataset, "VERSION", "another")
    names |= {dataset._name(JOBS[0], world())}
    assert len(names) == 6


def test_phrases_are_spoiled_anew_for_every_copy() -> None:
    """Every clip is in as many jobs as there are copies, and no two jobs have one seed."""
    jobs = phrase_jobs(range(100), 3, seed=5)
    assert Counter(clip for job in jobs for clip in job.clips) == dict.fromkeys(range(100), 3)
    assert len({job.seed for job in jobs}) == len(jobs) == 3 * 3
    assert max(len(job.clips) for job in jobs) == CLIPS_PER_JOB
    many = replace(world(), digests=[str(k) for k in range(100)])
    assert len({dataset._name(job, many) for job in jobs}) == len(jobs)


def test_streams_are_plain_once_and_spoiled_as_often_as_asked() -> None:
    """Every clip is in one plain stream and in `copies` spoiled ones, in the order in which they came."""
    jobs = stream_jobs([tuple(range(8)), tuple(range(8, 16)), tuple(range(16, 20))], 2, seed=5)
    for kind, copies in (("plain", 1), ("stream", 2)):
        of_kind = [job for job in jobs if job.kind == kind]
        assert Counter(clip for job in of_kind for clip in job.clips) == dict.fromkeys(range(20), copies)
    assert all(list(job.clips) == sorted(job.clips) for job in jobs)
    assert len({job.seed for job in jobs}) == len(jobs)


def test_joining_keeps_every_window(made: dict[str, Examples]) -> None:
    """In one table every hop still has its own 16 rows, and streams are counted on."""
    both = joined([made["near"], joined([]), made["phrase"]])
    cut = len(made["near"].first)
    assert len(both.first) == cut + len(made["phrase"].first)
    window = both.rows[both.first[cut + 5] :][:CONTEXT]
    assert np.array_equal(window, made["phrase"].rows[made["phrase"].first[5] :][:CONTEXT])
    assert len(np.unique(both.stream)) == 8
    assert both.hours == pytest.approx(len(both.first) * 0.08 / 3600)


def test_nothing_is_a_table_of_nothing(tmp_path: Path) -> None:
    """No jobs give no examples, of the same types as any."""
    found = run_jobs([], world(), tmp_path, 1, ignore)
    assert found.rows.shape == (0, SIZE)
    assert found.hours == 0
    assert (found.rows.dtype, found.label.dtype, found.natural.dtype) == (np.float16, np.int8, np.bool_)
