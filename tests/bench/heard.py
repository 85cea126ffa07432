"""Recordings of people as embeddings: listened to once, then any detector is measured in a second."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.events import HOP_S, STEP
from edge.features import Features
from synth import progress
from synth.speeds import rows_of
from synth.statistics import offset_for
from synth.streaming import Recipe
from synth.trials import gather
from tests.bench.table import CONDITIONS

RATE = 0.5  # false accepts an hour at which misses are counted
MOST_RATE = 5.0  # the mean over all thresholds up to here is settled by many events, not by one
Floats = NDArray[np.float32]
Logits = Callable[[NDArray[np.float16], NDArray[np.int32]], Floats]
"""rows [R, 96] and of each hop the first of its 16 [H], to what the members say [H, N]"""


@dataclass(frozen=True)
class Streams:
    """Recordings as embeddings, heard at one speed or more."""

    rows: NDArray[np.float16]
    """[R, 96], of all of them at all speeds"""
    first: tuple[NDArray[np.int32], ...]
    """for each recording [S, H]: the first of the 16 rows that a hop looks at, by speed"""

    @property
    def hours(self) -> float:
        """Of all of them together."""
        return sum(hops.shape[1] for hops in self.first) * HOP_S / 3600

    def said(self, logits: Logits, speeds: int) -> list[Floats]:
        """Of each recording what the members say [H, N], the mean over the first `speeds`."""
        hops = np.concatenate(self.first, axis=1)[:speeds]
        every = logits(self.rows, hops.ravel())
        mean = every.reshape(*hops.shape, -1).mean(axis=0)
        return np.split(mean, np.cumsum([each.shape[1] for each in self.first])[:-1])


@dataclass(frozen=True)
class Ear:
    """What recordings are heard with."""

    backbone: str
    speeds: Sequence[float]
    """the first is 1"""
    jobs: int

    def streams(self, recipes: Sequence[Recipe]) -> Streams:
        """Every recording through the pipeline of the daemon, but for those that cannot be read."""
        rows, first, at = [], [], 0
        hear = partial(_embedded, backbone=self.backbone, speeds=self.speeds)
        with progress.bar("listening to the recordings", len(recipes)) as done, \
                multiprocessing.get_context("spawn").Pool(self.jobs) as pool:
            for heard in pool.imap(hear, recipes, chunksize=8):
                done(1)
                if heard is None:
                    continue
                hops = np.zeros((len(heard), len(heard[0][1])), np.int32)
                for k, (table, looks_at) in enumerate(heard):
                    hops[k] = looks_at + at
                    rows.append(table)
                    at += len(table)
                first.append(hops)
        return Streams(np.concatenate(rows), tuple(first))


@dataclass(frozen=True)
class Judge:
    """The recordings as embeddings, so that a detector is measured in a second."""

    calls: dict[str, Streams]
    """by condition"""
    talk: Streams

    @staticmethod
    def of(
        folder: Path, negatives: Sequence[Path], skip: frozenset[str], ear: Ear, talk: Streams | None = None
    ) -> Judge:
        """Every recording through the pipeline of the daemon; `talk` is that of `negatives`, where another
        word has heard it already."""
        with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
            trials = gather(folder, negatives, Path(temporary), skip=skip, conditions=CONDITIONS)
            named = list(zip(trials.positives, trials.calls, strict=True))
            calls = {name: ear.streams([recipe for positive, recipe in named if positive.condition == name])
                     for name, _ in CONDITIONS}
            return Judge(calls, talk or ear.streams(trials.talk))

    def misses(
        self, logits: Logits, join: Callable[[Floats], Floats] = np.ravel, speeds: int = 1
    ) -> dict[str, float]:
        """Per cent missed in each condition at `RATE` false accepts an hour, and the mean over all numbers of
        false accepts from none to `MOST_RATE` an hour. `join` makes one of what the members say."""
        talk = [join(said) for said in self.talk.said(logits, speeds)]
        peaks = {name: np.array([join(said).max() for said in streams.said(logits, speeds)])
                 for name, streams in self.calls.items()}
        few = [offset_for(talk, allowed) for allowed in range(1 + int(MOST_RATE * self.talk.hours))]
        at = few[int(RATE * self.talk.hours)]
        found = {name: _missed(peak, [at]) for name, peak in peaks.items()}
        return {**found, **{over_many(name): _missed(peak, few) for name, peak in peaks.items()}}


def over_many(condition: str) -> str:
    """The name of the mean over thresholds."""
    return f"{condition}, 0 to {MOST_RATE:g}/h"


def _missed(peaks: Floats, offsets: Sequence[float]) -> float:
    """Per cent, the mean over thresholds."""
    return round(100 * float(np.mean([(peaks < offset).mean() for offset in offsets])), 2)


def _embedded(
    recipe: Recipe, *, backbone: str, speeds: Sequence[float]
) -> list[tuple[NDArray[np.float16], NDArray[np.int32]]] | None:
    """In a worker: a recording to embeddings and hops at each speed, None where there is none."""
    try:
        sound = recipe.sound()
    except WavError:
        return None
    whole = np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)])
    heard = (rows_of(Features(backbone), whole, speed) for speed in speeds)
    return [(rows.astype(np.float16), first) for rows, first in heard]
