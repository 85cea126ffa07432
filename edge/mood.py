"""Turns what a camera sees from moment to moment into things that happen: a label that stays is told once.

A camera hunts for its exposure, a hand shakes, a classifier wavers between two names; so one picture says
little. A label counts when it stood in `frames` pictures in a row, and it is told at that edge only.
"""

from __future__ import annotations

from dataclasses import replace

from edge.events import Seen

HOLD = 0.75  # the share of `min_score` down to which a label that was told still counts as there


class Steady:
    """Edge-triggered: `step` gives a Seen once for every label that becomes steady.

    A label is told again only after something else was steady in between: another label, or nothing
    (darkness, or no label of at least `min_score`), for `frames` pictures in a row.
    """

    def __init__(self, frames: int = 3, min_score: float = 0.3) -> None:
        """`frames`: pictures in a row, at least 1. `min_score`: probability, 0..1."""
        if frames < 1:
            raise ValueError(f"frames is {frames}, expected 1 or more")
        self.frames, self.min_score = frames, min_score
        self.reset()

    def reset(self) -> None:
        """Forgets all: what is there now will be told anew."""
        self.told = ""
        self._row: list[Seen] = []
        self._state = ""

    def step(self, seen: Seen) -> Seen | None:
        """One picture's Seen; gives it, with the row's mean score, where its label has just become steady."""
        state = self._state_of(seen)
        if state != self._state:
            self._state, self._row = state, []
        self._row = [*self._row, seen][-self.frames :]
        if len(self._row) < self.frames or state == self.told:
            return None
        self.told = state
        if not state:
            return None
        score = sum(one.score for one in self._row) / len(self._row)
        return replace(seen, score=score)

    def _state_of(self, seen: Seen) -> str:
        """The label, or "" for nothing. A label that was told may sink a little further before it is gone."""
        enough = self.min_score * (HOLD if seen.label == self.told else 1.0)
        return seen.label if seen.score >= enough else ""  # NaN is nothing: no comparison holds for it
