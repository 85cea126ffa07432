"""The backbone: mel frames to speech embeddings, Google's speech_embedding in its exact streaming form.

`synth/tools/convert_backbone.py` derives `data/backbone.onnx` from the reference graph and proves that 8 new
frames with the kept state give what the whole window of 76 gives. What is run is the same function in the
form that `hop_graph` gives it, for a single hop and for the pieces of a recording.

There are two sets of weights in the same graph, at the same cost. The reference is what every detector in the
openWakeWord style was trained on. The hardened one was taught by `synth/tools/harden_backbone.py` to say of
speech in noise and rooms what the reference says of the same speech in quiet; our own bundles use it. A
bundle's manifest names the one that it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.backbone_layers import read_layers
from edge.errors import ModelError
from edge.events import STEP
from edge.files import sha256_of
from edge.frontend import FRAMES_PER_STEP, FrontEnd
from edge.hop_graph import HopGraph
from edge.manifest import BACKBONES as FILES
from edge.sessions import Bound, give_back, session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SIZE = 96  # numbers in an embedding
CONTEXT = 16  # embeddings that a detector looks at: 1.28 s
LONGEST = 8  # steps in one call on a long recording: what a call touches then stays in the cache
ROLL = 64  # embeddings for which there is room before memory is asked for again

FEW = 3  # that the lazy gate asks for: an eighth cheaper each than one alone
PIECES = (LONGEST, FEW, 1)  # there is a graph for each

REFERENCE, HARDENED = FILES  # the file of each in data/, without its ending, is what its name maps to

Array = NDArray[np.float32]
State = dict[str, Array]


@cache
def identity(name: str = REFERENCE) -> dict[str, Any]:
    """A backbone's own manifest: name, sha256, source, licence."""
    found: dict[str, Any] = json.loads((files("edge") / "data" / f"{FILES[name]}.json").read_text())
    return found


class Built(Protocol):
    """A graph for some hops, such as `HopGraph`."""

    states: dict[str, tuple[int, ...]]
    rows: dict[str, int]

    def model(self) -> bytes:
        """The file."""


class Graphs:
    """The graphs of one set of weights, opened when first asked for. Streams share them: what a graph keeps
    between two hops lies in the buffers of the stream."""

    def __init__(self, build: Callable[..., Built], path: str, threads: int = 1) -> None:
        """`build` takes a number of hops and whether the front end is to be in it (`front`)."""
        self._build, self._path, self._threads = build, path, threads
        self._opened: dict[tuple[int, bool], tuple[dict[str, int], InferenceSession]] = {}
        one = build(1)
        self.states, self.rows = one.states, one.rows
        """as `HopGraph` has them, for a single hop"""

    def get(self, steps: int, *, front: bool) -> tuple[dict[str, int], InferenceSession]:
        """The `rows` of the graph for so many hops, and it opened."""
        key = steps, front
        if key not in self._opened:
            graph = self._build(steps, front=front)
            opened = session(graph.model(), self._path, threads=self._threads, fixed=True)
            self._opened[key] = graph.rows, opened  # the graph itself holds all weights once more
            del graph
            give_back()
        return self._opened[key]


@cache
def _graphs(name: str, threads: int) -> Graphs:
    return Graphs(partial(_hop_graph, name), f"edge/data/{FILES[name]}.onnx", threads)


def _hop_graph(name: str, steps: int, *, front: bool = False) -> HopGraph:
    """Out of the file, again for every graph: the weights are kept by ONNX Runtime alone."""
    file = f"{FILES[name]}.onnx"
    data = (files("edge") / "data" / file).read_bytes()
    if sha256_of(data) != identity(name)["sha256"]:
        raise ModelError(f"edge/data/{file}", "differs from its manifest", "reinstall heychip")
    return HopGraph(read_layers(data, f"edge/data/{file}"), steps, front=front)


class Backbone:
    """Embeddings of a stream of mel frames. State: the last 2 frames before each convolution over time.

    Its graphs (for one hop and for a few at once, made when first needed) write into the same buffers and
    read what the step before wrote: there are two sets of them, in turn. A buffer is as long as the longest
    output and every output ends where it ends, so the last frames lie in the same place whichever graph ran.
    """

    def __init__(self, name: str = REFERENCE, *, threads: int = 1, front: FrontEnd | None = None) -> None:
        """With a `front` end its graphs begin there, and `hear` is to be used in the place of `step`."""
        self._front = front
        self._open(_graphs(name, threads))

    @classmethod
    def of(cls, data: bytes, *, threads: int = 1) -> Backbone:
        """One that is not among our own, from the bytes of its file."""
        path = "backbone.onnx"
        return cls.over(Graphs(partial(HopGraph, read_layers(data, path)), path, threads))

    @classmethod
    def over(cls, graphs: Graphs, front: FrontEnd | None = None) -> Backbone:
        """A stream through other graphs of the same kind."""
        made = cls.__new__(cls)
        made._front = front
        made._open(graphs)
        return made

    def _open(self, graphs: Graphs) -> None:
        self._shared = graphs
        rows, states = graphs.rows, graphs.states
        self._sets = tuple(
            {name: np.zeros((LONGEST * rows[name], *shape[1:]) if len(shape) == 2 else shape, np.float32)
             for name, shape in states.items()}
            for _ in range(2)
        )
        self._tails = tuple({name: _end(buffer, states[name][0]) for name, buffer in buffers.items()}
                            for buffers in self._sets)
        self._out = np.zeros((LONGEST, SIZE), np.float32)
        self._bound: dict[int, list[Bound]] = {}
        self._turn = 0  # the set that the next run writes

    def _graph_for(self, steps: int) -> list[Bound]:
        """The graph for so many steps between the two sets, in both directions."""
        if steps in self._bound:
            return self._bound[steps]
        made = self._bound[steps] = []
        rows, opened = self._shared.get(steps, front=self._front is not None)
        for new, old in zip(self._sets, reversed(self._tails), strict=True):
            inputs = dict(old)
            outputs = {name.replace("state", "next"): _end(buffer, rows[name])
                       for name, buffer in new.items()}
            mel = outputs.pop("next0")
            if self._front:
                outputs["mel"] = mel
                inputs |= {name: part[: steps * FRAMES_PER_STEP] for name, part in self._front.parts.items()}
            else:
                inputs["mel"] = mel
            made.append(Bound(opened, inputs, outputs | {"embeddings": self._out[:steps]}))
        return made

    def reset(self, state: State | None = None) -> None:
        """Forget the stream, or go back to a `state` that was taken earlier."""
        for name, tail in self._tails[1 - self._turn].items():
            tail[:] = 0 if state is None else state[name]

    @property
    def state(self) -> State:
        """A copy of what is kept between steps."""
        return {name: tail.copy() for name, tail in self._tails[1 - self._turn].items()}

    def step(self, mel: Array) -> Array:
        """Mel frames [k * 8, 32] to embeddings [k, 96]."""
        out = np.empty((len(mel) // FRAMES_PER_STEP, SIZE), np.float32)
        for at, steps in pieces(len(out)):
            frames = _end(self._sets[self._turn]["state0"], steps * FRAMES_PER_STEP)
            frames[:] = mel[at * FRAMES_PER_STEP : (at + steps) * FRAMES_PER_STEP]
            self.hear(out[at : at + steps])
        return out

    def hear(self, out: Array) -> None:
        """What lies in the `parts` of the front end that it was made with, as many hops as there are rows in
        `out`, to embeddings there [k, 96]. `pieces` says how many at once may be asked for."""
        turn, steps = self._turn, len(out)
        self._graph_for(steps)[turn].run()
        self._turn = 1 - turn
        out[:] = self._out[:steps]


def pieces(count: int) -> list[tuple[int, int]]:
    """Where each graph begins and for how many steps it is, to make so many."""
    made: list[tuple[int, int]] = []
    at = 0
    while at < count:
        steps = next(steps for steps in PIECES if steps <= count - at)
        made.append((at, steps))
        at += steps
    return made


def _end(buffer: Array, rows: int) -> Array:
    """The last rows of a buffer; all of it where it is no row of rows."""
    return buffer[-rows:] if buffer.ndim == 2 else buffer


class Features:
    """Sound to embeddings: front end and backbone in a row, started on a quiet room.

    The first 76 frames of a stream have no past. They are given one: two seconds of very quiet noise, always
    the same, so that every hop has a decision and a word early in a recording can be heard. A hop of exact
    zeros (a muted switch, a noise gate, a sound server with nothing to play) is no room at all, and what
    follows it would be missed: it is taken for the same quiet room.
    """

    def __init__(self, name: str = REFERENCE, *, threads: int = 1, graphs: Graphs | None = None) -> None:
        """The backbone of a name, or that of other `graphs`."""
        self._front = FrontEnd(at_once=LONGEST)
        if graphs is None:
            self._backbone = Backbone(name, threads=threads, front=self._front)
        else:
            self._backbone = Backbone.over(graphs, self._front)
        hops = quiet_room().reshape(-1, STEP)
        self._quiet = hops[0]
        hops = np.concatenate([hops[: -len(hops) % FEW], hops])  # all that is left of the first is forgotten
        past = np.empty((len(hops), SIZE), np.float32)
        for k in range(0, len(hops), FEW):  # the graph for LONGEST may not be needed
            self._hear(hops[k : k + FEW], past[k : k + FEW])
        self._start = (self._front.history, self._backbone.state, past[-CONTEXT:])
        self.reset()

    def reset(self) -> None:
        """Back to the quiet room."""
        history, state, past = self._start
        self._front.reset(history)
        self._backbone.reset(state)
        self._roll, self._at = past, CONTEXT

    def step(self, samples: Array) -> Array:
        """Samples [k * 1280] at 16 kHz to the windows [k, 16, 96] that a detector looks at, one a hop."""
        steps = len(samples) // STEP
        if self._at + steps > len(self._roll):
            self._unroll(steps)
        row, at = self._roll, self._at
        self._at += steps
        if steps == 1:
            hop = samples[:STEP]
            self._front.frames(hop if hop[0] or hop.any() else self._quiet)
            self._backbone.hear(row[at : at + 1])
            return row[None, at + 1 - CONTEXT : at + 1]
        self._hear(self._inhabited(samples[: steps * STEP].reshape(steps, STEP)), row[at : at + steps])
        number = row.itemsize
        return np.ndarray((steps, CONTEXT, SIZE), np.float32, row, (at + 1 - CONTEXT) * SIZE * number,
                          (SIZE * number, SIZE * number, number))  # windows overlap: nothing is copied

    def _hear(self, hops: Array, out: Array) -> None:
        """Hops [k, 1280] to embeddings in `out` [k, 96]."""
        for at, steps in pieces(len(hops)):
            self._front.frames(hops[at : at + steps].reshape(-1))
            self._backbone.hear(out[at : at + steps])

    def _unroll(self, steps: int) -> None:
        """A new roll of paper, with the past on it, that has room for so many steps. What was written on the
        old one is never written over, so windows may be kept."""
        roll = np.empty((CONTEXT + max(ROLL, steps), SIZE), np.float32)
        roll[:CONTEXT] = self._roll[self._at - CONTEXT : self._at]
        self._roll, self._at = roll, CONTEXT

    def _inhabited(self, hops: Array) -> Array:
        """Hops [k, 1280] with the quiet room in the place of exact zeros. Where no hop begins with a zero,
        which is nearly always so, one look at each is enough."""
        if np.count_nonzero(hops[:, 0]) == len(hops):
            return hops
        nothing = np.logical_not(hops.any(axis=1, keepdims=True))
        return np.where(nothing, self._quiet, hops) if nothing.any() else hops


def quiet_room() -> Array:
    """Two seconds of noise at about -80 dB of full scale, the same on every machine and with every numpy."""
    steps = -(-(76 + CONTEXT * FRAMES_PER_STEP) // FRAMES_PER_STEP)
    noise = np.random.RandomState(0).standard_normal(steps * STEP)
    return (noise * 1e-4).astype(np.float32)
