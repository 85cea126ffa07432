"""Turns what a camera sees from moment to moment into things that happen: a label that stays is told once.

A camera hunts for its exposure, a hand shakes, a classifier wavers between two names; so one picture says
little. A label counts when it stood in `frames` pictures in a row, and it is told at that edge only. A mood
is the average of joy over as many pictures, as in the installation that this began with.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

from edge.events import Mood, Seen
from edge.mood_config import MoodConfig

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


class Moods:
    """Edge-triggered: `step` gives a Mood once for every change, and never two within `dwell_s`.

    joy, sad and calm by the moving average of joy; nobody, dark and frozen where there is no mood to be
    read, each after its number of pictures in a row. After those the average begins anew, and says nothing
    until it is full. Of several faces in a picture the mean counts, as in the AIY kit's joy detector: a mood
    of the room, in which nobody is overlooked for standing further back.
    """

    def __init__(self, config: MoodConfig | None = None) -> None:
        self._config = config or MoodConfig()
        self.reset()

    def reset(self) -> None:
        """Forgets all: the next mood will be told, whatever was told before."""
        self.name = ""
        self._joys: deque[float] = deque(maxlen=self._config.frames)
        self._since_s = -math.inf
        self._without = self._dark = self._same = 0

    @property
    def joy(self) -> float:
        """The moving average of joy, 0..1; 0 where there is no face."""
        return sum(self._joys) / len(self._joys) if self._joys else 0.0

    def step(self, seen: Seen | None, now_s: float, *, same: bool = False) -> Mood | None:
        """What one picture changes. `seen` is None where there was none to look at; `same` tells that the
        picture was the one before, pixel by pixel; `now_s` is a clock that never goes back."""
        if seen is None:
            return None
        joys = [face.joy for face in seen.faces if 0 <= face.joy <= 1]  # NaN is in no range
        self._count(seen, joys, same=same)
        name = self._now()
        if name in ("nobody", "dark", "frozen"):
            self._joys.clear()
        if not name or name == self.name or now_s - self._since_s < self._config.dwell_s:
            return None
        self.name, self._since_s = name, now_s
        return Mood(name, self.joy, len(seen.faces), seen.source)

    def _count(self, seen: Seen, joys: list[float], *, same: bool) -> None:
        self._same = self._same + 1 if same else 0
        self._dark = self._dark + 1 if seen.dark else 0
        self._without = 0 if seen.dark or seen.faces else self._without + 1
        if joys and not self._frozen:
            self._joys.append(sum(joys) / len(joys))

    @property
    def _frozen(self) -> bool:
        return 0 < self._config.frozen_frames <= self._same

    def _now(self) -> str:
        """What it would be called now; "" where nothing can be said yet."""
        config = self._config
        if self._frozen:
            return "frozen"
        if self._dark >= config.dark_frames:
            return "dark"
        if self._without >= config.nobody_frames:
            return "nobody"
        if len(self._joys) < config.frames:
            return ""
        back = config.hysteresis
        if self.joy > config.joy - (back if self.name == "joy" else 0):
            return "joy"
        return "sad" if self.joy < config.sad + (back if self.name == "sad" else 0) else "calm"
