"""The speeds at which what comes near the word is heard once more (`edge.second_look`), in the making.

Thresholds are found on what the daemon will decide on, so the streams of the choose way are heard at every
speed, and their logits averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.events import STEP
from edge.features import Features
from edge.second_look import at_speed
from synth.acoustics import Sound

SPEEDS = (0.88, 1.12)  # of those beside 1 that a bundle is listened to with


def rows_of(
    features: Features, sound: Sound, speed: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The embeddings [R, 96] of a whole stream [n * 1280] at a speed, started on a quiet room; and of each of
    its hops [H] the first of the 16 rows that are known when it is full."""
    hops = len(sound) // STEP
    played, full = _played(sound, speed)
    features.reset()
    windows = features.step(played)
    rows = np.concatenate([windows[0], windows[1:, -1]]) if len(windows) else np.zeros((0, 96), np.float32)
    first = np.arange(hops) if speed == 1 else np.maximum(full - 1, 0)
    return rows, first.astype(np.int32)


def _played(sound: Sound, speed: float) -> tuple[Sound, NDArray[np.int64]]:
    """The sound at a speed, in whole hops, and how many of these are full when each hop of it is [H]."""
    if speed == 1:
        return sound, np.arange(len(sound) // STEP) + 1
    resampler = at_speed(speed)
    pieces = [resampler.step(hop) for hop in sound.reshape(-1, STEP)]
    full = np.cumsum([len(piece) for piece in pieces]) // STEP
    whole = np.concatenate([*pieces, np.zeros(STEP, np.float32)])  # at least one hop, for a short stream
    return whole[: max(1, full[-1]) * STEP] if len(full) else sound, full
