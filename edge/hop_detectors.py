"""Detectors that look at one new embedding a hop, where the file looks at all sixteen again.

What `synth/export.py` writes is a row of convolutions over time. All but one of the positions that they work
out for a window were worked out for the window before. Here each layer keeps its last few inputs, and works
out its newest outputs alone: the same numbers for about a tenth of the multiplications. Several hops in one
run cost little more than one, because most of a run is fetching the weights, and say the same to the bit. A
graph of another kind is not rewritten, and one that is has to prove on noise that it says the same.
"""

from __future__ import annotations

import math
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
    """Embeddings to `logits` [hops, N], in memory that is read and written as in `HopGraph`: what a layer is
    given, `embeddings` or the output `seen<k>`, lies on a tape behind what it was given before, and an input
    `<name>_<n>` begins n hops further back on the same tape."""
    graph, value = Graph(), ""
    for k, layer in enumerate(row):
        add = _single_outputs if _single(layer) else _outputs
        value = add(graph, layer, value, f"seen{k}", hops)
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


def _tapes(row: Sequence[Convolution]) -> dict[str, tuple[int, int]]:
    """The hops that are kept on each tape, and how wide it is."""
    made = {f"seen{k}": (_kept(layer), _width(layer)) for k, layer in enumerate(row) if k or _single(layer)}
    return made | {"embeddings": (0 if _single(row[0]) else _kept(row[0]), SIZE)}


def _outputs(graph: Graph, layer: Convolution, value: str, name: str, hops: int) -> str:
    """The newest outputs [hops, out] of a layer that sees a few hops side by side."""
    (out, width, time), groups = layer.weights.shape, layer.groups
    shape = (hops, width) if groups == 1 else (hops, groups, 1, width)
    if not value:
        name = "embeddings"
    elif groups > 1:
        value = graph.one("Reshape", value, graph.numbers(*shape))
    if not value and groups == hops == 1:  # as they lie, they are side by side
        seen = graph.input(f"{name}_{time - 1}", 1, time * width)
    else:
        value = graph.output(value, name, *shape) if value else graph.input(name, *shape)
        past = [graph.input(f"{name}_{back}", *shape) for back in range(time - 1, 0, -1)]
        seen = graph.one("Concat", *past, value, axis=len(shape) - 1) if past else value
    if groups == 1:
        table = graph.weight(layer.weights.transpose(2, 1, 0).reshape(time * width, out))
        return graph.one("Gemm", seen, table, graph.weight(layer.bias))
    # Each hop is a product of its own: one of several rows adds up in another order than one of a single row.
    weights = layer.weights.reshape(groups, out // groups, width, time).transpose(0, 3, 2, 1)
    table = graph.weight(weights.reshape(groups, time * width, out // groups))
    sums = graph.one("MatMul", seen, table)
    sums = graph.one("Add", sums, graph.weight(layer.bias.reshape(groups, 1, out // groups)))
    return graph.one("Reshape", sums, graph.numbers(hops, out))


def _single_outputs(graph: Graph, layer: Convolution, value: str, name: str, hops: int) -> str:
    """The newest outputs [hops, groups] of a layer with single outputs, whose products are kept."""
    kept, width = _kept(layer), _width(layer)
    value = _products(graph, layer, value or graph.input("embeddings", hops, SIZE), hops)
    if kept:
        value = graph.output(value, name, hops, width)
        value = graph.one("Concat", graph.input(f"{name}_{kept}", kept, width), value, axis=0)
    return _sums(graph, layer, value, hops)


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


class Stream:
    """Logits of a stream of embeddings. State: the last inputs of each layer, on tapes as in `Backbone`.
    After sixteen embeddings nothing is left in it of what came before them."""

    def __init__(self, row: Sequence[Convolution], where: object, *, threads: int = 1) -> None:
        self._row, self._where, self._threads = row, where, threads
        self._logits = np.zeros((LONGEST, len(row[-1].weights)), np.float32)
        self._kept = {name: kept for name, (kept, _) in _tapes(row).items()}
        self._tapes = {name: np.zeros((kept + LONGEST, width), np.float32)
                       for name, (kept, width) in _tapes(row).items()}
        self._at = 0  # hops on the tapes
        self._opened: dict[int, InferenceSession] = {}
        self._bound: dict[tuple[int, int], Bound] = {}

    def twin(self) -> Stream:
        """One for another stream: the graphs are shared, the state is not."""
        made = Stream(self._row, self._where, threads=self._threads)
        made._opened = self._opened
        return made

    def _bind(self, hops: int) -> Bound:
        """The graph for so many hops, from where the tapes are; opened when first needed."""
        if hops not in self._opened:
            graph = stream_graph(self._row, hops)
            self._opened[hops] = session(graph, self._where, threads=self._threads, fixed=True)
            del graph
            give_back()
        run = self._opened[hops]
        inputs = {port.name: self._place(port.name, port.shape) for port in run.get_inputs()}
        outputs = {port.name: self._place(port.name, port.shape) for port in run.get_outputs()
                   if port.name != "logits"}
        return Bound(run, inputs, outputs | {"logits": self._logits[:hops]})

    def _place(self, port: str, shape: Sequence[int]) -> Array:
        """The part of a tape that an input or output of this name and shape stands for."""
        name, _, back = port.partition("_")
        tape = self._tapes[name]
        start = (self._kept[name] + self._at - int(back or 0)) * tape.shape[1]
        return tape.reshape(-1)[start : start + math.prod(shape)].reshape(shape)

    def next(self, embeddings: Array) -> Array:
        """Embeddings [k, 96] to logits [k, N]."""
        hops = len(embeddings)
        if hops in PIECES:
            if self._at + hops > LONGEST:
                self._wind()
            key, at = (hops, self._at), self._kept["embeddings"] + self._at
            self._tapes["embeddings"][at : at + hops] = embeddings
            if key not in self._bound:
                self._bound[key] = self._bind(hops)
            self._bound[key].run()
            self._at += hops
            out: Array = self._logits[:hops].copy()
            return out
        return np.concatenate([self.next(embeddings[at : at + few]) for at, few in pieces(hops)])

    def _wind(self) -> None:
        """Back to the beginning of the tapes."""
        for name, kept in self._kept.items():
            self._tapes[name][:kept] = self._tapes[name][self._at : self._at + kept]
        self._at = 0
