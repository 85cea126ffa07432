"""Detectors that look at one new embedding a hop, where the file looks at all sixteen again.

What `synth/export.py` writes is a row of convolutions over time. All but one of the positions that they work
out for a window were worked out for the window before. Here each layer keeps its last few inputs, and works
out its newest outputs alone: the same numbers for about a tenth of the multiplications. Several hops in one
run cost little more than one, because most of a run is fetching the weights, and say the same to the bit. A
graph of another kind is not rewritten, and one that is has to prove on noise that it says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.backbone import LONGEST, PIECES, pieces
from edge.manifest import FRAMES, INPUT, SIZE
from edge.onnx_make import Graph
from edge.onnx_read import Attributes, GraphReader
from edge.onnx_wire import GarbageError
from edge.sessions import Bound, give_back, session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

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


def stream_graph(row: Sequence[Convolution], hops: int) -> bytes:
    """`embeddings` [hops, 96] and `state<k>` to `logits` [hops, N] and `seen<k>`. A state is the last that a
    layer was given [time - 1, width]; what it has seen is that and the new, and ends with the next state."""
    graph = Graph()
    value = graph.input("embeddings", hops, SIZE)
    for k, layer in enumerate(row):
        if _single(layer):
            value = _products(graph, layer, value, hops)
        if kept := _kept(layer):
            value = graph.one("Concat", graph.input(f"state{k}", kept, _width(layer)), value, axis=0)
            value = graph.output(value, f"seen{k}", kept + hops, _width(layer))
        add = _sums if _single(layer) else _alone if layer.groups == 1 else _in_groups
        value = add(graph, layer, value, hops)
        value = graph.one("Relu", value) if k < len(row) - 1 else value
    graph.output(value, "logits", hops, len(row[-1].weights))
    return graph.model("hop")


def _single(layer: Convolution) -> bool:
    """Whether each of its groups has one output, as a member's last layer has."""
    return layer.groups == len(layer.weights)


def _kept(layer: Convolution) -> int:
    """How many inputs are kept for the outputs to come."""
    return int(layer.weights.shape[2]) - 1


def _width(layer: Convolution) -> int:
    """Numbers that it is given at a time: its inputs, or their products with the weights of each time."""
    return int(layer.weights.shape[2 if _single(layer) else 1]) * layer.groups


def _alone(graph: Graph, layer: Convolution, seen: str, hops: int) -> str:
    """A layer of one group: its newest outputs [hops, out]."""
    out, width, time = layer.weights.shape
    if hops > 1:
        seen = graph.one("Gather", seen, graph.weight(np.add.outer(np.arange(hops), np.arange(time))), axis=0)
    windows = graph.one("Reshape", seen, graph.numbers(hops, time * width))
    table = graph.weight(layer.weights.transpose(2, 1, 0).reshape(time * width, out))
    return graph.one("Gemm", windows, table, graph.weight(layer.bias))


def _products(graph: Graph, layer: Convolution, value: str, hops: int) -> str:
    """Inputs of a layer with single outputs times the weights of each time [hops, groups * time]."""
    groups, width, time = layer.weights.shape
    if groups == 1:
        return graph.one("MatMul", value, graph.weight(layer.weights[0]))
    parts = graph.one("Reshape", value, graph.numbers(hops, groups, 1, width))
    gives = graph.one("MatMul", parts, graph.weight(np.ascontiguousarray(layer.weights)))
    return graph.one("Reshape", gives, graph.numbers(hops, groups * time))


def _sums(graph: Graph, layer: Convolution, seen: str, hops: int) -> str:
    """What those of the last few hops add up to: its newest outputs [hops, groups]."""
    groups, _, time = layer.weights.shape
    numbers = graph.one("Reshape", seen, graph.numbers(-1))
    hop, group, at = np.ogrid[:hops, :groups, :time]
    found = graph.one("Gather", numbers, graph.weight(((hop + at) * groups + group) * time + at), axis=0)
    sums = graph.one("ReduceSum", found, graph.numbers(2), keepdims=0)
    return graph.one("Add", sums, graph.weight(layer.bias))


def _in_groups(graph: Graph, layer: Convolution, seen: str, hops: int) -> str:
    """A layer of several groups: its newest outputs [hops, out]. Each hop is a product of its own, because a
    product of several rows adds up in another order than one of a single row."""
    (out, width, time), groups = layer.weights.shape, layer.groups
    each = out // groups
    parts = graph.one("Reshape", seen, graph.numbers((time - 1 + hops) * groups, width))
    first = np.add.outer(np.arange(hops), np.arange(time))[:, None] * groups  # of hop and time
    table = first + np.arange(groups)[None, :, None]  # [hops, groups, time]
    windows = graph.one("Gather", parts, graph.weight(table), axis=0)
    windows = graph.one("Reshape", windows, graph.numbers(hops, groups, 1, time * width))
    weights = layer.weights.reshape(groups, each, width, time).transpose(0, 3, 2, 1)
    sums = graph.one("MatMul", windows, graph.weight(weights.reshape(groups, time * width, each)))
    sums = graph.one("Add", sums, graph.weight(layer.bias.reshape(groups, 1, each)))
    return graph.one("Reshape", sums, graph.numbers(hops, out))


class Stream:
    """Logits of a stream of embeddings. State: the last inputs of each layer. After sixteen embeddings
    nothing is left in it of what came before them.

    As in `Backbone` there are two sets of buffers, in turn, and what a layer has seen ends where its buffer
    ends, so that the next state lies in the same place however many hops were in a run."""

    def __init__(self, row: Sequence[Convolution], where: object, *, threads: int = 1) -> None:
        self._row, self._where, self._threads = row, where, threads
        self._embeddings = np.zeros((LONGEST, SIZE), np.float32)
        self._logits = np.zeros((LONGEST, len(row[-1].weights)), np.float32)
        self._sets = [[np.zeros((_kept(layer) + LONGEST, _width(layer)), np.float32) for layer in row]
                      for _ in range(2)]
        self._turn = 0  # the set that the next run writes
        self._bound: dict[int, list[Bound]] = {}
        self._opened: dict[int, InferenceSession] = {}

    def twin(self) -> Stream:
        """One for another stream: the graphs are shared, the state is not."""
        made = Stream(self._row, self._where, threads=self._threads)
        made._opened = self._opened
        return made

    def _turns(self, hops: int) -> list[Bound]:
        """The graph for so many hops between the two sets, in both directions; opened when first needed."""
        if hops not in self._bound:
            if hops not in self._opened:
                data = stream_graph(self._row, hops)
                self._opened[hops] = session(data, self._where, threads=self._threads, fixed=True)
            graph, made = self._opened[hops], list[Bound]()
            self._bound[hops] = made
            for new, old in (self._sets, self._sets[::-1]):
                inputs, outputs = {"embeddings": self._embeddings[:hops]}, {"logits": self._logits[:hops]}
                for k in (k for k, layer in enumerate(self._row) if _kept(layer)):
                    inputs[f"state{k}"] = old[k][LONGEST:]
                    outputs[f"seen{k}"] = new[k][LONGEST - hops :]
                made.append(Bound(graph, inputs, outputs))
            give_back()
        return self._bound[hops]

    def next(self, embeddings: Array) -> Array:
        """Embeddings [k, 96] to logits [k, N]."""
        hops = len(embeddings)
        if hops in PIECES:
            self._embeddings[:hops] = embeddings
            self._turns(hops)[self._turn].run()
            self._turn = 1 - self._turn
            out: Array = self._logits[:hops].copy()
            return out
        return np.concatenate([self.next(embeddings[at : at + few]) for at, few in pieces(hops)])
