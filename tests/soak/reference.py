"""What the bundle hears in the day's sound when nothing goes wrong: what the soak is measured against."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from edge.bundle import load_bundle
from edge.events import RATE_HZ, STEP
from edge.lazy import LazyListener
from edge.listener import Listener
from tests.soak.world import Word, World

LATE_S = 0.9  # after the end of a word: what is heard until then is that word
BEFORE_S, AFTER_S = 2.56, 0.8
SHIFTS = (0, STEP // 2)  # where the hops lie on a word is chance, and changes its score
SURE = 1.0  # a logit by which a word has to pass wherever they lie, to be asked for in the soak


@dataclass(frozen=True)
class Reference:
    """The outcome; what is expected of each word stands in the world's list."""

    heard: int
    """words that were heard"""
    sure: int
    """words that are heard wherever the hops lie"""
    unsaid: tuple[float, ...]
    """times in s at which something was heard that was not said"""


def listen(world: World, bundle: str = "hey_chip") -> Reference:
    """Replays the whole day, and each word by itself; fills in `sure` of each word. Raises ModelError."""
    loaded = load_bundle(bundle)
    listener = LazyListener(Listener([loaded]))
    unsaid, heard, block = [], set[float](), 125 * STEP
    for start in range(0, round(world.length_s * RATE_HZ), block):
        for event in listener.step(world.sound(start, block)):
            word = word_at(world, event.time_s)
            if word is None:
                unsaid.append(event.time_s)
            else:
                heard.add(word.start_s)
    plain = Listener([loaded])
    for word in world.words:
        word.sure = word.start_s in heard and all(_peak(plain, world, word, n) >= SURE for n in SHIFTS)
    return Reference(len(heard), sum(word.sure for word in world.words), tuple(unsaid))


def _peak(listener: Listener, world: World, word: Word, shift: int) -> float:
    """The largest margin at a word, as a logit, its hops shifted by so many samples."""
    start = max(0, round((word.start_s - BEFORE_S) * RATE_HZ)) + shift
    hops = int((word.end_s + AFTER_S - word.start_s + BEFORE_S) * RATE_HZ) // STEP
    listener.reset()
    listener.step(world.sound(start, hops * STEP))
    return float(np.max(listener.margins))


def word_at(world: World, time_s: float, late_s: float = LATE_S) -> Word | None:
    """The word that was said just before this time of the day."""
    k = bisect_right(world.words, time_s, key=lambda word: word.start_s) - 1
    found = world.words[k] if k >= 0 else None
    return found if found and time_s <= found.end_s + late_s else None
