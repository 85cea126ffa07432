"""A bundle with as many members as one likes, in the layout of `heychip-synth make --members per-voice`: the
first network of a bundle for a trunk, which all share, and its last layer for a head, as often as asked for.

The `onnx` package is not on a Pi, so the few messages of the format that such a file has are written here;
the reader is `onnx_wire`. A product costs the same whatever its numbers, so copies cost what others would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.errors import UsageError
from edge.manifest import FRAMES, MOST_MEMBERS, SIZE
from edge.onnx_wire import BYTES, NUMBER, Reader, text_of

Weights = dict[str, NDArray[np.float32]]
NAMES = ("w1", "b1", "w2", "b2", "w3", "b3")
LAYOUT = ("all members share one network and have a last layer each, as "
          "heychip-synth make --members per-voice makes them")
FLOAT, ONE_INT, INTS = 1, 2, 7  # of onnx.proto: an element type, and two types of attributes
IR, OPSET = 8, 13


def with_members(bundle: Bundle, count: int) -> Bundle:
    """A bundle of `count` members made of the first network of this one. UsageError where its model has
    another layout than heychip-synth writes."""
    if not 1 <= count <= MOST_MEMBERS:
        raise UsageError(f"--members {count}: a bundle has 1 to {MOST_MEMBERS} members")
    weights = None if bundle.probability else weights_of(bundle.onnx)
    own = bundle.manifest.members
    if weights is None or len(weights["w3"]) != len(own):
        raise UsageError(f"--members: {bundle.path} is not laid out as heychip-synth makes bundles, so it "
                         "cannot be given other members; name another with --models")
    members = tuple(replace(own[0], name=f"{own[0].name}-{n}") for n in range(count))
    manifest = replace(bundle.manifest, members=members)
    # It is ours, so it needs no trial in a process of its own.
    return replace(bundle, manifest=manifest, onnx=written(with_heads(weights, count)), shipped=True)


def networks(weights: Weights) -> int:
    """How many small networks a member is the mean of."""
    return int(weights["w3"].shape[1] // weights["w2"].shape[1])


def with_heads(weights: Weights, count: int) -> Weights:
    """The first network, with its last layer `count` times."""
    channels = weights["w2"].shape[1]
    trunk = {name: weights[name][:channels] for name in ("w1", "b1", "w2", "b2")}
    heads = {"w3": weights["w3"][:1, :channels], "b3": weights["b3"][:1]}
    return trunk | {name: np.repeat(head, count, axis=0) for name, head in heads.items()}


def weights_of(onnx: bytes) -> Weights | None:
    """The weights of a model in our layout, three convolutions over time, the second of a group for each
    network and the last of one for each set of them; else None."""
    found, reader = Weights(), Reader()
    for number, _, graph in reader.fields(memoryview(onnx), {7: BYTES}):
        for part, _, tensor in reader.fields(graph, {5: BYTES}) if number == 7 else ():
            if part == 5:
                found |= _tensor(reader, tensor)
    if tuple(sorted(found)) != tuple(sorted(NAMES)):
        return None
    w1, w2, w3 = (found[name] for name in NAMES[::2])
    if any(w.ndim != 3 for w in (w1, w2, w3)) or w1.shape[1] != SIZE or len(w1) != len(w2):
        return None
    left = FRAMES - (w1.shape[2] - 1) - (w2.shape[2] - 1)
    if w3.shape[2] != left or not w2.shape[1] or not w3.shape[1]:
        return None
    odd = len(w1) % w2.shape[1] or len(w2) % w3.shape[1] or len(w3) % (len(w2) // w3.shape[1])
    return None if odd else found


def _tensor(reader: Reader, view: memoryview) -> Weights:
    name, shape, data, kind = "", list[int](), b"", 0
    for number, value, content in reader.fields(view, {1: NUMBER | BYTES, 2: NUMBER, 8: BYTES, 9: BYTES}):
        if number == 1:
            shape += [value] if value >= 0 else list(content)  # packed: one byte each below 128
        kind = value if number == 2 else kind
        name = text_of(content) if number == 8 else name
        data = bytes(content) if number == 9 else data
    if kind != FLOAT or len(data) != 4 * int(np.prod(shape)):
        return {}
    return {name: np.frombuffer(data, "<f4").reshape(shape)}


def written(weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """`embeddings` [1, 16, 96] to `logits` [1, N] as an ONNX file."""
    nets, members = len(weights["w1"]) // weights["w2"].shape[1], len(weights["w3"])
    sets = len(weights["w2"]) // weights["w3"].shape[1]
    graph = b"".join([
        _node("Transpose", ("embeddings",), "x", _attribute("perm", INTS, (0, 2, 1))),
        _node("Conv", ("x", "w1", "b1"), "h1"),
        _node("Relu", ("h1",), "a1"),
        _node("Conv", ("a1", "w2", "b2"), "h2", _attribute("group", ONE_INT, (nets,))),
        _node("Relu", ("h2",), "a2"),
        _node("Conv", ("a2", "w3", "b3"), "h3", _attribute("group", ONE_INT, (sets,))),
        _node("Flatten", ("h3",), "logits"),
        _bytes(2, b"heychip"),
        *(_weight(name, value) for name, value in weights.items()),
        _bytes(11, _port("embeddings", (1, FRAMES, SIZE))),
        _bytes(12, _port("logits", (1, members))),
    ])
    return _number(1, IR) + _bytes(2, b"heychip") + _bytes(7, graph) + _bytes(8, _number(2, OPSET))


def _weight(name: str, value: NDArray[np.float32]) -> bytes:
    row = _numbers(1, value.shape) + _number(2, FLOAT) + _bytes(8, name.encode())
    return _bytes(5, row + _bytes(9, np.ascontiguousarray(value, "<f4").tobytes()))


def _node(op: str, inputs: tuple[str, ...], output: str, attribute: bytes = b"") -> bytes:
    row = b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode())
    return _bytes(1, row + _bytes(4, op.encode()) + (_bytes(5, attribute) if attribute else b""))


def _attribute(name: str, kind: int, values: tuple[int, ...]) -> bytes:
    return _bytes(1, name.encode()) + _numbers(3 if kind == ONE_INT else 8, values) + _number(20, kind)


def _port(name: str, shape: tuple[int, ...]) -> bytes:
    axes = b"".join(_bytes(1, _number(1, axis)) for axis in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, axes)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _numbers(field: int, values: tuple[int, ...]) -> bytes:
    return b"".join(_number(field, value) for value in values)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
