"""The student that the rough ear runs, in JAX, so that it can be taught: a row of convolutions over time,
from mel frames of 10 ms over 20 and 40 ms to embeddings every 80 ms, and the file that `edge/rough_net.py`
reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from edge.backbone import SIZE
from edge.frontend import MELS
from edge.onnx_make import Graph

SHAPE = ((64, 4, 2), (64, 3, 1), (96, 4, 2), (96, 3, 1), (128, 4, 2), (128, 3, 1), (128, 4, 1), (SIZE, 1, 1))
"""of each layer: channels, the steps of time that it sees, and by how many it moves on"""

Floats = NDArray[np.float32]
Weights = list[dict[str, Any]]  # of each layer: w [time, in, out] and b [out]


def reach(shape: Sequence[tuple[int, int, int]] = SHAPE) -> int:
    """Mel frames that an embedding depends on: at most the 76 of the backbone."""
    frames, stride = 1, 1
    for _, time, by in shape:
        frames, stride = frames + (time - 1) * stride, stride * by
    return frames


def fresh(rng: np.random.Generator) -> Weights:
    """Weights to begin with (He et al., 2015)."""
    weights: Weights = []
    width = MELS
    for out, time, _ in SHAPE:
        spread = np.sqrt(2 / (time * width))
        w = rng.normal(0, spread, (time, width, out)).astype(np.float32)
        weights.append({"w": w, "b": np.zeros(out, np.float32)})
        width = out
    return weights


def embeddings(weights: Weights, mel: Any, count: int) -> Any:
    """Mel frames [B, T, 32] to the last `count` embeddings [B, count, 96]; what is given and what comes out
    are both scaled to unit variance."""
    x = mel[:, mel.shape[1] - reach() - 8 * (count - 1) :]
    for k, (own, (_, time, by)) in enumerate(zip(weights, SHAPE, strict=True)):
        rows = (x.shape[1] - time) // by + 1
        seen = jnp.concatenate([x[:, i : i + (rows - 1) * by + 1 : by] for i in range(time)], axis=-1)
        x = seen @ own["w"].reshape(-1, own["w"].shape[-1]) + own["b"]
        if k < len(SHAPE) - 1:
            x = jnp.maximum(x, 0)
    return x


def folded(weights: Weights, mel: tuple[Floats, Floats], said: tuple[Floats, Floats]) -> Weights:
    """The same, of mel frames and embeddings as they are: `mel` and `said` are the mean and the spread."""
    made: Weights = [{k: np.asarray(v, np.float32) for k, v in own.items()} for own in weights]
    first, last = made[0], made[-1]
    first["w"] = first["w"] / mel[1][:, None]
    first["b"] = first["b"] - np.einsum("tio,i->o", first["w"], mel[0])
    last["w"], last["b"] = last["w"] * said[1], last["b"] * said[1] + said[0]
    return [{k: np.asarray(v, np.float32) for k, v in own.items()} for own in made]


def write(weights: Weights) -> bytes:
    """The file: `mel` [1, frames, 32] to `embeddings` [1, hops, 96], one row of convolutions."""
    graph = Graph()
    value = graph.one("Transpose", graph.input("mel", 1, "frames", MELS), perm=[0, 2, 1])
    for k, (own, (_, _, by)) in enumerate(zip(weights, SHAPE, strict=True)):
        w = graph.weight(np.ascontiguousarray(own["w"].transpose(2, 1, 0)))
        value = graph.one("Conv", value, w, graph.weight(own["b"]), strides=[by])
        if k < len(SHAPE) - 1:
            value = graph.one("Relu", value)
    graph.output(graph.one("Transpose", value, perm=[0, 2, 1]), "embeddings", 1, "hops", SIZE)
    return graph.model("rough")
