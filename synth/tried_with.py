"""The recordings that a bundle carries, so that whoever puts it into use can try it: one of the phrase, and
one of other speech.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import load_bundle
from edge.events import RATE_HZ
from edge.listener import Listener
from edge.replay import samples_of
from edge.wav import write_wav
from synth.acoustics import Sound
from synth.evaluate import staged

COUNTER_ROOM = 1.0  # logits: another machine must not hear it for the rounding of a number


def add_recordings(
    folder: Path, manifest: dict[str, Any], said: Sequence[Sound], other: Sequence[Sound], seed: int
) -> list[str]:
    """Writes what the bundle in `folder` can be tried with, tells `manifest` of it, and gives the names of
    the files: golden.wav is of the clips `said` [n] of the phrase the one that it hears best, counter.wav of
    `other` speech the one that is most like the phrase to it, yet clearly below its thresholds."""
    heard = [_margin(folder, clip, seed) for clip in said]
    best = int(np.argmax(heard))
    manifest["golden"] = _keep(folder, "golden.wav", said[best], seed)
    names = ["golden.wav"]
    margins = [_margin(folder, clip, seed) for clip in other]
    if below := [margin for margin in margins if margin < -COUNTER_ROOM]:
        nearest = other[margins.index(max(below))]
        manifest["counter"] = _keep(folder, "counter.wav", nearest, seed)
        names.append("counter.wav")
    return names


def _keep(folder: Path, name: str, clip: Sound, seed: int) -> dict[str, Any]:
    """The clip, staged, to a file; what the manifest says of it."""
    margin = _margin(folder, clip, seed)
    write_wav(folder / name, _staged(clip, seed), RATE_HZ)
    return {"file": name, "heard": margin >= 0, "margin": round(margin, 3)}


def _margin(folder: Path, clip: Sound, seed: int) -> float:
    """The largest margin of the bundle in `folder` over a clip, staged and written as a recording is."""
    with tempfile.TemporaryDirectory(prefix="heychip-") as work:
        write_wav(Path(work, "clip.wav"), _staged(clip, seed), RATE_HZ)
        listener = Listener([load_bundle(folder)])
        listener.step(samples_of(Path(work, "clip.wav")))
    return float(max(listener.margins))


def _staged(clip: Sound, seed: int) -> Sound:
    return staged(clip, None, 0.0, (), np.random.default_rng(seed))
