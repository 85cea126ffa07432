"""A second look: what comes near the word is heard once more, a little slower and a little faster.

People speak faster and slower than the voices that taught a detector, and noise moves every logit a little.
Where a hop comes within `REACH` of a threshold, the logit that counts is the mean over all speeds: what is
the phrase stays it at another speed, what only happened to sound like it seldom does. (Averaging over such
copies of an input is known as test-time augmentation.) It is seldom asked for, so it costs next to nothing;
thresholds have to be found with it, so a bundle says whether it is listened to in this way.

Each speed is a stream of its own, which begins where the word came near, with the last two seconds of sound:
all that a decision can depend on. At another speed hops end at other times; what counts is the last one that
was full when the hop to be decided was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.backbone import FEW
from edge.detectors import Detectors
from edge.events import STEP
from edge.features import Features, quiet_room
from edge.resample import Resampler
from edge.sessions import give_back

Array = NDArray[np.float32]

REACH = 6.0  # a logit so far below its threshold, or nearer, is looked at again
CALM_HOPS = 8  # so many hops in a row out of reach: the word has passed
CONTEXT_HOPS = 31  # 16 embeddings look back 25 hops at most, and 31 played at the highest speed
ROOM = 2 * CONTEXT_HOPS  # hops for which there is paper, so that it is seldom turned


class SecondLook:
    """For one bundle. State: the sound of the last two seconds; while a word is near, a stream a speed."""

    def __init__(self, detectors: Detectors, backbone: str, speeds: Sequence[float], offset: float) -> None:
        """`speeds` are above 0, 1 being as it was said; `offset` is added to the thresholds."""
        self._near = detectors.thresholds + np.float32(offset - REACH)
        self._nearest = float(self._near.min())
        self._make = [partial(View, speed, detectors, backbone) for speed in speeds]
        self._views: list[View] = []  # made when a word first comes near: they take 3 MB
        self._paper = np.zeros(ROOM * STEP, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream. No sound at all is a quiet room, as for `Features`."""
        self._end = CONTEXT_HOPS * STEP  # of what is on the paper
        self._paper[: self._end] = 0
        self._open, self._calm = False, 0

    def remember(self, sound: Array) -> None:
        """Sound [n] that was heard and is not to be decided on, the end of a whole number of hops."""
        kept = CONTEXT_HOPS * STEP
        if len(sound) > kept:
            sound = sound[-kept:]
        start, self._end = self._end, self._end + len(sound)
        if self._end > len(self._paper):
            self._paper[:kept] = self._paper[start - kept : start].copy()
            start, self._end = kept, kept + len(sound)
        self._paper[start : self._end] = sound

    def step(self, sound: Array, logits: Array) -> Array:
        """The sound [k * 1280] of some hops and the logits [k, N] that it was given, to those that count."""
        highest = logits.item() if logits.size == 1 else logits.max()
        if not self._open and highest <= self._nearest:  # nearly always so
            self.remember(sound)
            return logits
        counts = logits.copy()
        for hop, said in enumerate(logits):
            samples = sound[hop * STEP : (hop + 1) * STEP]
            near = bool((said > self._near).any())
            self._turn(near)
            if self._open:
                views = [view.step(samples) for view in self._views]
                counts[hop] = _mean(said, views) if near else said
            self.remember(samples)
        return counts

    def _turn(self, near: bool) -> None:
        """Begin to look where a word comes near, and end where it has passed."""
        self._calm = 0 if near else self._calm + 1
        if self._open and self._calm >= CALM_HOPS:
            self._open = False
        elif near and not self._open:
            self._open = True
            if not self._views:
                self._views = [make() for make in self._make]
                give_back()
            past = self._paper[self._end - CONTEXT_HOPS * STEP : self._end]
            for view in self._views:
                view.begin(past)


class View:
    """The sound at another speed, by the same detectors. State: all of a stream, and its last logits."""

    def __init__(self, speed: float, detectors: Detectors, backbone: str) -> None:
        self._resampler = at_speed(speed)
        self._features, self._detectors = Features(backbone, most=FEW), detectors.twin()
        self._quiet = quiet_room()[:STEP]
        self._rest = np.zeros(0, np.float32)
        self._logits = np.zeros(len(detectors.names), np.float32)

    def begin(self, past: Array) -> None:
        """A new stream, before which this [k * 1280] sounded."""
        self._resampler.reset()
        self._features.reset()
        self._detectors.reset()
        self._rest = self._rest[:0]
        for start in range(0, len(past), FEW * STEP):
            self.step(past[start : start + FEW * STEP])

    def step(self, samples: Array) -> Array:
        """A few hops [k * 1280] to the logits [N] of the last hop at this speed that is full."""
        heard = samples if samples.any() else np.tile(self._quiet, len(samples) // STEP)
        sound = np.concatenate([self._rest, self._resampler.step(heard)])
        whole = len(sound) // STEP * STEP
        self._rest = sound[whole:]
        if whole:
            self._logits = self._detectors.follow(self._features.step(sound[:whole]))[-1]
        return self._logits


def at_speed(speed: float) -> Resampler:
    """What plays a stream so fast, to the hundredth."""
    return Resampler(round(100 * speed), 100)


def _mean(said: Array, views: Sequence[Array]) -> Array:
    """Of the logits [N] at all speeds; what is no number at another speed does not count."""
    all_of_them = np.stack([said, *(np.where(np.isfinite(view), view, said) for view in views)])
    mean: Array = all_of_them.mean(axis=0)
    return mean
