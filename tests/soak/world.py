"""What sounds in the soak's room: a quiet hiss, now and then people who talk, a door, and the word.

Any piece of the day can be asked for, and is the same however it is cut: the reference replay and the soak
hear the same samples.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demo.stage import CLIPS
from edge.events import RATE_HZ
from edge.replay import samples_of

Samples = NDArray[np.float32]

CALLS = ("call-00.wav", "call-02.wav", "call-04.wav", "call-05.wav")
TALKS = tuple(f"talk-{k:02d}.wav" for k in range(6, 12))
APART_S = (14.0, 46.0)  # from the end of one thing to the beginning of the next
SHARES = (("word", 0.55), ("talk", 0.35), ("door", 0.1))
LOOP_S = 30.0
SECTION_S = 600.0  # the hiss changes this often
QUIET_DB, LOUD_DB = -66.0, -46.0


@dataclass
class Word:
    """A word that is said, and what became of it."""

    start_s: float
    end_s: float
    sure: bool = False
    """the reference replay hears it"""
    heard: bool = False
    spoiled: str = ""
    """the fault in which it was said, or that we spoke ourselves"""


@dataclass
class World:
    """The sound of `hours`, from a seed."""

    hours: float
    seed: int
    words: list[Word] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        clips = {name: samples_of(CLIPS / name) for name in (*CALLS, *TALKS)}
        self.length_s = self.hours * 3600
        self._hiss = _pink(round(LOOP_S * RATE_HZ), rng)
        self._things: list[tuple[int, Samples, np.float32]] = []
        time_s = float(rng.uniform(*APART_S))
        while time_s < self.length_s - 10:
            what = rng.choice([name for name, _ in SHARES], p=[share for _, share in SHARES])
            clip = _door(rng) if what == "door" else clips[rng.choice(CALLS if what == "word" else TALKS)]
            gain = np.float32(rng.uniform(0.5, 1.0))
            start = round(time_s * RATE_HZ)
            end_s = time_s + (int(np.flatnonzero(clip)[-1]) + 1) / RATE_HZ
            self._things.append((start, clip, gain))
            if what == "word":
                self.words.append(Word(time_s, end_s))
            time_s = end_s + float(rng.uniform(*APART_S))
        self._starts = [start for start, _, _ in self._things]
        sections = int(self.length_s / SECTION_S) + 2
        self._levels = np.float32(10 ** (np.where(rng.random(sections) < 0.12, LOUD_DB, QUIET_DB) / 20))

    def sound(self, start: int, length: int) -> Samples:
        """Samples [length] at 16 kHz, from the sample `start` of the day on."""
        at = start % len(self._hiss)
        hiss = self._hiss[at : at + length]
        while len(hiss) < length:
            hiss = np.concatenate([hiss, self._hiss[: length - len(hiss)]])
        out = hiss * self._levels[int(start / RATE_HZ / SECTION_S)]
        k = bisect_left(self._starts, start + length) - 1
        while k >= 0 and self._starts[k] + 8 * RATE_HZ > start:
            begin, clip, gain = self._things[k]
            low, high = max(begin, start), min(begin + len(clip), start + length)
            if low < high:
                out[low - start : high - start] += gain * clip[low - begin : high - begin]
            k -= 1
        return out


class Converter:
    """The world's 16 kHz to a device's rate, in straight lines: whoever goes back to 16 kHz takes away what
    they add above 8 kHz. Many times quicker than a true resampler, for any ratio."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._last, self._at = (
            np.float32(0),
            0.0,
        )  # the sample before, and where the next output lies behind it

    def step(self, x: Samples) -> Samples:
        """Samples [n] at 16 kHz to [m] at the device's rate."""
        if self.rate_hz == RATE_HZ:
            return x
        step = RATE_HZ / self.rate_hz
        known = np.concatenate([[self._last], x])
        count = int(np.ceil((len(x) - self._at) / step))
        places = self._at + step * np.arange(count)
        self._last, self._at = x[-1], self._at + step * count - len(x)
        return np.interp(places, np.arange(len(known)), known).astype(np.float32)


def _pink(length: int, rng: np.random.Generator) -> Samples:
    """Pink noise of unit power that can be looped."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 40))
    noise = np.fft.irfft(spectrum, length)
    return np.float32(noise / noise.std())


def _door(rng: np.random.Generator) -> Samples:
    """A bang that dies away."""
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    return np.float32(rng.standard_normal(len(time_s)) * np.exp(-time_s * 18) * 0.3)
