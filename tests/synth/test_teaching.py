"""Teaching by lessons: it learns what the lessons say, and gives a mean of what it was on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from synth.tools.teaching import Weights, taught


def loss(weights: Weights, heard: Any, wanted: Any) -> Any:
    """Of a line."""
    return jnp.mean((heard @ weights[0]["w"] + weights[0]["b"] - wanted) ** 2)


def lessons(seed: int, asked: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For ever: points of a line."""
    rng = np.random.default_rng(seed)
    while True:
        asked.append(len(asked))
        heard = rng.normal(size=(8, 2)).astype(np.float32)
        yield heard, heard @ np.array([3, -2], np.float32) + 1


def after(steps: int, kept: float) -> tuple[Weights, int]:
    """The weights after so many steps, and how many lessons were asked for."""
    asked: list[int] = []
    start: Weights = [{"w": np.zeros(2, np.float32), "b": np.zeros((), np.float32)}]
    found = taught(start, loss, lessons(0, asked), steps=steps, rate=0.1, warm_up=10, keep=lambda _: kept,
                   told="teaching a line", every=100)  # fmt: skip
    return found, len(asked)


def test_what_the_lessons_say_is_learned() -> None:
    """A line is found from its points, with as many lessons as steps, and the same each time."""
    (found,), asked = after(300, 0.5)
    assert np.abs(found["w"] - [3, -2]).max() < 0.05
    assert abs(found["b"] - 1) < 0.05
    assert asked == 300
    (again,), _ = after(300, 0.5)
    assert all((again[key] == found[key]).all() for key in found)


def test_the_mean_lags_behind_the_last_weights() -> None:
    """Where it keeps nothing it is the last weights, where it keeps all it is the first, and else between."""
    last, half, first = (float(after(30, kept)[0][0]["w"][0]) for kept in (0.0, 0.9, 1.0))
    assert first == 0
    assert first < half < last
