"""Reads nodes and weights of an ONNX graph, for what is derived from it; `onnx_scan` has judged it before.

Field numbers are those of `onnx.proto`, as in `onnx_walk`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.onnx_wire import BYTES, FOUR, NUMBER, Reader, number_at, text_of

Array = NDArray[np.float32]
Attributes = dict[str, list[float]]


class GraphReader(Reader):
    """Nodes (operator, inputs, outputs, attributes) and float32 tensors of a file. Raises GarbageError, and
    ValueError for a tensor whose bytes do not fit its axes."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.nodes: list[tuple[str, list[str], list[str], Attributes]] = []
        self.tensors: dict[str, Array] = {}
        for number, _, graph in self.fields(memoryview(data), {7: BYTES}):
            for inner, _, content in self.fields(graph, {1: BYTES, 5: BYTES}) if number == 7 else ():
                if inner == 1:
                    self.node(content)
                elif inner == 5:
                    self.tensor(content)

    def node(self, view: memoryview) -> None:
        op, inputs, outputs, attributes = "", list[str](), list[str](), Attributes()
        for number, _, content in self.fields(view, {1: BYTES, 2: BYTES, 4: BYTES, 5: BYTES}):
            if number in (1, 2):
                (inputs if number == 1 else outputs).append(text_of(content))
            elif number == 4:
                op = text_of(content)
            elif number == 5:
                name, values = self.attribute(content)
                attributes[name] = values
        self.nodes.append((op, inputs, outputs, attributes))

    def attribute(self, view: memoryview) -> tuple[str, list[float]]:
        """Its name and its numbers; what holds anything else has none."""
        name, values = "", list[float]()
        for number, value, content in self.fields(view, {1: BYTES, 2: FOUR, 3: NUMBER, 8: NUMBER | BYTES}):
            if number == 1:
                name = text_of(content)
            elif number == 2:
                values.append(float(np.frombuffer(content, "<f4")[0]))
            elif number in (3, 8):
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
