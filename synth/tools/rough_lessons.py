"""What the rough student is taught with: mel frames of spoiled and of quiet speech, of calls and of noise,
each with what the hardened backbone says of the very same frames. Nothing needs to be known of what is
said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, Backbone
from edge.events import STEP
from edge.frontend import FRAMES_PER_STEP, FrontEnd
from synth import progress
from synth.acoustics import Rng, Sound, levelled
from synth.tools.backbone_lessons import FIRST, STEPS, WINDOWS, Lessons, clean_and_heard

QUIET = 0.3  # of the examples: speech as it is, over a faint hiss
FAINT = 0.2  # of the examples: from far away, 30 dB fainter at most, in the 16 bits that there are
FRAMES = STEPS * FRAMES_PER_STEP - FIRST

Halves = NDArray[np.float16]


def pairs(lessons: Lessons, count: int, seed: int) -> tuple[Halves, Halves]:
    """Mel frames [count, 396, 32] and what the hardened backbone says of them [count, 41, 96]."""
    rng = np.random.default_rng(seed)
    front, teacher = FrontEnd(), Backbone(HARDENED)
    mel = np.empty((count, FRAMES, 32), np.float16)
    said = np.empty((count, WINDOWS, 96), np.float16)
    with progress.bar("listening to the teacher", count) as done:
        for place in range(count):
            front.reset()
            teacher.reset()
            frames = front.step(_sound(lessons, rng))
            mel[place], said[place] = frames[FIRST:], teacher.step(frames)[-WINDOWS:]
            done(1)
    return mel, said


def _sound(lessons: Lessons, rng: Rng) -> Sound:
    clean, sound = clean_and_heard(lessons, rng)
    if rng.random() < QUIET:
        hiss = 10 ** rng.uniform(-5, -3) * rng.standard_normal(STEPS * STEP).astype(np.float32)
        sound = levelled(clean + np.float32(np.abs(clean).max() + 0.01) * hiss, rng)
    if rng.random() < FAINT:
        sound = sound * np.float32(10 ** (rng.uniform(-30, 0) / 20))
        sound = np.asarray(np.round(sound * 32768) / 32768, np.float32)
    return sound
