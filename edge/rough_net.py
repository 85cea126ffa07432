"""The rough student: a small network that says of mel frames about what the hardened backbone says.

`synth/tools/teach_rough.py` taught it; it costs about a twentieth. Nothing is decided on what it says: it is
there to tell when the backbone itself has to listen, see `edge/lazy.py`. It is run in a graph for a single
hop or a few, with the front end in front. It is the student of one set of weights: where the backbone is
another, it is not used.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, LONGEST, SIZE, State, pieces
from edge.backbone import identity as backbone_identity
from edge.errors import ModelError
from edge.frontend import FRAMES_PER_STEP, MELS, FrontEnd, mel_nodes
from edge.graphs import Graphs, contents, manifest, where
from edge.hop_graph import Tape
from edge.onnx_make import Graph
from edge.onnx_read import GraphReader
from edge.onnx_wire import GarbageError
from edge.sessions import Bound

Array = NDArray[np.float32]
RoughGraphs = Graphs[dict[str, Tape]]

NAME = "rough"  # of its files in data/
FILE = f"{NAME}.onnx"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layer:
    """A convolution over time, with a ReLU behind it unless it is the last."""

    weights: Array
    """[time, in, out]"""
    bias: Array
    """[out]"""
    stride: int


class RoughGraph:
    """Builds the graph for `steps` hops: `mel` [8 * steps, 32] and `state<k>` to `embeddings` [steps, 96] and
    `next<k>`. A state is the last rows that a layer was given; what is put out ends with the next one."""

    def __init__(self, layers: Sequence[Layer], steps: int, *, front: bool = False) -> None:
        """With `front` the front end is in it: `even` and `odd` go in, and `mel` comes out."""
        self._graph, self._rows = Graph(), FRAMES_PER_STEP * steps
        self.shape: dict[str, Tape] = {}
        """each state, and what is new behind it: `mel` for the first one, else both together are `next<k>`"""
        if front:
            value = self._graph.output(mel_nodes(self._graph, self._rows), "mel", self._rows, MELS)
        else:
            value = self._graph.input("mel", self._rows, MELS)
        for place, layer in enumerate(layers):
            value = self._layer(layer, value)
            value = value if place == len(layers) - 1 else self._graph.one("Relu", value)
        self._graph.output(value, "embeddings", self._rows, layers[-1].weights.shape[2])

    def model(self) -> bytes:
        """The file."""
        return self._graph.model("rough_hop")

    def _layer(self, layer: Layer, value: str) -> str:
        """`value` [rows, in] to [rows / stride, out]: what lies under the weights is gathered by a table."""
        graph, (time, width, out) = self._graph, layer.weights.shape
        weights, bias = graph.weight(layer.weights.reshape(time * width, out)), graph.weight(layer.bias)
        kept = time - layer.stride
        if kept:
            value = self._with_past(value, kept, width)
        count = self._rows // layer.stride
        if count > 1 and time > 1:
            table = np.add.outer(layer.stride * np.arange(count), np.arange(time)).reshape(-1)
            value = graph.one("Gather", value, graph.weight(table), axis=0)
        self._rows = count
        rows = graph.one("Reshape", value, graph.numbers(count, time * width))
        return graph.one("Gemm", rows, weights, bias)

    def _with_past(self, value: str, kept: int, width: int) -> str:
        """What a layer is given, the rows that it keeps in front; the end of it is the next state."""
        graph, name = self._graph, f"state{len(self.shape)}"
        first = not self.shape  # of mel frames there are always enough, and they are put out as they are
        self.shape[name] = Tape(kept, self._rows, width)
        seen = graph.one("Concat", graph.input(name, kept, width), value, axis=0)
        return seen if first else graph.output(seen, name.replace("state", "next"), self._rows + kept, width)


class Student:
    """Embeddings of a stream. State: the last rows that each layer was given. Its graphs write into
    one of two sets of buffers and read what the step before wrote, in turn; every output ends
    where its buffer ends."""

    def __init__(self, graphs: RoughGraphs, front: FrontEnd | None = None) -> None:
        """With a `front` end its graphs begin there, and `hear` is to be used in the place of `step`."""
        self._graphs, self._front = graphs, front
        self._sets = tuple({name: np.zeros((tape.kept + LONGEST * tape.new, tape.width), np.float32)
                            for name, tape in graphs.shape.items()} for _ in range(2))
        self._tails = tuple({name: buffer[-graphs.shape[name].kept :] for name, buffer in buffers.items()}
                            for buffers in self._sets)
        self._out = np.zeros((LONGEST, SIZE), np.float32)
        self._bound: dict[tuple[int, int], Bound] = {}
        self._turn = 0  # the set that the next run writes

    def _bind(self, steps: int, turn: int) -> Bound:
        inputs: dict[str, Array] = dict(self._tails[1 - turn])
        outputs = {}
        for name, tape in self._graphs.shape.items():
            outputs[name.replace("state", "next")] = self._sets[turn][name][-tape.kept - steps * tape.new :]
        mel = outputs.pop("next0")[-steps * FRAMES_PER_STEP :]
        if self._front:
            outputs["mel"] = mel
            inputs |= {name: part[: steps * FRAMES_PER_STEP] for name, part in self._front.parts.items()}
        else:
            inputs["mel"] = mel
        opened = self._graphs.get(steps, front=self._front is not None)
        return Bound(opened, inputs, outputs | {"embeddings": self._out[:steps]})

    @property
    def state(self) -> State:
        """A copy of what is kept between steps."""
        return {name: tail.copy() for name, tail in self._tails[1 - self._turn].items()}

    def reset(self, state: State | None = None) -> None:
        """Forget the stream, or go back to a `state` that was taken earlier."""
        for name, tail in self._tails[1 - self._turn].items():
            tail[:] = 0 if state is None else state[name]

    def step(self, mel: Array) -> Array:
        """Mel frames [k * 8, 32] to embeddings [k, 96]."""
        out = np.empty((len(mel) // FRAMES_PER_STEP, SIZE), np.float32)
        for at, steps in pieces(len(out)):
            frames = mel[at * FRAMES_PER_STEP : (at + steps) * FRAMES_PER_STEP]
            self._sets[self._turn]["state0"][-len(frames) :] = frames
            self.hear(out[at : at + steps])
        return out

    def hear(self, out: Array) -> None:
        """What lies in the `parts` of the front end, as many hops as there are rows in `out` [k, 96].
        `pieces` says how many at once may be asked for."""
        key = len(out), self._turn
        if key not in self._bound:
            self._bound[key] = self._bind(*key)
        self._bound[key].run()
        self._turn = 1 - self._turn
        out[:] = self._out[: len(out)]


def identity() -> dict[str, Any]:
    """The student's own manifest: name, sha256, whose student it is, licence."""
    return manifest(NAME)


def talk() -> Array:
    """Half a minute of what its teacher says of people who talk: embeddings [n, 96] in a row."""
    data = contents(f"{NAME}_talk.npy", identity()["talk_sha256"])
    found: Array = np.load(io.BytesIO(data), allow_pickle=False).astype(np.float32)
    return found


@cache
def graphs() -> RoughGraphs | None:
    """The student's graphs; None where it is the student of another backbone than ours."""
    if identity()["student_of"]["sha256"] != backbone_identity(HARDENED)["sha256"]:
        log.warning("event=rough_not_used why=student_of_another_backbone")
        return None
    return Graphs(lambda steps, front: RoughGraph(_layers_of_file(), steps, front=front), where(FILE))


def _layers_of_file() -> tuple[Layer, ...]:
    return read_layers(contents(FILE, identity()["sha256"]))


def read_layers(data: bytes) -> tuple[Layer, ...]:
    """The layers of its file: a plain row of convolutions. ModelError where it is something else."""
    try:
        return _layers(GraphReader(data))
    except (GarbageError, ValueError, LookupError) as error:
        reason = f"is no rough student: {error or type(error).__name__}"
        raise ModelError(where(FILE), reason, "reinstall heychip") from None


def _layers(found: GraphReader) -> tuple[Layer, ...]:
    row = []
    for op, inputs, _, attributes in found.nodes:
        if op == "Conv":
            weights = found.tensors[inputs[1]].transpose(2, 1, 0)
            stride = int(attributes.get("strides", [1])[0])
            row.append(Layer(np.ascontiguousarray(weights), found.tensors[inputs[2]], stride))
        elif op not in ("Transpose", "Relu"):
            raise ValueError(f"has a {op}")
    if not row or int(np.prod([layer.stride for layer in row])) != FRAMES_PER_STEP:
        raise ValueError("does not give an embedding for every hop")
    return tuple(row)
