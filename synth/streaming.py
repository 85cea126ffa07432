"""Recordings through the pipeline of the daemon, on all cores, with what every member of the OR said.

Several bundles listen to the same features at once: what one more costs is its detectors, a fraction of that.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle, load_bundle
from edge.ensemble import NOTHING, Ensemble
from edge.errors import WavError
from edge.events import STEP, Heard
from edge.listener import Listener
from edge.replay import blocks
from synth.acoustics import Sound
from synth.dataset import leave_interrupts


class Recipe(Protocol):
    """A sound that is made where it is streamed."""

    @property
    def path(self) -> Path:
        """The recording it is made of."""

    def sound(self) -> Sound:
        """Float32 [n], 16 kHz. Raises WavError."""


@dataclass(frozen=True)
class Answer:
    """What one bundle made of one recording."""

    margins: NDArray[np.float64]
    """[H], one for each hop, as `heychip replay --trace` prints them"""
    event_s: tuple[float, ...]
    """when it heard something"""
    members: NDArray[np.float32]
    """[H, N], logit minus threshold of each member"""


@dataclass(frozen=True)
class Failure:
    """A recording that was left out."""

    path: Path
    reason: str


class Recorder(Ensemble):
    """The ensemble of a bundle, which writes down what it is told and what it decides."""

    def __init__(self, bundle: Bundle) -> None:
        members = bundle.manifest.members
        thresholds = np.array([member.threshold for member in members], np.float32)
        super().__init__(bundle.manifest.word, [member.name for member in members], thresholds)

    def reset(self) -> None:
        """Forget the stream and which members were ill in it: the answer to a recording must not depend on
        which others its worker has been given."""
        super().reset()
        self.quarantined.clear()
        self._faults[:] = 0
        self._logits: list[NDArray[np.float32]] = []
        self._margins: list[float] = []
        self._events: list[float] = []

    def step(self, logits: NDArray[np.float32], time_s: float, *, fresh: bool = True) -> Heard | None:
        heard = super().step(logits, time_s, fresh=fresh)
        self._logits.append(logits)
        self._margins.append(round(self.margin, 4))
        if heard:
            self._events.append(heard.time_s)
        return heard

    def answer(self) -> Answer:
        """What was written down since the last reset."""
        logits = np.array(self._logits, np.float32).reshape(-1, len(self.names))
        over = np.where(np.isfinite(logits), logits - self._thresholds, NOTHING)
        members = np.round(over, 4).astype(np.float32)
        return Answer(np.array(self._margins, np.float64), tuple(self._events), members)


class Stage:
    """A pipeline with a recorder for each bundle."""

    def __init__(self, bundles: Sequence[Path | str]) -> None:
        """Raises ModelError."""
        loaded = [load_bundle(bundle) for bundle in bundles]
        self._listener = Listener(loaded)
        self._recorders = [Recorder(bundle) for bundle in loaded]
        self._listener.ensembles[:] = self._recorders

    def answers(self, sound: Sound) -> list[Answer]:
        """Sound [n] through the pipeline, started afresh, in the pieces in which `replay` takes it."""
        self._listener.reset()
        whole = np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)])
        for block in blocks(whole, realtime=False):
            self._listener.step(block)
        return [recorder.answer() for recorder in self._recorders]


_stage: Stage | None = None


def _open(bundles: tuple[str, ...]) -> None:
    global _stage  # noqa: PLW0603 - one pipeline for each worker
    leave_interrupts()
    _stage = Stage(bundles)


def _answer(job: NDArray[np.int16] | Recipe) -> list[Answer] | Failure:
    assert _stage is not None  # noqa: S101 - set by the pool's initialiser
    if isinstance(job, np.ndarray):
        return _stage.answers((job / 32768).astype(np.float32))
    try:
        return _stage.answers(job.sound())
    except WavError as error:
        return Failure(job.path, error.reason)


def answers(
    bundles: Sequence[Path | str], jobs: Iterable[Sound | Recipe], workers: int, done: Callable[[int], None]
) -> list[list[Answer] | Failure]:
    """The answer of each bundle to each sound [n] or recipe, on `workers` processes; `done(1)` is called for
    each. Raises ModelError; a recording that cannot be read is a Failure in its place."""
    Stage(bundles)  # raises ModelError here; in a worker, the pool would start it for ever
    coded = (_coded(job) if isinstance(job, np.ndarray) else job for job in jobs)
    found = []
    context = multiprocessing.get_context("spawn")  # JAX has threads by now, which do not survive a fork
    with context.Pool(workers, _open, (tuple(str(bundle) for bundle in bundles),)) as pool:
        for answer in pool.imap(_answer, coded, chunksize=4):
            found.append(answer)
            done(1)
    return found


def _coded(sound: Sound) -> NDArray[np.int16]:
    """As 16 bits, which is half to hand over."""
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
