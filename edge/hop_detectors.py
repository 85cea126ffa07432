"""Detectors that look at one new embedding a hop, where the file looks at all sixteen again.

What `synth/export.py` writes is a row of convolutions over time. All but one of the positions that they work
out for a window were worked out for the window before. Here each layer adds what its newest input gives to
its next few outputs and keeps those sums: the same numbers for about a tenth of the multiplications. A graph
of another kind is not rewritten, and one that is has to prove on noise that it says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.manifest import FRAMES, INPUT, SIZE
from edge.onnx_make import Graph
from edge.onnx_read import Attributes, GraphReader
from edge.onnx_wire import GarbageError
from edge.sessions import Bound, session

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """A valid convolution over time, with a ReLU behind it unless it is the last."""

    weights: Array
    """[out, in of a group, time]"""
    bias: Array
    """[out]"""
    groups: int


def read_convolutions(data: bytes) -> tuple[Convolution, ...] | None:
    """The convolutions of a file, where it is a plain row of them on the contract's input; else None."""
    try:
        return _row(GraphReader(data))
    except (GarbageError, ValueError, LookupError):  # LookupError: a node without inputs, a weight not there
        return None


def _row(found: GraphReader) -> tuple[Convolution, ...] | None:
    turn, *body, flatten = found.nodes
    last = turn[2][0]
    if turn[:2] != ("Transpose", [INPUT]) or turn[3] != {"perm": [0, 2, 1]}:
        return None
    row: list[Convolution] = []
    for place, (op, inputs, outputs, attributes) in enumerate(body):
        if inputs[0] != last or op != ("Relu" if place % 2 else "Conv"):
            return None
        last = outputs[0]
        if op == "Conv":
            row.append(_convolution(found, inputs, attributes))
    whole = 1 + sum(one.weights.shape[2] - 1 for one in row)
    ends = flatten[:2] == ("Flatten", [last]) and not flatten[3] and body[-1][0] == "Conv"
    return tuple(row) if ends and whole == FRAMES else None


def _convolution(found: GraphReader, inputs: Sequence[str], attributes: Attributes) -> Convolution:
    """Raises ValueError or LookupError where it is of another kind."""
    weights = found.tensors[inputs[1]]
    bias = found.tensors[inputs[2]] if len(inputs) > 2 else np.zeros(len(weights), np.float32)
    groups = int(attributes.get("group", [1])[0])
    if weights.ndim != 3 or set(attributes) - {"group"} or not groups or len(weights) % groups:
        raise ValueError("a convolution of another kind")
    return Convolution(weights, bias, groups)


def stream_graph(row: Sequence[Convolution]) -> tuple[bytes, list[Array]]:
    """`embedding` [1, 96] and `state<k>` to `logits` [1, N] and `next<k>`; gives the states of a stream that
    has heard nothing. A state is the sums of a layer for the outputs to come, with the bias behind them for
    the one that begins now; what is put out, and is to be written over the beginning of a state, is all of it
    but the bias. Layers of one group are on [1, width], others on [groups, 1, width]; the latter give their
    sums to no one in one piece, so their bias is a constant."""
    graph, states = Graph(), list[Array]()
    value = graph.input("embedding", 1, SIZE)
    for k, layer in enumerate(row):
        add = _alone if layer.groups == 1 else _in_groups
        value, state = add(graph, layer, value, k)
        states.append(state)
        if k < len(row) - 1:
            value = graph.one("Relu", value)
        if layer.groups > 1:
            value = graph.one("Reshape", value, graph.numbers(1, len(layer.weights)))
    graph.output(value, "logits", 1, len(row[-1].weights))
    return graph.model("hop"), states


def _alone(graph: Graph, layer: Convolution, value: str, k: int) -> tuple[str, Array]:
    """A layer of one group: its newest output [1, out], and its state."""
    out, _, time = layer.weights.shape
    state = np.zeros((1, time * out), np.float32)
    state[:, -out:] = layer.bias
    before = graph.input(f"state{k}", *state.shape)
    sums = graph.one("Gemm", value, graph.weight(_newest_first(layer)[0]), before)
    newest, rest = graph.split(sums, (out, (time - 1) * out), axis=1)
    graph.output(rest, f"next{k}", 1, (time - 1) * out)
    return newest, state


def _in_groups(graph: Graph, layer: Convolution, value: str, k: int) -> tuple[str, Array]:
    """A layer of several groups: its newest output [groups, 1, out of each], and its state."""
    out, width, time = layer.weights.shape
    groups, each = layer.groups, out // layer.groups
    state = np.zeros((groups, 1, (time - 1) * each), np.float32)
    bias = graph.weight(layer.bias.reshape(groups, 1, each))
    before = graph.one("Concat", graph.input(f"state{k}", *state.shape), bias, axis=2)
    parts = graph.one("Reshape", value, graph.numbers(groups, 1, width))
    gives = graph.one("MatMul", parts, graph.weight(_newest_first(layer)))
    newest, rest = graph.split(graph.one("Add", before, gives), (each, (time - 1) * each), axis=2)
    graph.output(rest, f"next{k}", *state.shape)
    return newest, state


def _newest_first(layer: Convolution) -> Array:
    """What an input [in of a group] gives to this output of its group and to those to come, in this order:
    [groups, in of a group, time * out of a group]."""
    _, width, time = layer.weights.shape
    tables = layer.weights[:, :, ::-1].reshape(layer.groups, -1, width, time).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(tables).reshape(layer.groups, width, -1)


class Stream:
    """Logits of a stream of embeddings. State: the sums of each layer for outputs that are not complete.
    After sixteen embeddings nothing is left in it of what came before them."""

    def __init__(self, row: Sequence[Convolution], where: object, *, threads: int = 1) -> None:
        data, states = stream_graph(row)
        graph = session(data, where, threads=threads, fixed=True)
        self._embedding = np.zeros((1, SIZE), np.float32)
        self._logits = np.zeros((1, len(row[-1].weights)), np.float32)
        sets = [[state.copy() for state in states] for _ in range(2)]
        self._turns = [Bound(graph, *self._ports(row, old, new)) for new, old in (sets, sets[::-1])]

    def _ports(
        self, row: Sequence[Convolution], old: Sequence[Array], new: Sequence[Array]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """What goes in and what comes out."""
        inputs, outputs = {"embedding": self._embedding}, {"logits": self._logits}
        for k, (layer, before, after) in enumerate(zip(row, old, new, strict=True)):
            inputs[f"state{k}"] = before
            outputs[f"next{k}"] = after[:, : -len(layer.bias)] if layer.groups == 1 else after
        return inputs, outputs

    def next(self, embedding: Array) -> Array:
        """Embedding [96] to logits [N]."""
        self._embedding[0] = embedding
        self._turns[0].run()
        self._turns.reverse()
        out: Array = self._logits[0].copy()
        return out
