"""From a person's recordings to a member: spoiled many times, trained in seconds, put at a threshold.

To say how well it hears without more recordings, each one is heard by a detector that was trained on the
others: those detectors are members of the same training, for which the recording left out counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synth.acoustics import Sound
from synth.augment import Scenery
from synth.backdrop import listen
from synth.calibrate import Curve
from synth.choosing import Held
from synth.dataset import Examples, Job, World, joined, phrase_jobs
from synth.enroll_into import Base, folded, together

if TYPE_CHECKING:
    from synth.train import Trained

SCENES = 180  # of the word, all recordings together
FEWEST_COPIES = 12  # of each recording
PART, SWAPPED = 3, 6  # for so many scenes of the word there is one of a part of it, and of its halves swapped
THROATS = 0.05  # one person's voice on another day
FOLDS = 5  # trainings that leave recordings out, at most
STEPS, BATCH, ROUND = 300, 256, 150
CHANNELS = 32
CAUTION = 5.0  # the new member aims at a fifth of what is promised: with thresholds for 0.1 an hour, those of
# nine people made 3 false accepts in 6.2 h; its own word it hears with ten logits to spare
NAME = "personal"

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Members:
    """All that was trained: what goes into the bundle, and what only tells how well that hears."""

    new: Trained = field(repr=False)
    """the new one, then one for each fold, of one network each"""
    base: Base | None
    """those that were there"""
    folds: NDArray[np.int64]
    """[K], the fold that each recording is left out of"""

    @property
    def count(self) -> int:
        """Members of the bundle: those that were there, then the new one."""
        return 1 + (len(self.base.thresholds) if self.base else 0)

    def all(self) -> list[Trained]:
        """Those that were there, then the others; apart, for in one set these would have as many networks."""
        return [self.base.trained(), self.new] if self.base else [self.new]

    def bundle(self) -> Trained:
        """The members of the bundle."""
        from synth.train import only

        new = only(self.new, [0])
        return together(self.base, new) if self.base else new

    def without(self, recording: int) -> list[int]:
        """The members that stand for those of the bundle where they are given one of the recordings: in the
        new one's place the one that was not trained on it."""
        return [*range(self.count - 1), self.count + int(self.folds[recording])]


def copies(recordings: int) -> int:
    """How often each of so many recordings is spoiled."""
    return max(FEWEST_COPIES, SCENES // recordings)


def plan(recordings: int, seed: int) -> list[Job]:
    """The scenes to make of words and, after them in the list of clips, their swapped halves."""
    words, swapped, each = range(recordings), range(recordings, 2 * recordings), copies(recordings)
    return [*phrase_jobs(words, each, seed), *phrase_jobs(words, each // PART, seed + 1, "fragment"),
            *phrase_jobs(swapped, each // SWAPPED, seed + 2, "near")]  # fmt: skip


def scenes(
    words: Sequence[Sound], scenery: Scenery, folder: Path, *, seed: int, jobs: int,
    done: Callable[[int], None],
) -> Examples:
    """The word as a microphone may hear it, and what the same voice says that is not the word: parts of it,
    and its halves the wrong way round. Without those it would learn whose voice it is, and no more."""
    clips = [*words, *(np.roll(word, len(word) // 2) for word in words)]
    world = World.of(clips, replace(scenery, throats=THROATS))
    return listen(plan(len(words), seed), world, folder, jobs, done)


def train_members(
    positives: Examples, negatives: Examples, recordings: int, base: Base | None, *, seed: int,
    done: Callable[[int], None],
) -> Members:
    """One member of all recordings, and one for each fold, beside those of `base`."""
    from synth.draw import Member, Recipe
    from synth.train import train

    folds = np.arange(recordings) % min(FOLDS, recordings)
    members = [Member(NAME, "", np.ones(recordings, np.float32))]
    members += [Member(f"without {k}", "", (folds != k).astype(np.float32)) for k in sorted(set(folds))]
    recipe = Recipe(channels=base.channels if base else CHANNELS, round=ROUND)
    new = folded(train(joined([positives, negatives]), members, steps=STEPS, batch=BATCH, seed=seed,
                       done=lambda n, _loss: done(n), recipe=recipe))
    return Members(new, base, folds)


def looked(members: Members, heard: Sequence[Examples]) -> tuple[Logits, Logits]:
    """What all members say [H, M] of the first of these, which are the same hops at several speeds, and the
    mean over all of them."""
    from synth import train

    plain, mean = zip(*(train.looked(part, heard) for part in members.all()), strict=True)
    return np.concatenate(plain, axis=1), np.concatenate(mean, axis=1)


def thresholds(
    members: Members, logits: Logits, choose: Examples, target: float
) -> NDArray[np.float32]:
    """Those [M] with which the OR of the bundle makes no more than `target` false accepts an hour, from the
    logits [H, M] of all members on the choose way, which are those of the second look where there is one. A
    fold's member is put where it alone makes as many as the new one. A threshold that was there is never
    lowered: it was found on more hours."""
    held, base, new = Held(logits, choose), members.base, members.count - 1
    curves = [Curve.of([stream[:, k] for stream in held.talk], held.hours)
              for k in range(new, logits.shape[1])]  # fmt: skip
    rate, old = target / CAUTION, np.zeros(0, np.float32)
    if base:
        found = held.thresholds(range(members.count), target)
        rate = min(rate, curves[0].rate(float(found[new])))
        old = np.maximum(found[:new], np.array(base.thresholds, np.float32))
    return np.array([*old, *(curve.threshold(rate) for curve in curves)], np.float32)
