"""A bundle that hears a tone of 1 kHz: made from what the backbone says of it, without any training."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bundles import make_bundle, model
from onnx import helper

from edge.backbone import CONTEXT, SIZE
from edge.events import RATE_HZ, STEP
from edge.features import Features

LAST = 4  # embeddings that the detector looks at: it hears a tone that has lasted for about 0.4 s


def tone(seconds: float = 1.0, rate_hz: int = RATE_HZ, hertz: float = 1_000.0) -> np.ndarray:
    """The word: a sine [n] at a third of full scale."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32)


def silence(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A quiet room [n]: -80 dB of noise."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * rate_hz)) * 1e-4
    return noise.astype(np.float32)


@cache
def detector() -> bytes:
    """A linear member, 1 on a steady tone and -1 in a quiet room, and one that is always at -3."""
    features = Features()
    quiet = features.step(silence(3)[: 35 * STEP])[-1, -LAST:]
    loud = features.step(tone(3)[: 35 * STEP])[-1, -LAST:]
    slope = (loud - quiet) * 2 / ((loud - quiet) ** 2).sum()
    weights = np.zeros((CONTEXT, SIZE, 2), np.float32)
    weights[-LAST:, :, 0] = slope
    bias = np.array([-1 - float((slope * quiet).sum()), -3.0], np.float32)
    nodes = [
        helper.make_node("Flatten", ["embeddings"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
    ]
    data: bytes = model(nodes, {"w": weights.reshape(-1, 2), "b": bias}).SerializeToString()
    return data


def tone_bundle(folder: Path, name: str = "tone") -> Path:
    """The bundle in `folder / name`; a margin of 0 is half way between a quiet room and the tone."""

    def change(manifest: dict[str, Any]) -> None:
        names = [("steady", 0.0), ("low", 0.0)]
        manifest["word"] = "tone"
        manifest["members"] = [{"name": n, "trained_on": "a tone", "threshold": t} for n, t in names]

    return make_bundle(folder, name=name, onnx_bytes=detector(), change=change)
