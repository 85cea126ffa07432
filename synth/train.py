"""Training: all members of the ensemble in one go, on frozen embeddings, with JAX and optax.

A network is small and keeps time: two convolutions over the 16 embeddings and a linear layer that sees what
was where. A member is the mean of a few of them: synthetic voices leave open what real ones will sound like,
and each network guesses differently. All share every batch and differ in their first weights. Negatives are
mined: every round the hops that the members took for the phrase are shown more often.

Members are apart, each with networks of its own; or they share the convolutions, the trunk, and each has only
a linear layer of its own, the head, in every network. Then hundreds cost about what one does, to train as to
run, and a voice that said the phrase twice need not teach a trunk alone what a phrase is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from edge.backbone import CONTEXT, SIZE
from synth.dataset import Examples
from synth.draw import Draw, Member, Recipe

KERNEL = 3
AVERAGING = 0.995
PIECE = 65_536  # windows that are scored at once
VERSION = 4  # counts up when the code of this room changes what comes out

Params = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """The weights of all networks; `mean` and `scale` [96] are applied to the embeddings first."""

    params: dict[str, NDArray[np.float32]]
    """the leading axis is the network, those of a member in a row; the second of `w3` and `b3` is the head"""
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    nets: int = 1
    """networks whose mean is a member"""

    @property
    def heads(self) -> int:
        """Members that share their networks, each with a last layer of its own."""
        return int(self.params["b3"].shape[1])

    @property
    def groups(self) -> int:
        """Sets of networks, each of which has so many heads."""
        return len(self.params["b3"]) // self.nets

    @property
    def members(self) -> int:
        """All of them, those of a group in a row."""
        return self.groups * self.heads


def start_params(nets: int, seed: int, channels: int, heads: int = 1) -> Params:
    """First weights, He's normal; the leading axis of everything is the network, then comes the head."""
    keys = jax.random.split(jax.random.PRNGKey(seed), 3)
    last = CONTEXT - 2 * (KERNEL - 1)

    def normal(key: Any, *shape: int, fan_in: int) -> Any:
        return jax.random.normal(key, (nets, *shape)) * np.sqrt(2 / fan_in)

    return {
        "w1": normal(keys[0], KERNEL, SIZE, channels, fan_in=KERNEL * SIZE),
        "b1": jnp.zeros((nets, channels)),
        "w2": normal(keys[1], KERNEL, channels, channels, fan_in=KERNEL * channels),
        "b2": jnp.zeros((nets, channels)),
        "w3": normal(keys[2], heads, last, channels, fan_in=2 * last * channels),
        "b3": jnp.full((nets, heads), -2.0),
    }


def _over_time(x: Any, w: Any, b: Any) -> Any:
    """A valid convolution over the second last axis: x [..., T, I], w [K, I, O] to [..., T - K + 1, O]."""
    kernel, length = w.shape[0], x.shape[-2] - w.shape[0] + 1
    return jax.nn.relu(sum(x[..., k : k + length, :] @ w[k] for k in range(kernel)) + b)


def net_logits(p: Params, x: Any) -> Any:
    """One network: windows x [B, 16, 96], scaled, to logits [heads, B]."""
    hidden = _over_time(_over_time(x, p["w1"], p["b1"]), p["w2"], p["b2"])
    return jnp.einsum("btc,htc->hb", hidden, p["w3"]) + p["b3"][:, None]


@jax.jit
def row_logits(params: Params, rows: Any) -> Any:
    """All networks on a table of scaled rows [R, 96]: logits [N, heads, R - 15] of the windows that start
    there."""

    def one(p: Params) -> Any:
        hidden = _over_time(_over_time(rows, p["w1"], p["b1"]), p["w2"], p["b2"])
        last = p["w3"].shape[1]
        length = hidden.shape[0] - last + 1
        return sum(p["w3"][:, t] @ hidden[t : t + length].T for t in range(last)) + p["b3"][:, None]

    return jax.vmap(one)(params)


def members_of(logits: Any, nets: int) -> Any:
    """Logits [networks, heads, K] to those of the members [N, K], each the mean of `nets` networks."""
    heads, count = logits.shape[1:]
    return logits.reshape(-1, nets, heads, count).mean(axis=1).reshape(-1, count)


def scored(params: Params, rows: Any, nets: int = 1, *, each: bool = True) -> NDArray[np.float32]:
    """The logits [N, R - 15] of the members, each the mean of `nets` networks, a piece at a time: what is
    between the layers is larger than the table. With `each` off it is [1, R - 15], the highest of them."""
    count = len(rows) - CONTEXT + 1
    found = []
    for start in range(0, count, PIECE):
        piece = rows[start : start + PIECE + CONTEXT - 1]
        short = PIECE + CONTEXT - 1 - len(piece)
        if short and start:  # of the same shape as the others, so that nothing is compiled twice
            piece = jnp.pad(jnp.asarray(piece), ((0, short), (0, 0)))
        logits = np.asarray(row_logits(params, jnp.asarray(piece, jnp.float32)))
        logits = members_of(logits[..., : count - start], nets)
        found.append(logits if each else logits.max(axis=0, keepdims=True))
    return np.concatenate(found, axis=1)


def _loss(params: Params, x: Any, y: Any, weight: Any, step: float) -> Any:
    """Cross entropy, summed over all heads of all networks; x [B, 16, 96], y [B], weight [N, B] of the
    members. A network learns alone and not as part of a mean, or the networks of a member would lean on each
    other."""
    heads = params["b3"].shape[1]
    weight = weight.reshape(-1, 1, heads, weight.shape[1])

    def error(x: Any) -> Any:
        logits = jax.vmap(net_logits, in_axes=(0, None))(params, x)
        logits = logits.reshape(len(weight), -1, heads, x.shape[0])
        each = optax.sigmoid_binary_cross_entropy(logits, y) * weight
        return (each.sum(axis=-1) / weight.sum(axis=-1)).sum()

    found = error(x)
    if step:
        worse = x + step * jnp.sign(jax.lax.stop_gradient(jax.grad(error)(x)))
        found = (found + error(worse)) / 2
    return found + 1e-5 * sum((params[k] ** 2).sum() for k in ("w1", "w2", "w3"))


@partial(jax.jit, static_argnames=("optimiser", "recipe"))
def _round(
    params: Params, average: Params, state: Any, rows: Any, batch: dict[str, Any], *, key: Any,
    optimiser: Any, recipe: Recipe,
) -> tuple[Params, Params, Any, Any]:
    """A round of steps; `batch` holds, for every step, first rows, labels and weights."""

    def step(carry: Any, item: dict[str, Any]) -> Any:
        params, average, state, key = carry
        key, mask_key, row_key = jax.random.split(key, 3)
        x = rows[item["first"][:, None] + jnp.arange(CONTEXT)].astype(jnp.float32)
        keep = jax.random.bernoulli(mask_key, 1 - recipe.masked, (x.shape[0], 1, SIZE))
        keep_time = jax.random.bernoulli(row_key, 1 - recipe.masked / 2, (x.shape[0], CONTEXT, 1))
        loss, grads = jax.value_and_grad(_loss)(
            params, x * keep * keep_time, item["y"], item["weight"], recipe.adversarial)
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


def _scaled(rows: NDArray[Any], mean: Any, scale: Any, kind: type[np.floating[Any]]) -> NDArray[Any]:
    """Rows [R, 96] less their mean and over their deviation, a piece at a time: they may fill the memory."""
    out = np.empty(rows.shape, kind)
    for start in range(0, len(rows), PIECE):
        piece = slice(start, start + PIECE)
        out[piece] = (rows[piece].astype(np.float32) - mean) * scale
    return out


def train(
    examples: Examples, members: Sequence[Member], *, steps: int, batch: int, seed: int,
    done: Callable[[int, float], None], nets: int = 1, shared: bool = False, recipe: Recipe | None = None,
) -> Trained:
    """Trains all `members`, each of so many networks; where these are `shared`, there are no more than that.
    `done(steps, loss)` is called after each round. Raises ValueError where one of the classes is empty or the
    loss stops being a number."""
    recipe = recipe or Recipe()
    mean, scale = scaling(examples)
    rows = jnp.asarray(_scaled(examples.rows, mean, scale, np.float16))
    draw = Draw(examples, members, recipe, batch=batch, seed=seed)
    schedule = optax.warmup_cosine_decay_schedule(1e-4, 2e-3, min(200, steps // 10 + 1), steps, 2e-5)
    optimiser = optax.adam(schedule)
    groups, heads = (1, len(members)) if shared else (len(members), 1)
    params = start_params(groups * nets, seed, recipe.channels, heads)
    average, state = params, optimiser.init(params)
    for start in range(0, steps, recipe.round):
        count = min(recipe.round, steps - start)
        items = draw.batches(count, recipe.negative_weight ** min(1.0, start / (0.7 * steps)))
        params, average, state, loss = _round(params, average, state, rows, items, recipe=recipe,
                                              key=jax.random.PRNGKey(start + seed), optimiser=optimiser)
        if not np.isfinite(float(loss)):
            raise ValueError(f"the loss is no longer a number after {start + count} steps")
        if start + count < steps:
            each = recipe.boost > 0 and len(members) > 1
            draw.mine(scored(average, rows, nets, each=each)[:, examples.first])
        done(count, float(loss))
    return Trained({k: np.asarray(v, np.float32) for k, v in average.items()}, mean, scale, nets)


def only(trained: Trained, members: Sequence[int]) -> Trained:
    """These members alone: whole groups or, where there is but one group, its heads, and of its networks
    those that any of them hears."""
    if trained.groups == 1:
        w3, b3 = (trained.params[key][:, list(members)] for key in ("w3", "b3"))
        heard = np.flatnonzero(w3.any(axis=(1, 2, 3)))
        params = {key: value[heard] for key, value in trained.params.items()}
        params |= {"w3": w3[heard] * np.float32(len(heard) / trained.nets),
                   "b3": np.repeat(b3.mean(axis=0, keepdims=True), len(heard), axis=0)}
        return replace(trained, params=params, nets=len(heard))
    places = [member * trained.nets + k for member in members for k in range(trained.nets)]
    return replace(trained, params={key: value[places] for key, value in trained.params.items()})


def merged(trained: Trained) -> Trained:
    """One member, the mean of all networks."""
    return replace(trained, nets=len(trained.params["b3"]))


def logits_of(trained: Trained, examples: Examples) -> NDArray[np.float32]:
    """Logits [H, N] of every hop."""
    rows = _scaled(examples.rows, trained.mean, trained.scale, np.float32)
    found = scored({k: jnp.asarray(v) for k, v in trained.params.items()}, rows, trained.nets)
    return np.ascontiguousarray(found[:, examples.first].T)


def looked(trained: Trained, heard: Sequence[Examples]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits [H, N] of the first of these, which are the same hops at several speeds, and the mean over all
    of them: what the daemon decides on near a threshold."""
    plain = logits_of(trained, heard[0])
    return plain, sum((logits_of(trained, one) for one in heard[1:]), plain) / np.float32(len(heard))
