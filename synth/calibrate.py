"""Thresholds, found jointly: so that the union of the members keeps the promised false accepts per hour.

Each member alone has a curve from threshold to false accepts per hour, measured on streams that it was not
trained on. All members are moved along their curves together until the union makes as many false accepts as
promised. A promise of one in ten hours cannot be counted on less than an hour of speech, so the tail of the
curve is extrapolated: peaks over a high threshold fall off exponentially (Pickands, 1975), as measured on the
highest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.statistics import Floats, peaks

TAIL = 24  # peaks that the tail is fitted to
COUNTED = 5.0  # from so many allowed events on, counting needs no fit


@dataclass(frozen=True)
class Curve:
    """False accepts per hour over the threshold, for one stream of decisions."""

    peaks: Floats
    """highest first"""
    hours: float

    @staticmethod
    def of(margins: Sequence[Floats], hours: float) -> Curve:
        """From the decisions [H] of several streams."""
        found = np.concatenate([peaks(m) for m in margins]) if margins else np.zeros(0)
        return Curve(np.sort(found)[::-1], hours)

    def _tail(self) -> tuple[float, float, int]:
        """Where the fitted tail begins, its mean excess, and how many peaks lie in it."""
        count = min(TAIL, len(self.peaks) - 1)
        start = float(self.peaks[count])
        return start, float(np.mean(self.peaks[:count] - start)) + 1e-3, count

    def threshold(self, rate: float) -> float:
        """The threshold that is passed `rate` times an hour."""
        if len(self.peaks) < 2 or self.hours <= 0:
            return 0.0
        allowed = rate * self.hours
        if allowed >= COUNTED:
            below = min(int(allowed), len(self.peaks) - 1)
            return float(self.peaks[below]) + 1e-4
        start, excess, count = self._tail()
        return start + excess * float(np.log(count / allowed))

    def rate(self, threshold: float) -> float:
        """How often an hour `threshold` is passed."""
        count = int(np.searchsorted(-self.peaks, -threshold, side="right"))
        if count >= COUNTED or len(self.peaks) < 2:
            return count / self.hours
        start, excess, tail = self._tail()
        return tail * float(np.exp(-(threshold - start) / excess)) / self.hours


def union(logits: Sequence[NDArray[np.float32]], thresholds: NDArray[np.float32]) -> list[Floats]:
    """The margin [H] of the OR for each stream of logits [H, N]."""
    return [(stream - thresholds).max(axis=1) for stream in logits]


def curves_of(logits: Sequence[NDArray[np.float32]], hours: float) -> list[Curve]:
    """That of each of the N members alone, from the logits [H, N] of streams that hold no phrase."""
    return [Curve.of([stream[:, n] for stream in logits], hours) for n in range(logits[0].shape[1])]


def calibrate(
    logits: Sequence[NDArray[np.float32]], hours: float, target: float, curves: Sequence[Curve] | None = None
) -> NDArray[np.float32]:
    """Thresholds [N] with which the OR makes `target` false accepts an hour, from the logits [H, N] of
    streams that hold no phrase, and the curves of the members where these are known."""
    curves = curves or curves_of(logits, hours)

    def rate(tried: NDArray[np.float32]) -> float:
        if len(curves) == 1:  # the OR of one is that one: nothing has to be counted anew
            return curves[0].rate(float(tried[0]))
        return Curve.of(union(logits, tried), hours).rate(0.0)

    low, high = np.log(target / 1000), np.log(target * 2)  # of the rate that each member is given
    thresholds = _thresholds(curves, low)
    for _ in range(24):
        middle = (low + high) / 2
        tried = _thresholds(curves, middle)
        if rate(tried) <= target:
            low, thresholds = middle, tried
        else:
            high = middle
    return thresholds


def _thresholds(curves: Sequence[Curve], log_rate: float) -> NDArray[np.float32]:
    """Those [N] that each member passes so often an hour."""
    return np.array([curve.threshold(float(np.exp(log_rate))) for curve in curves], np.float32)
