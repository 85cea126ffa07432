"""A problem that a detector learns in seconds: random embeddings, some of which hold a pattern."""

from __future__ import annotations

from functools import cache

import numpy as np

from edge.backbone import CONTEXT, SIZE
from synth.dataset import NEGATIVE, POSITIVE, Examples
from synth.draw import Member
from synth.train import KERNEL, Trained, scaling, train

CHANNELS = 8
DIRECTION = np.random.default_rng(99).normal(0, 1, SIZE) / 4


def toy(windows: int = 400, seed: int = 0) -> Examples:
    """`windows` streams of one hop; in every third a pattern stands in the last rows, in the order in which
    only the positives have it: half of the negatives have it the other way round."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(2, 3, (windows, CONTEXT, SIZE))
    kind = np.arange(windows) % 3
    pattern = np.outer([15, 15, -15, -15], DIRECTION)
    rows[kind == 0, 10:14] += pattern
    rows[kind == 1, 10:14] -= pattern
    label = np.where(kind == 0, POSITIVE, NEGATIVE).astype(np.int8)
    count = np.arange(windows, dtype=np.int32)
    table = rows.reshape(-1, SIZE).astype(np.float16)
    snr_db, natural = np.full(windows, 10, np.float32), kind != 0
    return Examples(table, count * CONTEXT, label, count, count, snr_db, natural)


def members(count: int, clips: int = 400) -> list[Member]:
    """Members that listen to every clip alike."""
    return [Member(f"m{k}", "all voices", np.ones(clips, np.float32)) for k in range(count)]


def untrained(count: int, seed: int = 0, nets: int = 1, heads: int = 1) -> Trained:
    """Random members of so many networks, with biases that are not zero, so that a lost one is noticed: sets
    of `heads` that share their networks, `count` of them."""
    rng = np.random.default_rng(seed)
    last = CONTEXT - 2 * (KERNEL - 1)
    shapes = {
        "w1": (KERNEL, SIZE, CHANNELS),
        "b1": (CHANNELS,),
        "w2": (KERNEL, CHANNELS, CHANNELS),
        "b2": (CHANNELS,),
        "w3": (heads, last, CHANNELS),
        "b3": (heads,),
    }
    seen = {name: np.prod(shape[-2:] if name == "w3" else shape[:-1]) for name, shape in shapes.items()}
    params = {
        name: rng.normal(0, (2 / max(1, seen[name])) ** 0.5, (count * nets, *shape)).astype("f4")
        for name, shape in shapes.items()
    }
    return Trained(params, *scaling(toy(60)), nets)


@cache
def learned() -> Trained:
    """Two members that have learned it."""
    return train(toy(), members(2), steps=500, batch=64, seed=0, done=lambda _count, _loss: None)
