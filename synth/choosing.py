"""Which members a bundle keeps: more than one only where their OR misses less than any one of them, and than
all of them averaged into one, at equal false accepts, on voices and recordings that none was trained on.

The thresholds of every candidate are found anew, and jointly, so that each makes the same false accepts. The
best single member is taken first; then whichever helps most, as long as it helps. What came of that takes the
place of the mean of all members only where chance would seldom make it look so much better: the best of many
candidates is always ahead where it was chosen. Chance has two hands here, the calls that happen to be held
out and the few moments in the talk that settle a threshold, so both are drawn anew (bootstrap; Efron, 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S
from synth.calibrate import Curve, calibrate, curves_of, union
from synth.dataset import NEGATIVE, Examples
from synth.evaluate import share
from synth.statistics import Floats, peaks

CHANCE = 0.05  # in how many draws a candidate that takes the place of the mean may miss as much
RATE = 0.5  # false accepts an hour at which candidates are compared: fewer cannot be counted on a few hours
DRAWS = 500
PEAKS = 8  # of a minute; far more than a threshold of a few an hour leaves
MINUTE = round(60 / HOP_S)  # talk is drawn anew by the minute, as false accepts come in clusters


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
            return "no OR misses clearly less than the best member alone, so it has one member"
        return f"the OR of {len(self.members)} misses clearly less than the best member alone"


@dataclass(frozen=True)
class Scored:
    """One candidate on the choose way: margins at the thresholds for `RATE`."""

    calls: Floats
    """the highest of each call [K]"""
    talk: list[Floats]
    """the highest peaks of each minute"""
    hours: float

    @property
    def missed(self) -> int:
        """How many calls."""
        return int((self.calls < 0).sum())

    def missed_anew(self, rng: np.random.Generator) -> int:
        """How many it would miss of other calls, at the threshold that other talk leads to."""
        drawn = [self.talk[k] for k in rng.integers(len(self.talk), size=len(self.talk))]
        calls = self.calls[rng.integers(len(self.calls), size=len(self.calls))]
        offset = Curve(np.sort(np.concatenate(drawn))[::-1], self.hours).threshold(RATE)
        return int((calls < offset).sum())

    def beats(self, other: Scored) -> bool:
        """Whether it would miss less than `other` on nearly all other calls and other talk, too."""
        seeds = range(DRAWS)  # one for each draw, so that both are given the same calls and the same talk
        less = [self.missed_anew(np.random.default_rng(k)) < other.missed_anew(np.random.default_rng(k))
                for k in seeds]  # fmt: skip
        return float(np.mean(less)) >= 1 - CHANCE


class Held:
    """What every member says of the choose way."""

    def __init__(self, logits: NDArray[np.float32], choose: Examples) -> None:
        self.hours = float(choose.natural.sum()) * HOP_S / 3600
        by_stream = choose.streams()
        self.talk = [logits[hops] for hops in by_stream if choose.natural[hops[0]]]
        calls = [hops[choose.label[hops] != NEGATIVE] for hops in by_stream if not choose.natural[hops[0]]]
        self.calls = [logits[hops] for hops in calls if len(hops)]
        self._curves = curves_of(self.talk, self.hours)

    def thresholds(self, members: Sequence[int], rate: float) -> NDArray[np.float32]:
        """With which the OR of these makes so many false accepts an hour."""
        curves = [self._curves[k] for k in members]
        return calibrate([stream[:, members] for stream in self.talk], self.hours, rate, curves)

    def scored(self, members: Sequence[int]) -> Scored:
        """What the OR of these makes of calls and talk, with the thresholds for `RATE`."""
        thresholds = self.thresholds(members, RATE)
        calls = union([call[:, members] for call in self.calls], thresholds)
        talk = union([stream[:, members] for stream in self.talk], thresholds)
        minutes = [margin[i : i + MINUTE] for margin in talk for i in range(0, len(margin), MINUTE)]
        highest = np.array([float(margin.max()) for margin in calls])
        return Scored(highest, [peaks(minute, PEAKS) for minute in minutes], self.hours)


def worth_of(
    plain: NDArray[np.float32], looked: NDArray[np.float32], choose: Examples
) -> tuple[dict[str, Any], bool]:
    """What the second look is worth on the choose way, and whether it clearly does harm there: the misses of
    the mean of all members at `RATE`, from their logits [H, N] as it was said, and averaged over all speeds;
    with 95 % intervals."""
    without, looks = (Held(row.mean(axis=1, keepdims=True), choose).scored([0]) for row in (plain, looked))
    told = {"at_false_accepts_per_hour": RATE, "without": share(without.missed, len(without.calls)),
            "with": share(looks.missed, len(looks.calls))}  # fmt: skip
    return told, without.missed < looks.missed and without.beats(looks)


def choose_members(
    logits: NDArray[np.float32], choose: Examples, target: float, *, all_of_them: bool
) -> Choice:
    """Of the members whose logits [H, N] on the choose way these are. With `all_of_them` every one is kept,
    as was asked for, and the comparison is still told."""
    held, count = Held(logits, choose), logits.shape[1]
    everyone = list(range(count))
    alone = [held.scored([k]) for k in everyone]
    first = min(everyone, key=lambda k: alone[k].missed)
    kept, best = [first], alone[first]
    mean = Held(logits.mean(axis=1, keepdims=True), choose)
    averaged = mean.scored([0]) if count > 1 else best
    single = min(best.missed, averaged.missed)
    if all_of_them and count > 1:
        kept, best = everyone, held.scored(everyone)
    while not all_of_them and len(kept) < count:
        tried = [sorted([*kept, k]) for k in everyone if k not in kept]
        found = min(((held.scored(members), members) for members in tried), key=lambda one: one[0].missed)
        if found[0].missed >= best.missed:
            break
        best, kept = found
    calls, missed = len(held.calls), best.missed
    if not all_of_them and len(kept) > 1 and not best.beats(alone[first]):
        kept, best = [first], alone[first]
    if count > 1 and not all_of_them and not best.beats(averaged):
        return Choice((0,), mean.thresholds([0], target), calls, single, missed, count, merged=True)
    return Choice(tuple(kept), held.thresholds(kept, target), calls, single, missed, count,
                  asked=all_of_them and count > 1)
