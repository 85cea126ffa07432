"""Teaching by lessons, as the hardened backbone and the rough student are taught: Adam (Kingma and Ba, 2015)
at a rate that rises and falls, and in the end a mean of the weights on the way, steadier than the last ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from synth import progress

Weights = list[dict[str, Any]]  # of each layer
FIRST_AND_LAST = 1e-5  # of the rates


def taught(
    start: Weights, loss: Callable[..., Any], lessons: Iterable[tuple[Any, ...]], *, steps: int, rate: float,
    warm_up: int, keep: Callable[[int], float], told: str, every: int,
) -> Weights:
    """`start` after so many `steps`, each by `loss(weights, *lesson)`; the mean keeps the part `keep(step)`
    of what it was. `told` names it while it goes on; the loss is said after `every` so many."""
    weights: Weights = [{k: jnp.asarray(v) for k, v in own.items()} for own in start]
    schedule = optax.warmup_cosine_decay_schedule(
        FIRST_AND_LAST, rate, warm_up, max(steps, warm_up + 1), FIRST_AND_LAST
    )
    optimiser = optax.adam(schedule)
    state, average = optimiser.init(weights), weights

    @jax.jit
    def step(weights: Weights, average: Weights, state: Any, lesson: Any, kept: float) -> Any:
        value, slope = jax.value_and_grad(loss)(weights, *lesson)
        change, state = optimiser.update(slope, state)
        weights = optax.apply_updates(weights, change)
        average = jax.tree.map(lambda a, b: kept * a + (1 - kept) * b, average, weights)
        return weights, average, state, value

    with progress.bar(told, steps) as done:
        for k, lesson in zip(range(steps), lessons, strict=False):
            weights, average, state, value = step(weights, average, state, lesson, keep(k))
            if k % every == every - 1:
                progress.say(f"  {k + 1}: {float(value):.3f}")
            done(1)
    return [{k: np.asarray(v) for k, v in own.items()} for own in average]
