"""Writes small ONNX graphs, for what is derived at start from a model that was read: no `onnx` on the Pi.

Field numbers are those of `onnx.proto`, as in `onnx_walk`; the wire format is that of protobuf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

OPSET, IR_VERSION = 13, 8
FLOAT32, INT64 = 1, 7  # element types of TensorProto
_A_FLOAT, _A_INT, _A_INTS = 1, 2, 7  # kinds of AttributeProto
_NUMBER, _BYTES, _FOUR = 0, 2, 5  # wire types

Attribute = float | int | Sequence[int]


def _varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF  # negative numbers are written as their complement, as protobuf does
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _NUMBER) + _varint(value)


def _bytes(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, float):
        body = _varint(2 << 3 | _FOUR) + np.float32(value).tobytes() + _number(20, _A_FLOAT)
    elif isinstance(value, int):
        body = _number(3, value) + _number(20, _A_INT)
    else:
        body = b"".join(_number(8, one) for one in value) + _number(20, _A_INTS)
    return _bytes(1, name) + body


def _tensor(name: str, array: NDArray[np.float32] | NDArray[np.int64]) -> bytes:
    kind = INT64 if array.dtype == np.int64 else FLOAT32
    dims = b"".join(_number(1, size) for size in array.shape)
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return dims + _number(2, kind) + _bytes(8, name) + _bytes(9, little.tobytes())


def _port(name: str, shape: Iterable[int | str]) -> bytes:
    """ValueInfoProto of a float32 tensor; a text is the name of an axis of any length."""
    axes = (_number(1, axis) if isinstance(axis, int) else _bytes(2, axis) for axis in shape)
    dims = b"".join(_bytes(1, axis) for axis in axes)
    tensor = _number(1, FLOAT32) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


class Graph:
    """A graph under construction: nodes in the order in which they are to be run."""

    def __init__(self) -> None:
        self._nodes: list[tuple[str, list[str], list[str], dict[str, Attribute]]] = []
        self._weights: dict[str, bytes] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, *shape: int | str) -> str:
        """A float32 input of the graph; gives its name."""
        self._inputs.append(_port(name, shape))
        return name

    def output(self, value: str, name: str, *shape: int | str) -> str:
        """Call `value` by the `name` of an output from now on, and give it out; gives that name."""
        for _, inputs, outputs, _ in self._nodes:
            inputs[:] = [name if one == value else one for one in inputs]
            outputs[:] = [name if one == value else one for one in outputs]
        self._outputs.append(_port(name, shape))
        return name

    def weight(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """A constant; gives its name."""
        self._count += 1
        name = f"w{self._count}"
        self._weights[name] = _tensor(name, array)
        return name

    def numbers(self, *values: int) -> str:
        """A constant row of whole numbers; gives its name."""
        return self.weight(np.array(values, np.int64))

    def split(self, value: str, parts: int | Sequence[int], *, axis: int = 0) -> list[str]:
        """`value` in equal parts along an axis, or in parts of such lengths; gives their names."""
        if isinstance(parts, int):
            return self._add("Split", [value], parts, {"axis": axis})
        return self._add("Split", [value, self.numbers(*parts)], len(parts), {"axis": axis})

    def one(self, op: str, *inputs: str, **attributes: Attribute) -> str:
        """A node with one output; gives its name."""
        return self._add(op, list(inputs), 1, attributes)[0]

    def _add(self, op: str, inputs: list[str], outputs: int, attributes: dict[str, Attribute]) -> list[str]:
        names = [f"v{self._count + k + 1}" for k in range(outputs)]
        self._count += outputs
        self._nodes.append((op, inputs, names, attributes))
        return names

    def model(self, name: str) -> bytes:
        """The whole file."""
        nodes = b"".join(_bytes(1, _node(*node)) for node in self._nodes)
        weights = b"".join(_bytes(5, tensor) for tensor in self._weights.values())
        ports = b"".join(_bytes(11, port) for port in self._inputs)
        ports += b"".join(_bytes(12, port) for port in self._outputs)
        graph = nodes + _bytes(2, name) + weights + ports
        opset = _bytes(1, "") + _number(2, OPSET)
        return _number(1, IR_VERSION) + _bytes(2, "heychip") + _bytes(7, graph) + _bytes(8, opset)


def _node(op: str, inputs: list[str], outputs: list[str], attributes: dict[str, Attribute]) -> bytes:
    body = b"".join(_bytes(1, one) for one in inputs) + b"".join(_bytes(2, one) for one in outputs)
    return body + _bytes(4, op) + b"".join(_bytes(5, _attribute(*pair)) for pair in attributes.items())
