"""The backbone's graph in JAX, so that it can be trained: weights out of the ONNX file and back into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

SLOPE = 0.2  # of the leaky ReLU

Weights = list[dict[str, Any]]  # of each convolution: w [time, band, in, out] and b [out]


@dataclass(frozen=True)
class Layer:
    """One convolution, with what follows it."""

    floor: float | None
    """the least value that is let through after the leaky ReLU; None: linear"""
    pool: tuple[int, int] | None
    """frames and bands that are pooled into one, if any"""


def read(model: onnx.ModelProto) -> tuple[Weights, tuple[Layer, ...]]:
    """The weights of the streaming graph, and its layers in order."""
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    weights: Weights = []
    floors: list[float | None] = []
    pools: dict[int, tuple[int, int]] = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            w = constants[node.input[1]].transpose(2, 3, 1, 0)
            b = constants[node.input[2]] if len(node.input) > 2 else np.zeros(w.shape[3], np.float32)
            weights.append({"w": w.astype(np.float32), "b": b.astype(np.float32)})
            floors.append(None)
        elif node.op_type == "Max":
            floors[-1] = float(constants[node.input[1]].ravel()[0])
        elif node.op_type == "MaxPool":
            frames, bands = next(a.ints for a in node.attribute if a.name == "strides")
            pools[len(weights) - 1] = (int(frames), int(bands))
    return weights, tuple(Layer(floor, pools.get(i)) for i, floor in enumerate(floors))


def write(model: onnx.ModelProto, weights: Weights) -> bytes:
    """The same graph with other weights, as the bytes of a file."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    constants = {i.name: i for i in changed.graph.initializer}
    convolutions = [node for node in changed.graph.node if node.op_type == "Conv"]
    for node, layer in zip(convolutions, weights, strict=True):
        if len(node.input) < 3:
            name = f"{node.output[0]}_bias"
            constants[name] = changed.graph.initializer.add()
            node.input.append(name)
        w = np.ascontiguousarray(np.asarray(layer["w"]).transpose(3, 2, 0, 1), np.float32)
        for name, value in ((node.input[1], w), (node.input[2], np.asarray(layer["b"], np.float32))):
            constants[name].CopyFrom(numpy_helper.from_array(value, name))
    return bytes(changed.SerializeToString(deterministic=True))


def embeddings(weights: Weights, layers: Sequence[Layer], mel: Any) -> Any:
    """Mel frames [B, 68 + 8 k, 32] to embeddings [B, k, 96], one for each whole window of 76 frames; each
    convolution is a product of matrices, which a CPU does faster than XLA's own."""
    x = mel[..., None]
    for layer, own in zip(layers, weights, strict=True):
        frames, bands, inputs, outputs = own["w"].shape
        if bands > 1:
            x = jnp.pad(x, ((0, 0), (0, 0), (bands // 2, bands // 2), (0, 0)))
        rows, columns = x.shape[1] - frames + 1, x.shape[2] - bands + 1
        seen = [x[:, i : i + rows, j : j + columns] for i in range(frames) for j in range(bands)]
        x = jnp.concatenate(seen, -1) @ own["w"].reshape(frames * bands * inputs, outputs) + own["b"]
        if layer.floor is not None:
            x = jnp.maximum(jnp.maximum(x, SLOPE * x), layer.floor)
        if layer.pool is not None:
            x = _pooled(x, *layer.pool)
    return x[:, :, 0]


def _pooled(x: Any, frames: int, bands: int) -> Any:
    """x [B, T, F, C]; a frame too many is left out, as in the graph."""
    count, length, width, channels = x.shape
    x = x[:, : length // frames * frames].reshape(count, length // frames, frames, width, channels).max(2)
    return x.reshape(count, length // frames, width // bands, bands, channels).max(3)


def flat(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The weights by name, for a file."""
    return {f"{key}{i}": np.asarray(value) for i, own in enumerate(weights) for key, value in own.items()}
