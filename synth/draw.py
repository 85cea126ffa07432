"""What the steps of training look at: members, the recipe, and batches drawn with an eye on the hard ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.dataset import NEGATIVE, POSITIVE, Examples


@dataclass(frozen=True)
class Member:
    """One detector of the ensemble, before training."""

    name: str
    trained_on: str
    weights: NDArray[np.float32]
    """[clips], how much each clip of the phrase counts for this member"""


@dataclass(frozen=True)
class Recipe:
    """How the members are trained; what each of these is worth is measured in `tests/bench/ablation.py`."""

    channels: int = 32
    masked: float = 0.65
    """of the channels of an example; with few voices this keeps it from learning them by heart"""
    positive_share: float = 0.25
    """of a batch"""
    hard_share: float = 0.4
    """of the negatives of a batch, once there are any mined"""
    negative_weight: float = 3.0
    """how much more a negative counts than a phrase at the end"""
    boost: float = 0.0
    """how much more a phrase counts for a member when all the others miss it"""
    adversarial: float = 0.0
    """deviations of an embedding by which every example is moved where it hurts most (FGSM; Goodfellow et
    al., 2015)"""
    round: int = 100
    """steps between two minings"""


class Draw:
    """What the steps look at: indices drawn with replacement, a fixed share of each kind."""

    def __init__(
        self, examples: Examples, members: Sequence[Member], recipe: Recipe, *, batch: int, seed: int
    ) -> None:
        """Raises ValueError where one of the classes is empty."""
        self._examples, self._rng = examples, np.random.default_rng(seed)
        self._positives, self._negatives = (np.flatnonzero(examples.label == k) for k in (POSITIVE, NEGATIVE))
        if not len(self._positives) or not len(self._negatives):
            raise ValueError(f"{len(self._positives)} positive and {len(self._negatives)} negative examples: "
                             "both are needed")
        few = int(batch * recipe.positive_share)
        mined = int((batch - few) * recipe.hard_share)
        self._counts, self._recipe = (few, mined, batch - few - mined), recipe
        self._members = members
        self._boost: NDArray[np.float32] | None = None
        self.hard = self._negatives

    def mine(self, logits: NDArray[np.float32]) -> None:
        """Looks for what the members get wrong, in their logits [N, H] or the highest of them [1, H]: of the
        negatives the hardest fiftieth, by the member that is most wrong; of the phrases, for each member,
        what the others miss."""
        score = logits[:, self._negatives].max(axis=0)
        count = max(1, len(self._negatives) // 50)
        self.hard = self._negatives[np.argpartition(score, -count)[-count:]]
        if self._recipe.boost and len(logits) > 1:
            first, second = np.sort(logits, axis=0)[[-1, -2]]
            others = np.where(logits == first, second, first)
            self._boost = 1 + self._recipe.boost / (1 + np.exp(np.clip(others, -20, 20))).astype(np.float32)

    def batches(self, count: int, negative_weight: float) -> dict[str, Any]:
        """For each of `count` steps: first rows, labels, and weights [members] of each example."""
        few, mined, plain = self._counts
        picked = np.concatenate([
            self._rng.choice(self._positives, (count, few)),
            self._rng.choice(self.hard, (count, mined)),
            self._rng.choice(self._negatives, (count, plain)),
        ], axis=1)
        y = (self._examples.label[picked] == POSITIVE).astype(np.float32)
        clips = np.maximum(self._examples.clip[picked], 0)
        weights = np.stack([m.weights[np.minimum(clips, len(m.weights) - 1)] for m in self._members])
        if self._boost is not None:
            weights = weights * self._boost[:, picked]
        weight = np.where(y > 0, weights, negative_weight).transpose(1, 0, 2).astype(np.float32)
        return {"first": self._examples.first[picked], "y": y, "weight": weight}
