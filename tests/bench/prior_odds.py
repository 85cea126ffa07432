"""What an offset that depends on a face does to misses and false accepts: counted on traces, not modelled.

A call comes with its caller's face in view with probability p; at other times a face is there with s:

    misses(o)        = p * alone_misses(o + facing) + (1 - p) * alone_misses(o + nobody)
    false_accepts(o) = s * alone_false(o + facing)  + (1 - s) * alone_false(o + nobody)

where o is added to every threshold, with or without the prior. What the eyes miss counts as an empty room,
the worst that they can say. Both are compared where the misses are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S
from synth.statistics import events
from tests.bench.prior_traces import Traces

Floats = NDArray[np.float64]
GRID = np.arange(-10, 10.01, 0.25)
"""offsets that are counted at; in between it is interpolated"""
POINTS = np.arange(-4, 0.01, 0.25)
"""operating points that a comparison is taken over: from much keener than as calibrated to as calibrated"""


@dataclass(frozen=True)
class Counts:
    """All words together, by recording, so that halves and bootstraps are taken over recordings."""

    missed: Floats
    """[calls, GRID]: the share of the conditions in which a call of this recording is missed"""
    false: Floats
    """[talk, GRID]: events in this recording, of all words"""
    hours: Floats
    """[talk]: of this recording, once for each word"""

    def half(self, which: int) -> Counts:
        """Every other pair of recordings: every other call is in babble, the rest in pink noise."""
        calls, talk = (np.arange(len(rows)) // 2 % 2 == which for rows in (self.missed, self.false))
        return Counts(self.missed[calls], self.false[talk], self.hours[talk])

    def drawn(self, rng: np.random.Generator) -> Counts:
        """As many recordings, with replacement."""
        calls = rng.integers(len(self.missed), size=len(self.missed))
        talk = rng.integers(len(self.false), size=len(self.false))
        return Counts(self.missed[calls], self.false[talk], self.hours[talk])


def count(words: Sequence[Traces]) -> Counts:
    """The traces of some words, all with the same talk."""
    missed, false = [], []
    for word in words:
        best = np.array([margins.max() for margins in word.calls])
        callers = np.array(word.callers)
        missed += [(best[callers == name][:, None] < GRID).mean(axis=0) for name in dict.fromkeys(callers)]
        false.append([[len(events(margins, offset)) if offset <= margins.max() else 0 for offset in GRID]
                      for margins in word.talk])
    hours = np.array([len(margins) for margins in words[0].talk]) * HOP_S / 3600 * len(words)
    return Counts(np.array(missed), np.sum(false, axis=0).astype(np.float64), hours)


@dataclass(frozen=True)
class Scene:
    """How often faces are there."""

    called: float
    """the share of calls whose caller's face the eyes see looking this way"""
    talked: float
    """the share of the other time in which they see one"""


@dataclass(frozen=True)
class Curve:
    """Shares and rates of the ears alone, over GRID."""

    misses: Floats
    false: Floats
    """an hour"""

    @staticmethod
    def of(counts: Counts) -> Curve:
        """All recordings count alike, but for their length. Where no call is lost between two offsets, the
        higher one counts as missing a millionth more, so that every share of misses has one offset."""
        rising = counts.missed.mean(axis=0) + np.arange(len(GRID)) * 1e-6
        return Curve(rising, counts.false.sum(axis=0) / counts.hours.sum())

    def missed_at(self, offset: Floats | float) -> Floats:
        """A share."""
        return np.asarray(np.interp(offset, GRID, self.misses))

    def false_at(self, offset: Floats | float) -> Floats:
        """An hour."""
        return np.asarray(np.interp(offset, GRID, self.false))

    def offset_of(self, misses: Floats) -> Floats:
        """The offset at which the ears alone miss as much."""
        return np.asarray(np.interp(misses, self.misses, GRID))

    def helped(
        self, scene: Scene, facing: float, nobody: float, offset: Floats | float
    ) -> tuple[Floats, Floats]:
        """Misses, and false accepts an hour, with a prior."""
        p, s = scene.called, scene.talked
        low, high = offset + facing, offset + nobody
        return (p * self.missed_at(low) + (1 - p) * self.missed_at(high),
                s * self.false_at(low) + (1 - s) * self.false_at(high))

    def ratio(self, scene: Scene, facing: float, nobody: float, points: Floats = POINTS) -> float:
        """False accepts with the prior for each one of the ears alone that miss as much, over `points`."""
        misses, false = self.helped(scene, facing, nobody, points)
        alone = self.false_at(self.offset_of(misses))
        return float(false.sum() / max(alone.sum(), 1e-12))


SCENES = tuple(Scene(called, talked) for called in (0.9, 0.8) for talked in (0.1, 0.3, 0.5))
FACING, NOBODY = np.arange(-3, 0.01, 0.5), np.arange(0, 5.01, 0.5)


def choose(curve: Curve, called: float = 0.8) -> tuple[float, float]:
    """The offsets (facing, nobody) with the fewest false accepts at equal misses, on average over SCENES, of
    those that miss no more than the ears alone at their own thresholds where so many callers are seen."""
    best, chosen = 1.0, (0.0, 0.0)
    for facing in FACING:
        for nobody in NOBODY:
            misses, _ = curve.helped(Scene(called, 0), facing, nobody, 0.0)
            ratio = np.mean([curve.ratio(scene, facing, nobody) for scene in SCENES])
            if misses <= curve.missed_at(0.0) and ratio < best:
                best, chosen = float(ratio), (float(facing), float(nobody))
    return chosen


def slope(words: Sequence[Traces]) -> tuple[float, float]:
    """How many nats a logit of the margin is worth: intercept and slope of a logistic regression of "this was
    a call" on the highest margin, by Newton's method; calls against every event of talk above the grid."""
    calls = np.concatenate([[margins.max() for margins in word.calls] for word in words])
    talk = np.concatenate([_peaks(margins) for word in words for margins in word.talk])
    x = np.concatenate([calls, talk]).astype(np.float64)
    keep = np.abs(x) < 6
    x, y = x[keep], np.concatenate([np.ones(len(calls)), np.zeros(len(talk))])[keep]
    design, beta = np.stack([np.ones_like(x), x], axis=1), np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ beta))
        hessian = design.T @ (design * (chance * (1 - chance))[:, None])
        beta = beta + np.linalg.solve(hessian, design.T @ (y - chance))
    return float(beta[0]), float(beta[1])


def _peaks(margins: NDArray[np.float32]) -> Floats:
    from synth.statistics import peaks

    found = np.asarray(peaks(margins, 20), np.float64)
    return found[found > -6]
