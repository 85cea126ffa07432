"""The network that reads one glyph: four small convolutions and a matrix, trained with JAX and optax on
pictures that are made while it trains, no two alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from edge.ink import SIDE
from synth.vision import kept
from synth.vision.spoil import Spoiling, spoiled
from synth.vision.strokes import Fields

LAYERS = ((3, 4, 32), (3, 32, 32), (1, 128, 64), (3, 64, 64))  # kernel, channels in and out
FOLDED = (0, 2)  # layers before which each square of 2 x 2 pixels becomes one with four times the channels
POOLED = (SIDE // 4 - 3) // 2 + 1  # pixels along each side before the matrix: windows of 3, two apart
AVERAGING = 0.995
SMOOTHING = 0.05  # of the labels
DROPPED = 0.3  # of the numbers before the matrix
KEEP_EVERY = 50  # steps, after which the state is kept in case the training is stopped

Params = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How a reader of glyphs is trained."""

    steps: int = 1500
    batch: int = 128
    rate: float = 2e-3
    spoiling: Spoiling = Spoiling()  # noqa: RUF009 - frozen


def start_params(classes: int, seed: int) -> Params:
    """First weights, He's normal."""
    keys = jax.random.split(jax.random.PRNGKey(seed), len(LAYERS) + 1)
    params: Params = {}
    for k, (side, fan, out) in enumerate(LAYERS):
        shape = (side, side, fan, out)
        params[f"w{k}"] = jax.random.normal(keys[k], shape) * np.sqrt(2 / (side * side * fan))
        params[f"b{k}"] = jnp.zeros((out,))
    size = POOLED * POOLED * LAYERS[-1][-1]
    params["w"] = jax.random.normal(keys[-1], (size, classes)) * np.sqrt(1 / size)
    params["b"] = jnp.zeros((classes,))
    return params


def features(params: Params, pictures: Any) -> Any:
    """Pictures [n, SIDE, SIDE], 0..1, to what the matrix sees [n, POOLED * POOLED * channels]."""
    x = pictures[..., None] * 2 - 1
    for k in range(len(LAYERS)):
        if k in FOLDED:
            n, high, wide, channels = x.shape
            x = x.reshape(n, high // 2, 2, wide // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
            x = x.reshape(n, high // 2, wide // 2, 4 * channels)
        x = jax.lax.conv_general_dilated(x, params[f"w{k}"], (1, 1), "SAME",
                                         dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + params[f"b{k}"])
    x = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "VALID") / 9
    return x.reshape(len(x), -1)


@jax.jit
def logits(params: Params, pictures: Any) -> Any:
    """Pictures [n, SIDE, SIDE], 0..1, to logits [n, classes]."""
    return features(params, pictures) @ params["w"] + params["b"]


def _loss(params: Params, key: Any, pictures: Any, labels: Any) -> Any:
    found = features(params, pictures)
    kept = jax.random.bernoulli(key, 1 - DROPPED, found.shape) / (1 - DROPPED)
    each = optax.softmax_cross_entropy(
        (found * kept) @ params["w"] + params["b"],
        optax.smooth_labels(jax.nn.one_hot(labels, params["b"].shape[0]), SMOOTHING))
    return each.mean() + 1e-5 * sum((v**2).sum() for k, v in params.items() if k.startswith("w"))


@partial(jax.jit, static_argnames=("optimiser", "how", "batch"))
def _step(carry: Any, fields: Any, chances: Any, key: Any, *, optimiser: Any, how: Spoiling,
          batch: int) -> Any:
    """One step on `batch` new pictures; `chances` [faces] of being drawn."""
    params, average, state, number = carry
    keys = jax.random.split(key, 5)
    faces, glyphs = fields.shape[:2]
    face, other = (jax.random.choice(k, faces, (batch,), p=chances) for k in keys[:2])
    label = jnp.arange(batch) % glyphs
    pictures = spoiled(keys[2], fields[face, label], fields[other, label], how)
    loss, slopes = jax.value_and_grad(_loss)(params, keys[3], pictures, label)
    updates, state = optimiser.update(slopes, state, params)
    params = optax.apply_updates(params, updates)
    old = jnp.minimum(AVERAGING, (1 + number) / (10 + number))  # the first weights are soon forgotten
    average = jax.tree.map(lambda a, p: old * a + (1 - old) * p, average, params)
    return (params, average, state, number + 1), loss


def train(fields: Fields, chances: NDArray[np.float64], recipe: Recipe, seed: int,
          done: Callable[[int], None]) -> dict[str, NDArray[np.float32]]:
    """Trains on fields [faces, glyphs, 2, GRID, GRID], each face drawn with its chance. `done(1)` after each
    step. Raises ValueError where the loss stops being a number."""
    schedule = optax.warmup_cosine_decay_schedule(1e-4, recipe.rate, min(100, recipe.steps // 10 + 1),
                                                  recipe.steps, recipe.rate / 100)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    params = start_params(fields.shape[1], seed)
    start = (params, params, optimiser.init(params), jnp.zeros(()))
    table, weights = jnp.asarray(fields, jnp.float32), jnp.asarray(chances)
    key = jax.random.PRNGKey(seed + 1)
    name = kept.key_of(fields, chances, recipe, seed, LAYERS, jax.__version__)
    first, carry = _taken_up(name, start)
    done(first)
    for step in range(first, recipe.steps):
        carry, loss = _step(carry, table, weights, jax.random.fold_in(key, step), optimiser=optimiser,
                            how=recipe.spoiling, batch=recipe.batch)
        if step % KEEP_EVERY == KEEP_EVERY - 1:
            if not np.isfinite(float(loss)):
                raise ValueError(f"the loss is no longer a number after {step} steps")
            _put_down(name, step + 1, carry)
        done(1)
    kept.forget(name)
    return {k: np.asarray(v, np.float32) for k, v in carry[1].items()}


def _put_down(name: str, step: int, carry: Any) -> None:
    leaves = jax.tree.leaves(carry)
    kept.keep(name, {"step": np.array(step), **{f"leaf{k}": np.asarray(v) for k, v in enumerate(leaves)}})


def _taken_up(name: str, start: Any) -> tuple[int, Any]:
    """The step before which a training of this name was stopped, and its state; else 0 and `start`."""
    found = kept.load(name)
    if found is None or len(found) != 1 + len(jax.tree.leaves(start)):
        return 0, start
    leaves = [jnp.asarray(found[f"leaf{k}"]) for k in range(len(found) - 1)]
    return int(found["step"]), jax.tree.unflatten(jax.tree.structure(start), leaves)


def chances_of(designs: list[str]) -> NDArray[np.float64]:
    """The chance of each face: designs count alike, and so do the faces of one."""
    share = np.array([1 / designs.count(design) for design in designs])
    found: NDArray[np.float64] = share / share.sum()
    return found
