"""Training: all members of the ensemble in one go, on frozen embeddings, with JAX and optax.

A member is a small network that keeps time: two convolutions over the 16 embeddings and a linear layer that
sees what was where. The members share every batch and differ in their first weights and in whom they listen
to most. Negatives are mined: every round the hops that the members took for the phrase are shown more often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from edge.backbone import CONTEXT, SIZE
from synth.dataset import NEGATIVE, POSITIVE, Examples

CHANNELS = 32
KERNEL = 3
ROUND = 250  # steps between two minings
POSITIVE_SHARE = 0.25
HARD_SHARE = 0.2  # of the negatives of a batch, once there are any mined
MASKED = 0.5  # of the channels of an example; with few voices this keeps it from learning them by heart
FINAL_NEGATIVE_WEIGHT = 1.0
AVERAGING = 0.995

Params = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """One detector of the ensemble, before training."""

    name: str
    trained_on: str
    weights: NDArray[np.float32]
    """[clips], how much each clip of the phrase counts for this member"""


@dataclass(frozen=True)
class Trained:
    """The weights of all members; `mean` and `scale` [96] are applied to the embeddings first."""

    params: dict[str, NDArray[np.float32]]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def recipe() -> tuple[float, ...]:
    """Everything in this room that decides what comes out, for the name under which weights are kept; the
    first counts up when the code changes."""
    return (1, CHANNELS, KERNEL, ROUND, POSITIVE_SHARE, HARD_SHARE, MASKED, FINAL_NEGATIVE_WEIGHT, AVERAGING)


def start_params(members: int, seed: int) -> Params:
    """First weights, He's normal; the leading axis of everything is the member."""
    keys = jax.random.split(jax.random.PRNGKey(seed), 3)
    last = CONTEXT - 2 * (KERNEL - 1)

    def normal(key: Any, *shape: int, fan_in: int) -> Any:
        return jax.random.normal(key, (members, *shape)) * np.sqrt(2 / fan_in)

    return {
        "w1": normal(keys[0], KERNEL, SIZE, CHANNELS, fan_in=KERNEL * SIZE),
        "b1": jnp.zeros((members, CHANNELS)),
        "w2": normal(keys[1], KERNEL, CHANNELS, CHANNELS, fan_in=KERNEL * CHANNELS),
        "b2": jnp.zeros((members, CHANNELS)),
        "w3": normal(keys[2], last, CHANNELS, fan_in=2 * last * CHANNELS),
        "b3": jnp.full((members,), -2.0),
    }


def _over_time(x: Any, w: Any, b: Any) -> Any:
    """A valid convolution over the second last axis: x [..., T, I], w [K, I, O] to [..., T - K + 1, O]."""
    kernel, length = w.shape[0], x.shape[-2] - w.shape[0] + 1
    return jax.nn.relu(sum(x[..., k : k + length, :] @ w[k] for k in range(kernel)) + b)


def member_logits(p: Params, x: Any) -> Any:
    """One member: windows x [B, 16, 96], scaled, to logits [B]."""
    hidden = _over_time(_over_time(x, p["w1"], p["b1"]), p["w2"], p["b2"])
    return jnp.einsum("btc,tc->b", hidden, p["w3"]) + p["b3"]


@jax.jit
def row_logits(params: Params, rows: Any) -> Any:
    """All members on a table of scaled rows [R, 96]: logits [N, R - 15] of the windows that start at each."""

    def one(p: Params) -> Any:
        hidden = _over_time(_over_time(rows, p["w1"], p["b1"]), p["w2"], p["b2"])
        last = p["w3"].shape[0]
        length = hidden.shape[0] - last + 1
        return sum(hidden[t : t + length] @ p["w3"][t] for t in range(last)) + p["b3"]

    return jax.vmap(one)(params)


def _loss(params: Params, x: Any, y: Any, weight: Any, penalty: Any) -> Any:
    """Cross entropy, summed over the members; x [B, 16, 96], y [B], weight [N, B]."""
    logits = jax.vmap(member_logits, in_axes=(0, None))(params, x)
    each = optax.sigmoid_binary_cross_entropy(logits, y[None]) * weight
    return (each.sum(axis=1) / weight.sum(axis=1)).sum() + 1e-5 * penalty * sum(
        (params[k] ** 2).sum() for k in ("w1", "w2", "w3"))


@partial(jax.jit, static_argnames=("optimiser",))
def _round(
    params: Params, average: Params, state: Any, rows: Any, batch: dict[str, Any], *, key: Any,
    optimiser: Any,
) -> tuple[Params, Params, Any, Any]:
    """A round of steps; `batch` holds, for every step, first rows, labels and weights."""

    def step(carry: Any, item: dict[str, Any]) -> Any:
        params, average, state, key = carry
        key, mask_key, row_key = jax.random.split(key, 3)
        x = rows[item["first"][:, None] + jnp.arange(CONTEXT)].astype(jnp.float32)
        keep = jax.random.bernoulli(mask_key, 1 - MASKED, (x.shape[0], 1, SIZE))
        keep_time = jax.random.bernoulli(row_key, 1 - MASKED / 2, (x.shape[0], CONTEXT, 1))
        loss, grads = jax.value_and_grad(_loss)(params, x * keep * keep_time, item["y"], item["weight"], 1.0)
        updates, state = optimiser.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda a, p: AVERAGING * a + (1 - AVERAGING) * p, average, params)
        return (params, average, state, key), loss

    (params, average, state, _), losses = jax.lax.scan(step, (params, average, state, key), batch)
    return params, average, state, losses.mean()


def scaling(examples: Examples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and one over the deviation [96] of the embeddings."""
    rows = examples.rows[:: max(1, len(examples.rows) // 50_000)].astype(np.float32)
    return rows.mean(axis=0), 1 / (rows.std(axis=0) + 1e-3)


def train(
    examples: Examples, members: Sequence[Member], *, steps: int, batch: int, seed: int,
    done: Callable[[int, float], None],
) -> Trained:
    """Trains all `members`. `done(steps, loss)` is called after each round. Raises ValueError where one of
    the classes is empty or the loss stops being a number."""
    mean, scale = scaling(examples)
    rows = jnp.asarray(((examples.rows.astype(np.float32) - mean) * scale).astype(np.float16))
    positives, negatives = (np.flatnonzero(examples.label == kind) for kind in (POSITIVE, NEGATIVE))
    if not len(positives) or not len(negatives):
        raise ValueError(f"{len(positives)} positive and {len(negatives)} negative examples: both are needed")
    rng = np.random.default_rng(seed)
    schedule = optax.warmup_cosine_decay_schedule(1e-4, 2e-3, min(200, steps // 10 + 1), steps, 2e-5)
    optimiser = optax.adam(schedule)
    params = start_params(len(members), seed)
    average, state = params, optimiser.init(params)
    hard = negatives
    for start in range(0, steps, ROUND):
        count = min(ROUND, steps - start)
        ramp = FINAL_NEGATIVE_WEIGHT ** min(1.0, start / (0.7 * steps))
        items = _batches(examples, members, positives, negatives, hard,
                         count=count, batch=batch, negative_weight=ramp, rng=rng)
        params, average, state, loss = _round(params, average, state, rows, items,
                                              key=jax.random.PRNGKey(start + seed), optimiser=optimiser)
        if not np.isfinite(float(loss)):
            raise ValueError(f"the loss is no longer a number after {start + count} steps")
        hard = mine(average, rows, examples, negatives)
        done(count, float(loss))
    return Trained({k: np.asarray(v, np.float32) for k, v in average.items()}, mean, scale)


def _batches(
    examples: Examples, members: Sequence[Member], positives: NDArray[np.int64], negatives: NDArray[np.int64],
    hard: NDArray[np.int64], *, count: int, batch: int, negative_weight: float, rng: np.random.Generator,
) -> dict[str, Any]:
    """What `count` steps look at: indices drawn with replacement, a fixed share of each kind."""
    few = int(batch * POSITIVE_SHARE)
    mined = int((batch - few) * HARD_SHARE)
    picked = np.concatenate([
        rng.choice(positives, (count, few)),
        rng.choice(hard, (count, mined)),
        rng.choice(negatives, (count, batch - few - mined)),
    ], axis=1)
    y = (examples.label[picked] == POSITIVE).astype(np.float32)
    clips = np.maximum(examples.clip[picked], 0)
    weight = np.stack([
        np.where(y > 0, m.weights[np.minimum(clips, len(m.weights) - 1)], negative_weight) for m in members
    ], axis=1).astype(np.float32)
    return {"first": jnp.asarray(examples.first[picked]), "y": jnp.asarray(y), "weight": jnp.asarray(weight)}


def mine(params: Params, rows: Any, examples: Examples, negatives: NDArray[np.int64]) -> NDArray[np.int64]:
    """The hardest fiftieth of the negatives, by the member that is most wrong."""
    worst = np.asarray(row_logits(params, rows.astype(jnp.float32)).max(axis=0))
    score = worst[examples.first[negatives]]
    count = max(1, len(negatives) // 50)
    return negatives[np.argpartition(score, -count)[-count:]]


def logits_of(trained: Trained, examples: Examples) -> NDArray[np.float32]:
    """Logits [H, N] of every hop."""
    rows = (examples.rows.astype(np.float32) - trained.mean) * trained.scale
    found = np.asarray(row_logits({k: jnp.asarray(v) for k, v in trained.params.items()}, jnp.asarray(rows)))
    return np.ascontiguousarray(found[:, examples.first].T)
