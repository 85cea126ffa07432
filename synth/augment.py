"""Spoiling: a clean clip becomes a scene, the way a microphone across a room would have heard it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.events import RATE_HZ
from synth.acoustics import (
    COLOURS,
    Rng,
    Sound,
    babble,
    coloured,
    excerpt,
    filtered,
    in_room,
    levelled,
    mixed,
    other_speaker,
    telephone,
)

LEAD_S = (0.9, 2.0)  # what is heard before the phrase
TAIL_S = 0.5  # and after it
SNR_DB = (-3.0, 25.0)
THROATS = 0.12  # those of many people


@dataclass(frozen=True)
class Scenery:
    """What clips are put into; each of the three ways of the data has its own."""

    rooms: Sequence[Sound]
    """impulse responses"""
    talk: Sequence[Sound]
    """speech that is not the phrase: what is said before and after it, and babble"""
    noise: Sequence[Sound] = field(default_factory=tuple)
    """real background and music, where there is any"""
    throats: float = THROATS
    """how far apart the throats are that a clip is given: the deviation of its speed's logarithm"""


@dataclass(frozen=True)
class Scene:
    """A spoiled clip."""

    sound: Sound
    """[n], 16 kHz"""
    start_s: float
    """where the clip begins"""
    end_s: float
    """where it ends"""
    snr_db: float
    """signal-to-noise ratio, infinite where nothing was mixed in"""


def scene(clip: Sound, scenery: Scenery, rng: Rng) -> Scene:
    """`clip` [n] after something and before something, by another throat, in a room, under noise."""
    if rng.random() < 0.7:
        clip = other_speaker(clip, float(np.exp(rng.normal(0, scenery.throats))))
    lead, tail = int(rng.uniform(*LEAD_S) * RATE_HZ), int(TAIL_S * RATE_HZ)
    sound = np.zeros(lead + len(clip) + tail, np.float32)
    sound[lead : lead + len(clip)] = clip
    if scenery.talk and rng.random() < 0.35:
        sound += _surroundings(len(sound), lead, len(clip), scenery, rng) * float(np.abs(clip).max() + 1e-6)
    if rng.random() < 0.8:
        sound = filtered(sound, rng)
    if scenery.rooms and rng.random() < 0.55:
        sound = in_room(sound, scenery.rooms[int(rng.integers(len(scenery.rooms)))])
    snr_db = float("inf")
    if rng.random() < 0.7:
        snr_db = float(rng.uniform(*SNR_DB))
        sound = mixed(sound, background(len(sound), scenery, rng), snr_db)
    if rng.random() < 0.05:
        sound = telephone(sound)
    floor = coloured(len(sound), "white", rng) * float(10 ** rng.uniform(-4.5, -2.3) * np.abs(sound).max())
    return Scene(levelled(sound + floor, rng), lead / RATE_HZ, (lead + len(clip)) / RATE_HZ, snr_db)


def background(n: int, scenery: Scenery, rng: Rng) -> Sound:
    """Noise [n] of unit power: a colour, voices, or a piece of the real background."""
    kinds = ["colour", *(["babble"] * 2 if scenery.talk else []), *(["real"] if scenery.noise else [])]
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "babble":
        return babble(scenery.talk, n, rng)
    if kind == "real":
        return excerpt(scenery.noise, n, rng)
    return coloured(n, list(COLOURS)[int(rng.integers(len(COLOURS)))], rng)


def _surroundings(n: int, start: int, length: int, scenery: Scenery, rng: Rng) -> Sound:
    """Speech [n] of peak about 1 that leaves a hole for the phrase: people talk, then they call."""
    talk = excerpt(scenery.talk, n, rng)
    talk *= rng.uniform(0.2, 1.0) / (np.abs(talk).max() + 1e-6)
    gap = int(rng.uniform(0.03, 0.4) * RATE_HZ)
    talk[max(0, start - gap) : start + length + gap] = 0
    if rng.random() < 0.5:  # nobody goes on after the phrase: they wait for the answer
        talk[start:] = 0
    return talk.astype(np.float32)


def spoiled(sound: Sound, scenery: Scenery, rng: Rng) -> Sound:
    """A longer recording [n] with everything but the surroundings: for negatives, which are streams."""
    if rng.random() < 0.7:
        sound = other_speaker(sound, float(np.exp(rng.normal(0, 0.12))))
    sound = filtered(sound, rng)
    if scenery.rooms and rng.random() < 0.55:
        sound = in_room(sound, scenery.rooms[int(rng.integers(len(scenery.rooms)))])
    if rng.random() < 0.85:
        sound = mixed(sound, background(len(sound), scenery, rng), float(rng.uniform(*SNR_DB)))
    return levelled(sound, rng)
