"""Recordings of people as embeddings: listened to once, then any detector is measured in a second."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.events import HOP_S, STEP
from edge.features import Features
from synth import progress
from synth.statistics import offset_for
from synth.streaming import Recipe
from synth.trials import gather
from tests.bench.table import CONDITIONS

RATE = 0.5  # false accepts an hour at which misses are counted
Rows = list[NDArray[np.float16]]


@dataclass(frozen=True)
class Judge:
    """The recordings as embeddings, so that a detector is measured in a second."""

    calls: dict[str, Rows]
    """by condition"""
    talk: Rows

    @staticmethod
    def of(folder: Path, negatives: Sequence[Path], skip: frozenset[str], backbone: str, jobs: int) -> Judge:
        """Every recording through the pipeline of the daemon."""
        with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
            trials = gather(folder, negatives, Path(temporary), skip=skip, conditions=CONDITIONS)
            todo = [(recipe, backbone) for recipe in (*trials.calls, *trials.talk)]
            with progress.bar("listening to the recordings", len(todo)) as done, \
                    multiprocessing.get_context("spawn").Pool(jobs) as pool:
                found = []
                for rows in pool.imap(_embedded, todo, chunksize=8):
                    found.append(rows)
                    done(1)
        conditions = [positive.condition for positive in trials.positives]
        calls: dict[str, Rows] = {name: [] for name, _ in CONDITIONS}
        for condition, rows in zip(conditions, found, strict=False):
            if rows is not None:
                calls[condition].append(rows)
        return Judge(calls, [rows for rows in found[len(conditions) :] if rows is not None])

    def misses(self, margins: Callable[[Rows], list[NDArray[np.float32]]]) -> dict[str, float]:
        """Per cent missed in each condition at `RATE` false accepts an hour."""
        talk = margins(self.talk)
        offset = offset_for(talk, RATE * sum(map(len, talk)) * HOP_S / 3600)
        return {name: round(100 * float(np.mean([m.max() < offset for m in margins(rows)])), 2)
                for name, rows in self.calls.items()}


def _embedded(task: tuple[Recipe, str]) -> NDArray[np.float16] | None:
    """In a worker: a recording to embeddings [R, 96], None where there is none."""
    recipe, backbone = task
    try:
        sound = recipe.sound()
    except WavError:
        return None
    windows = Features(backbone).step(np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]))
    return np.concatenate([windows[0], windows[1:, -1]]).astype(np.float16)
