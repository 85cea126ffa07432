"""The layers of a streaming backbone, read from the bytes of its file.

What `synth/tools/convert_backbone.py` writes is a plain row: convolutions, each with a leaky ReLU and a floor
after it (but the last), some with a pooling. Other shapes are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.onnx_read import GraphReader
from edge.onnx_wire import GarbageError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One convolution, with what follows it."""

    weights: Array
    """[time, band, in, out]"""
    bias: Array
    """[out]"""
    active: bool
    """whether the leaky ReLU and the floor follow"""
    pool: tuple[int, int]
    """frames and bands that are pooled into one; (1, 1): none"""


@dataclass(frozen=True)
class Layers:
    """All of them, in order."""

    row: tuple[Layer, ...]
    slope: float
    """of the leaky ReLU"""
    floor: float
    """the least value that it lets through"""


def read_layers(data: bytes, where: object) -> Layers:
    """The layers in an ONNX file. ModelError where it is something else."""
    try:
        return _layers(GraphReader(data))
    except (GarbageError, ValueError, LookupError) as error:
        reason = f"is no streaming backbone: {error or type(error).__name__}"
        raise ModelError(where, reason, "reinstall heychip") from None


def _layers(found: GraphReader) -> Layers:
    row: list[Layer] = []
    slopes, floors = set[float](), set[float]()
    for op, inputs, _, attributes in found.nodes:
        if op == "Conv":
            w = found.tensors[inputs[1]]
            b = found.tensors[inputs[2]] if len(inputs) > 2 else np.zeros(len(w), np.float32)
            row.append(Layer(np.ascontiguousarray(w.transpose(2, 3, 1, 0)), b, active=False, pool=(1, 1)))
        elif op == "LeakyRelu":
            slopes.add(float(attributes["alpha"][0]))
        elif op == "Max":
            floors.add(float(found.tensors[inputs[1]].ravel()[0]))
            row[-1] = Layer(row[-1].weights, row[-1].bias, active=True, pool=row[-1].pool)
        elif op == "MaxPool":
            frames, bands = (int(size) for size in attributes["strides"])
            row[-1] = Layer(row[-1].weights, row[-1].bias, row[-1].active, (frames, bands))
    if len(slopes) != 1 or len(floors) != 1:
        raise ValueError(f"{len(slopes)} slopes and {len(floors)} floors, expected one of each")
    return Layers(tuple(row), slopes.pop(), floors.pop())
