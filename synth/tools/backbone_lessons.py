"""What the hardened backbone is taught with: speech as a distant microphone hears it, beside what the
reference backbone says of the same speech, dry and in quiet. Nothing needs to be known of what is said.

All of it is of the train way: no speaker is among those that thresholds are chosen or figures reported with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.backbone import Backbone
from edge.events import RATE_HZ, STEP
from edge.frontend import FRAMES_PER_STEP, FrontEnd
from synth.acoustics import Rng, Sound, coloured, excerpt, filtered, in_room, levelled, mixed, other_speaker
from synth.packs import to_sound

STEPS = 51  # of 80 ms in one example: 4.08 s
WINDOWS = 41  # whole windows of 76 frames in it
FIRST = STEPS * FRAMES_PER_STEP - (76 + (WINDOWS - 1) * FRAMES_PER_STEP)  # frames before the first of them
SNR_DB = (-5.0, 22.0)
BABBLE_SNR_DB = (-2.0, 17.0)  # below it nobody could say whose words are meant
BABBLE = 0.55  # of the noises: it is what hides words best
CALLS = 0.3  # of the examples: quiet, a few words, quiet, as a device is called

Coded = NDArray[np.int16]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lessons:
    """Where examples are drawn from."""

    speech: Sequence[tuple[Sequence[Coded], float]]
    """bodies of speech, 16 kHz, and how often each is drawn from"""
    noise: Sequence[Sequence[Coded]]
    """bodies of music and noise, each drawn as often"""
    rooms: Sequence[Sound]
    """impulse responses"""


def coded(sound: Sound) -> Coded:
    """Half the memory; 16 bits are more than any microphone gives."""
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


def batches(lessons: Lessons, size: int, seed: int) -> Iterator[tuple[Floats, Floats, Floats]]:
    """For ever: mel frames [size, 396, 32] of spoiled speech, the embeddings [size, 41, 96] to say and how
    much each of them counts [size, 41]: little where nobody speaks."""
    rng = np.random.default_rng(seed)
    front, reference = FrontEnd(), Backbone()
    while True:
        mel = np.empty((size, STEPS * FRAMES_PER_STEP, 32), np.float32)
        wanted = np.empty((size, WINDOWS, 96), np.float32)
        counts = np.empty((size, WINDOWS), np.float32)
        for place in range(size):
            clean = _said(lessons, rng)
            front.reset()
            reference.reset()
            hiss = 1e-4 * rng.standard_normal(len(clean)).astype(np.float32)
            quiet = front.step(clean + hiss)
            wanted[place] = reference.step(quiet)[-WINDOWS:]
            counts[place] = np.minimum(1.0, 0.15 + 2 * _spoken(quiet))
            front.reset()
            mel[place] = front.step(_heard(clean, lessons, rng))
        yield mel[:, FIRST:], wanted, counts


def clean_and_heard(lessons: Lessons, rng: Rng) -> tuple[Sound, Sound]:
    """The sound of one example, dry and as a distant microphone hears it."""
    clean = _said(lessons, rng)
    return clean, _heard(clean, lessons, rng)


def _said(lessons: Lessons, rng: Rng) -> Sound:
    return (_call if rng.random() < CALLS else _speech)(lessons, rng)


def _spoken(mel: Floats) -> Floats:
    """How much of each window's later frames is louder than a quiet room [41]."""
    level = mel.mean(axis=1)
    loud = (level > level.min() + 0.35 * (level.max() - level.min())).astype(np.float32)
    ends = FIRST + 76 + np.arange(WINDOWS) * FRAMES_PER_STEP
    return np.array([loud[end - 66 : end].mean() for end in ends], np.float32)


def _call(lessons: Lessons, rng: Rng) -> Sound:
    """Quiet, then half a second to two of speech, and so on to the end."""
    length = STEPS * STEP
    pool = _body(lessons, rng)
    sound, at = np.zeros(length, np.float32), int(rng.uniform(0.6, 2.2) * RATE_HZ)
    while at < length - RATE_HZ // 2:
        clip = _cut(pool, int(rng.uniform(0.5, 1.8) * RATE_HZ), rng)
        if rng.random() < 0.6:
            clip = other_speaker(clip, float(np.exp(rng.normal(0, 0.1))))
        clip = clip[: length - at]
        sound[at : at + len(clip)] = clip * np.float32(0.3 / (np.abs(clip).max() + 1e-4))
        at += len(clip) + int(rng.uniform(0.5, 1.5) * RATE_HZ)
    return sound


def _cut(pool: Sequence[Coded], length: int, rng: Rng) -> Sound:
    """A piece of one clip, at most so long."""
    clip = pool[int(rng.integers(len(pool)))]
    start = int(rng.integers(max(1, len(clip) - length + 1)))
    return to_sound(clip[start : start + length])


def _speech(lessons: Lessons, rng: Rng) -> Sound:
    """Clips of one body in a row, by another throat more often than not: to the reference, too."""
    length = STEPS * STEP
    pool = _body(lessons, rng)
    row: list[Sound] = []
    have = 0
    while have < length:
        clip = pool[int(rng.integers(len(pool)))]
        start = int(rng.integers(max(1, len(clip) - length + 1)))
        sound = to_sound(clip[start : start + length])
        pause = np.zeros(int(rng.uniform(0.02, 0.5) * RATE_HZ), np.float32)
        row += [sound * np.float32(0.3 / (np.abs(sound).max() + 1e-4)), pause]
        have += len(sound) + len(pause)
    sound = np.concatenate(row)[:length]
    if rng.random() < 0.6:
        sound = other_speaker(sound, float(np.exp(rng.normal(0, 0.1))))[:length]
    return np.concatenate([sound, np.zeros(length - len(sound), np.float32)])


def _body(lessons: Lessons, rng: Rng) -> Sequence[Coded]:
    shares = np.array([share for _, share in lessons.speech])
    return lessons.speech[int(rng.choice(len(shares), p=shares / shares.sum()))][0]


def _heard(clean: Sound, lessons: Lessons, rng: Rng) -> Sound:
    """What a microphone makes of it: its own curve, the room, noise, gain."""
    sound = filtered(clean, rng) if rng.random() < 0.7 else clean
    if rng.random() < 0.4 and lessons.rooms:
        sound = in_room(sound, lessons.rooms[int(rng.integers(len(lessons.rooms)))])
    if rng.random() < 0.88:
        if rng.random() < BABBLE:
            sound = mixed(sound, _babble(len(sound), lessons, rng), float(rng.uniform(*BABBLE_SNR_DB)))
        else:
            sound = mixed(sound, _noise(len(sound), lessons, rng), float(rng.uniform(*SNR_DB)))
    floor = float(10 ** rng.uniform(-4.5, -2.3) * np.abs(sound).max())
    return levelled(sound + floor * rng.standard_normal(len(sound)).astype(np.float32), rng)


def _babble(length: int, lessons: Lessons, rng: Rng) -> Sound:
    """One to five people who talk on and on [n], of unit power. Half of them are drawn by
    the root of their hours: synthetic voices have few."""
    hours = np.array([sum(map(len, pool)) for pool, _ in lessons.speech]) ** 0.5
    everyone = np.zeros(length, np.float32)
    for _ in range(int(rng.integers(1 if rng.random() < 0.3 else 2, 6))):
        body = int(rng.choice(len(hours), p=hours / hours.sum()))
        pool = lessons.speech[body][0] if rng.random() < 0.5 else _body(lessons, rng)
        row: list[Sound] = []
        while sum(map(len, row)) < length:
            clip = _cut(pool, length, rng)
            row.append(clip / (np.sqrt((clip**2).mean()) + 1e-6))
        talk = np.concatenate(row)
        start = int(rng.integers(len(talk) - length + 1))
        everyone += talk[start : start + length] * rng.uniform(0.3, 1.0)
    return np.asarray(everyone / (np.sqrt((everyone**2).mean()) + 1e-6), np.float32)


def _noise(length: int, lessons: Lessons, rng: Rng) -> Sound:
    """A colour, or music and noises [n], of unit power; now and then it swells and fades."""
    if rng.random() < 0.5 or not lessons.noise:
        noise = coloured(length, ("white", "pink", "pink", "brown", "blue")[int(rng.integers(5))], rng)
    else:
        noise = _piece(lessons.noise[int(rng.integers(len(lessons.noise)))], length, rng)
    if rng.random() < 0.2:
        phase = np.linspace(0, rng.uniform(1, 20), length) + rng.uniform(0, 6)
        noise = np.asarray(noise * (1 + 0.8 * np.sin(phase)), np.float32)
    return np.asarray(noise / (np.sqrt((noise**2).mean()) + 1e-6), np.float32)


def _piece(pool: Sequence[Coded], length: int, rng: Rng) -> Sound:
    sound = to_sound(pool[int(rng.integers(len(pool)))])
    return excerpt([sound], length, rng)
