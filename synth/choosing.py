"""Which members a bundle keeps: more than one only where their OR misses less than any one of them, and than
all of them averaged into one, at equal false accepts, on voices and recordings that none was trained on.

The thresholds of every candidate are found anew, and jointly, so that each makes the same false accepts. The
best single member is taken first; then whichever helps most, as long as it helps. What came of that takes the
place of the mean of all members only where chance would seldom make it look so much better: the best of many
candidates is always ahead where it was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S
from synth.calibrate import calibrate, curves_of, union
from synth.dataset import NEGATIVE, Examples
from synth.evaluate import share
from synth.statistics import Floats, paired

CHANCE = 0.05  # how often a candidate that is no better than the mean may take its place
RATE = 0.5  # false accepts an hour at which candidates are compared: fewer cannot be counted on a few hours


@dataclass(frozen=True)
class Choice:
    """The members that are kept, and why."""

    members: tuple[int, ...]
    thresholds: NDArray[np.float32]
    """of those, for the promise"""
    phrases: int
    """scenes with the phrase that the choice was made on"""
    missed_single: int
    """by the best single member or, if that misses less, by their mean, at `RATE`"""
    missed_or: int
    """by the best OR that was found, at `RATE`"""
    tried: int
    """members there were to choose from"""
    merged: bool = False
    """whether it is one member, the mean of all of them"""
    asked: bool = False
    """whether all are kept because they were asked for"""

    def told(self) -> dict[str, object]:
        """For the manifest, with 95 % intervals."""
        rows = {"or": self.missed_or, "best_member": self.missed_single}
        return {
            "at_false_accepts_per_hour": RATE, "scenes": self.phrases, "members_tried": self.tried,
            **{name: share(missed, self.phrases) for name, missed in rows.items()},
            "why": self.why(),
        }  # fmt: skip

    def why(self) -> str:
        """In a sentence."""
        if self.tried == 1:
            return "one member was trained"
        if self.asked:
            than = "less" if self.missed_or < self.missed_single else "not less"
            return (f"all {self.tried} are kept, as was asked for; their OR misses {than} than one of them "
                    "or the mean of all does")
        if self.merged:
            return ("neither an OR nor one member misses clearly less than the mean of all, so it has one "
                    "member, which is that mean")
        if len(self.members) == 1:
            return "no OR misses less than the best member alone, so it has one member"
        return f"the OR of {len(self.members)} misses less than the best member alone"


class Held:
    """What every member says of the choose way."""

    def __init__(self, logits: NDArray[np.float32], choose: Examples) -> None:
        self.hours = float(choose.natural.sum()) * HOP_S / 3600
        by_stream = np.split(np.arange(len(choose.first)), np.flatnonzero(np.diff(choose.stream)) + 1)
        self.talk = [logits[hops] for hops in by_stream if choose.natural[hops[0]]]
        calls = [hops[choose.label[hops] != NEGATIVE] for hops in by_stream if not choose.natural[hops[0]]]
        self.calls = [logits[hops] for hops in calls if len(hops)]
        self._curves = curves_of(self.talk, self.hours)

    def thresholds(self, members: Sequence[int], rate: float) -> NDArray[np.float32]:
        """With which the OR of these makes so many false accepts an hour."""
        curves = [self._curves[k] for k in members]
        return calibrate([stream[:, members] for stream in self.talk], self.hours, rate, curves)

    def missed(self, members: Sequence[int]) -> NDArray[np.bool_]:
        """Which calls [K] the OR of these misses at `RATE`."""
        thresholds = self.thresholds(members, RATE)
        margins: list[Floats] = union([call[:, members] for call in self.calls], thresholds)
        return np.array([float(m.max()) < 0 for m in margins], bool)


def choose_members(
    logits: NDArray[np.float32], choose: Examples, target: float, *, all_of_them: bool
) -> Choice:
    """Of the members whose logits [H, N] on the choose way these are. With `all_of_them` every one is kept,
    as was asked for, and the comparison is still told."""
    held, count = Held(logits, choose), logits.shape[1]
    everyone = list(range(count))
    alone = [held.missed([k]) for k in everyone]
    kept = [min(everyone, key=lambda k: int(alone[k].sum()))]
    best = alone[kept[0]]
    mean = Held(logits.mean(axis=1, keepdims=True), choose)
    averaged = mean.missed([0]) if count > 1 else best
    single = int(min(best.sum(), averaged.sum()))
    if all_of_them and count > 1:
        kept, best = everyone, held.missed(everyone)
    while not all_of_them and len(kept) < count:
        tried = [sorted([*kept, k]) for k in everyone if k not in kept]
        found = min(((held.missed(members), members) for members in tried), key=lambda one: int(one[0].sum()))
        if found[0].sum() >= best.sum():
            break
        best, kept = found
    calls, missed = len(held.calls), int(best.sum())
    if count > 1 and not all_of_them and not _clearly_less(best, averaged):
        return Choice((0,), mean.thresholds([0], target), calls, single, missed, count, merged=True)
    return Choice(tuple(kept), held.thresholds(kept, target), calls, single, missed, count,
                  asked=all_of_them and count > 1)


def _clearly_less(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    """Whether the first misses less than the second, on the same calls, and not by chance."""
    return first.sum() < second.sum() and paired(first, second).p < CHANCE
