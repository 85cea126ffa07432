"""The small head: from a picture's features to the classes of a folder, and to "unknown".

Features are centred and brought to length one, so that a picture of anything else lies between the classes
and not far out behind one of them; then one matrix (softmax regression, JAX and optax). "Unknown" is one more
class whose logit is a number: it wins where no class is as sure as the classes usually are. That is the
energy of Liu et al. 2020 (https://arxiv.org/abs/2010.03759) as an output of the network itself; and it grows
with the distance to the nearest picture that was taught (Sun et al. 2022, https://arxiv.org/abs/2204.06507).
Where there is a folder of examples of it, it has weights besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from synth.vision.features import Rows

DECAYS = (1e-4, 1e-3, 1e-2)  # that are tried
STEPS = 300
MOST_NEAR = 1000  # pictures that the nearest is sought among; each is 5 kB in the file
KEPT = 0.95  # of the known pictures of `choose` that "unknown" leaves alone
SHARPNESS = tuple(float(s) for s in np.geomspace(0.3, 3, 25))

Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Head:
    """A matrix on centred features of length one."""

    mean: Rows
    """[1280]"""
    weights: Rows
    """[1280, classes]; the last column is "unknown" """
    bias: Rows
    """[classes]"""
    near: Rows | None = None
    """[pictures, 1280]: pictures of the classes, centred and of length one"""
    pull: float = 0.0
    """what their nearest takes from the logit of "unknown", times its cosine"""

    def unit(self, features: Rows) -> Rows:
        """Features [n, 1280], centred and of length one."""
        centred = features - self.mean
        found: Rows = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        return found

    def nearest(self, features: Rows) -> Rows:
        """[n]: the cosine to the nearest picture of the classes; 0 where there are none."""
        if self.near is None:
            return np.zeros(len(features), np.float32)
        found: Rows = (self.unit(features) @ self.near.T).max(axis=1)
        return found

    def logits(self, features: Rows) -> Rows:
        """[n, 1280] to [n, classes]."""
        found: Rows = self.unit(features) @ self.weights + self.bias
        found[:, -1] -= np.float32(self.pull) * self.nearest(features)
        return found

    def probabilities(self, features: Rows) -> Rows:
        """[n, 1280] to [n, classes]."""
        return softmax(self.logits(features))


def softmax(logits: Rows) -> Rows:
    """Along the last axis."""
    out = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Rows = out / out.sum(axis=-1, keepdims=True)
    return found


@partial(jax.jit, static_argnames=("classes",))
def _fit(x: Any, y: Any, weight: Any, decay: Any, classes: int) -> tuple[Any, Any]:
    """Softmax regression on rows x [n, 1280]: weights and biases."""

    def loss(p: Any) -> Any:
        each = optax.softmax_cross_entropy_with_integer_labels(x @ p[0] * 10 + p[1], y)
        return (each * weight).sum() / weight.sum() + decay * (p[0] ** 2).sum()

    optimiser = optax.adam(optax.cosine_decay_schedule(0.1, STEPS))
    start = (jnp.zeros((x.shape[1], classes)), jnp.zeros((classes,)))

    def step(carry: Any, _: Any) -> Any:
        p, state = carry
        updates, state = optimiser.update(jax.grad(loss)(p), state, p)
        return (optax.apply_updates(p, updates), state), None

    (p, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), None, length=STEPS)
    return p[0] * 10, p[1]


def fitted(features: Rows, labels: Labels, classes: int, decay: float) -> Head:
    """A head of `classes` on features [n, 1280]; classes count alike, however many pictures they have."""
    mean = features.mean(axis=0)
    x = features - mean
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    share = 1 / np.bincount(labels, minlength=classes).clip(1)[labels]
    weights, bias = _fit(jnp.asarray(x), jnp.asarray(labels), jnp.asarray(share, jnp.float32),
                         jnp.float32(decay), classes)
    return Head(mean, np.asarray(weights, np.float32), np.asarray(bias, np.float32))


def chosen(heads: Sequence[Head], features: Rows, labels: Labels) -> Head:
    """Of `heads` the one that is least surprised by pictures it did not learn, at its best sharpness."""
    best: tuple[float, Head] | None = None
    for head in heads:
        for sharp in SHARPNESS:
            times = np.float32(sharp)
            tried = replace(head, weights=head.weights * times, bias=head.bias * times)
            found = tried.probabilities(features)[np.arange(len(labels)), labels]
            surprise = float(-np.log(np.maximum(found, 1e-9)).mean())
            if best is None or surprise < best[0] - 1e-9:
                best = surprise, tried
    if best is None:
        raise ValueError("there are no heads to choose from")
    return best[1]


def with_unknown(head: Head, known: int, taught: Rows, features: Rows, labels: Labels) -> Head:
    """`head` with its "unknown" set: on these held-out pictures it takes no more than 1 - KEPT of those of
    the `known` classes that were told rightly. `taught` are features of pictures of those classes; the
    nearest of them and the surest class weigh alike, each by how much it varies."""
    weights, bias = head.weights, head.bias
    if weights.shape[1] == known:
        weights = np.concatenate([weights, np.zeros((len(weights), 1), np.float32)], axis=1)
        bias = np.append(bias, np.float32(0))
    some = np.linspace(0, len(taught) - 1, min(len(taught), MOST_NEAR)).astype(int)
    head = Head(head.mean, weights, bias, head.unit(taught[some]))
    logits = head.logits(features)
    right = (labels < known) & (logits[:, :known].argmax(axis=1) == labels)
    if right.sum() < 2:
        return head
    sure, close = logits[right, :known].max(axis=1), head.nearest(features[right])
    pull = float(sure.std() / max(float(close.std()), 1e-6))
    lead = sure - logits[right, known] + pull * close
    shift = np.quantile(lead, 1 - KEPT, method="lower")
    bias = np.append(bias[:known], np.float32(bias[known] + shift - 1e-3)).astype(np.float32)
    return replace(head, bias=bias, pull=pull)


def strangers(ways: Sequence[tuple[Rows, Labels]], known: int, decay: float,
              versions: int = 1) -> list[tuple[int, int]] | None:
    """For each known class, heads made as if it had not been there: how many of its report pictures they call
    unknown, and of how many. None with fewer than three classes. `ways` are those to train, to choose and to
    report; to train, each picture has so many rows, itself the first."""
    train, choose, report = ways
    if known < 3:
        return None
    out = []
    for left in range(known):
        places = {old: new for new, old in enumerate(k for k in range(known) if k != left)}
        parts = []
        for features, labels in (train, choose):
            keep = np.isin(labels, list(places))
            parts.append((features[keep], np.array([places[int(k)] for k in labels[keep]], np.intp)))
        head = chosen([fitted(*parts[0], known - 1, decay)], *parts[1])
        head = with_unknown(head, known - 1, parts[0][0][::versions], *parts[1])
        theirs = head.logits(report[0][report[1] == left]).argmax(axis=1)
        out.append((int((theirs == known - 1).sum()), len(theirs)))
    return out
