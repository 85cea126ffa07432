"""The layers of a streaming backbone, read from the bytes of its file.

What `synth/tools/convert_backbone.py` writes is a plain row: convolutions, each with a leaky ReLU and a floor
after it (but the last), some with a pooling. Other shapes are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.onnx_wire import BYTES, FOUR, NUMBER, GarbageError, Reader, number_at, text_of

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
        reader = _Reader()
        reader.model(memoryview(data))
        return _layers(reader)
    except (GarbageError, ValueError, LookupError) as error:
        reason = f"is no streaming backbone: {error or type(error).__name__}"
        raise ModelError(where, reason, "reinstall heychip") from None


def _layers(found: _Reader) -> Layers:
    row: list[Layer] = []
    slopes, floors = set[float](), set[float]()
    for op, inputs, attributes in found.nodes:
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


class _Reader(Reader):
    """Gathers nodes and float32 tensors; field numbers are those of `onnx.proto`."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[tuple[str, list[str], dict[str, list[float]]]] = []
        self.tensors: dict[str, Array] = {}

    def model(self, view: memoryview) -> None:
        for number, _, graph in self.fields(view, {7: BYTES}):
            for inner, _, content in self.fields(graph, {1: BYTES, 5: BYTES}) if number == 7 else ():
                if inner == 1:
                    self.node(content)
                elif inner == 5:
                    self.tensor(content)

    def node(self, view: memoryview) -> None:
        op, inputs, attributes = "", list[str](), dict[str, list[float]]()
        for number, _, content in self.fields(view, {1: BYTES, 4: BYTES, 5: BYTES}):
            if number == 1:
                inputs.append(text_of(content))
            elif number == 4:
                op = text_of(content)
            elif number == 5:
                name, values = self.attribute(content)
                attributes[name] = values
        self.nodes.append((op, inputs, attributes))

    def attribute(self, view: memoryview) -> tuple[str, list[float]]:
        """Its name and its numbers; what holds anything else has none."""
        name, values = "", list[float]()
        for number, value, content in self.fields(view, {1: BYTES, 2: FOUR, 8: NUMBER | BYTES}):
            if number == 1:
                name = text_of(content)
            elif number == 2:
                values.append(float(np.frombuffer(content, "<f4")[0]))
            elif number == 8:
                values += [value] if value >= 0 else _packed(content)
        return name, values

    def tensor(self, view: memoryview) -> None:
        name, kind, axes, raw = "", 0, list[int](), b""
        for number, value, content in self.fields(view, {1: NUMBER | BYTES, 2: NUMBER, 8: BYTES, 9: BYTES}):
            if number == 1:
                axes += [value] if value >= 0 else _packed(content)
            elif number == 2:
                kind = value
            elif number == 8:
                name = text_of(content)
            elif number == 9:
                raw = bytes(content)
        if kind == 1:
            self.tensors[name] = np.frombuffer(raw, "<f4").astype(np.float32).reshape(axes)


def _packed(view: memoryview) -> list[int]:
    out, at = list[int](), 0
    while at < len(view):
        value, at = number_at(view, at)
        out.append(value)
    return out
