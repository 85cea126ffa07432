"""What the hardened backbone is graded by: how far it is from what the reference says in quiet, and whether
what it says of a moment is nearer to that moment's than to any other's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from synth.tools.backbone_lessons import WINDOWS
from synth.tools.backbone_net import Layer, Weights, embeddings

OUTLIER = 25.0  # a squared difference over this counts by its root: the reference has wild moments
CONTRAST = 0.1  # how much the second counts
TEMPERATURE = 0.1
NEIGHBOURS = 2  # windows next to one's own that are nearly the same: nobody is asked to tell them apart
RIDGE = 0.05  # keeps directions in which little happens from counting for everything

Grade = Callable[[Weights, Any, Any, Any], Any]


def grade(layers: Sequence[Layer], sample: NDArray[np.float32]) -> Grade:
    """A function of weights, mel [B, T, 32], wanted [B, 41, 96] and how much each window counts [B, 41]; the
    `sample` [n, 96] of what is wanted says how far apart embeddings usually are.

    The contrast is InfoNCE (van den Oord et al., 2018) on cosines of whitened embeddings, against all other
    windows of the batch."""
    mean, spread = sample.mean(axis=0), sample.std(axis=0)
    power, axes = np.linalg.eigh(np.cov(((sample - mean) / spread).T))
    whitening = (axes / np.sqrt(power + RIDGE)) @ axes.T

    def direction(x: Any) -> Any:
        white = ((x - mean) / spread).reshape(-1, x.shape[-1]) @ whitening.astype(np.float32)
        return white / (jnp.linalg.norm(white, axis=-1, keepdims=True) + 1e-6)

    def loss(weights: Weights, mel: Any, wanted: Any, counts: Any) -> Any:
        found = embeddings(weights, layers, mel)
        off = (found - wanted) ** 2 / spread**2
        off = jnp.where(off < OUTLIER, off, OUTLIER + jnp.sqrt(off + 1e-9) - OUTLIER**0.5).mean(axis=-1)
        alike = direction(found) @ direction(wanted).T / TEMPERATURE
        alike = jnp.where(_close(len(alike)), -1e9, alike)
        unsure = jax.nn.logsumexp(alike, axis=1) - jnp.diag(alike)
        return ((off + CONTRAST * unsure.reshape(counts.shape)) * counts).sum() / counts.sum()

    return loss


def _close(count: int) -> NDArray[np.bool_]:
    """[count, count], which windows of a batch are neighbours in one recording, themselves left out."""
    place = np.arange(count)
    apart = np.abs(place[:, None] - place)
    same = place[:, None] // WINDOWS == place // WINDOWS
    return np.asarray(same & (apart > 0) & (apart <= NEIGHBOURS))
