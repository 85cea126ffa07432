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
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone_layers import read_layers
from edge.errors import ModelError
from edge.events import STEP
from edge.files import sha256_of
from edge.frontend import FRAMES_PER_STEP, MELS, FrontEnd
from edge.hop_graph import HopGraph
from edge.manifest import BACKBONES as FILES
from edge.sessions import Bound, session

SIZE = 96  # numbers in an embedding
CONTEXT = 16  # embeddings that a detector looks at: 1.28 s
LONGEST = 8  # steps in one call on a long recording: what a call touches then stays in the cache

ROLL = 64  # embeddings for which there is room before memory is asked for again

PIECES = (LONGEST, 2, 1)  # there is a graph for each

REFERENCE, HARDENED = FILES  # the file of each in data/, without its ending, is what its name maps to

Array = NDArray[np.float32]
State = dict[str, Array]


@cache
def identity(name: str = REFERENCE) -> dict[str, Any]:
    """A backbone's own manifest: name, sha256, source, licence."""
    found: dict[str, Any] = json.loads((files("edge") / "data" / f"{FILES[name]}.json").read_text())
    return found


def _graph(name: str) -> bytes:
    data = (files("edge") / "data" / f"{FILES[name]}.onnx").read_bytes()
    if sha256_of(data) != identity(name)["sha256"]:
        raise ModelError(f"edge/data/{FILES[name]}.onnx", "differs from its manifest", "reinstall heychip")
    return data


class Backbone:
    """Embeddings of a stream of mel frames. State: the last 2 frames before each convolution over time.

    Its graphs (for one hop and for a few at once, made when first needed) write into the same buffers and
    read what the step before wrote: there are two sets of them, in turn. A buffer is as long as the longest
    output and every output ends where it ends, so the last frames lie in the same place whichever graph ran.
    """

    def __init__(self, name: str = REFERENCE, *, threads: int = 1) -> None:
        self._open(_graph(name), f"edge/data/{FILES[name]}.onnx", threads)

    @classmethod
    def of(cls, data: bytes, *, threads: int = 1) -> Backbone:
        """One that is not among our own, from the bytes of its file."""
        made = cls.__new__(cls)
        made._open(data, "backbone.onnx", threads)
        return made

    def _open(self, data: bytes, path: str, threads: int) -> None:
        self._layers, self._path, self._threads = read_layers(data, path), path, threads
        one = HopGraph(self._layers, 1)
        self._sets = tuple(
            {name: np.zeros((LONGEST * one.rows[name], *shape[1:]) if len(shape) == 2 else shape, np.float32)
             for name, shape in one.states.items()}
            for _ in range(2)
        )
        self._tails = tuple({name: _end(buffer, one.states[name][0]) for name, buffer in buffers.items()}
                            for buffers in self._sets)
        self._out = np.zeros((LONGEST, SIZE), np.float32)
        self._graphs: dict[int, list[Bound]] = {}
        self._turn = 0  # the set that the next run writes

    def _graph_for(self, steps: int) -> list[Bound]:
        """The graph for so many steps."""
        if steps not in self._graphs:
            self._graphs[steps] = self._bound(steps)
        return self._graphs[steps]

    def _bound(self, steps: int, parts: State | None = None) -> list[Bound]:
        """A graph between the two sets, in both directions; it begins at the front end's `parts` if given."""
        made: list[Bound] = []
        graph = HopGraph(self._layers, steps, front=parts is not None)
        opened = session(graph.model(), self._path, threads=self._threads, fixed=True)
        for new, old in zip(self._sets, reversed(self._tails), strict=True):
            written = {name: _end(buffer, graph.rows[name]) for name, buffer in new.items()}
            mel = {"mel": written.pop("state0")}
            outputs = {name.replace("state", "next"): part for name, part in written.items()}
            outputs["embeddings"] = self._out[:steps]
            if parts is None:
                made.append(Bound(opened, mel | old, outputs))
            else:
                made.append(Bound(opened, parts | old, outputs | mel))
        return made

    def behind(self, front: FrontEnd) -> Callable[[], Array]:
        """A step of a single hop, front end and backbone in one run, for after `front.frames`. What it gives,
        an embedding [96], lies where the next step writes."""
        turns, embedding = self._bound(1, front.parts), self._out[0]

        def step() -> Array:
            turns[self._turn].run()
            self._turn = 1 - self._turn
            return embedding

        return step

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
        self.into(mel, out)
        return out

    def into(self, mel: Array, out: Array) -> None:
        """Mel frames [k * 8, 32] to embeddings in `out` [k, 96]. Nothing is allocated."""
        at = 0
        while at < len(out):
            steps = next(steps for steps in PIECES if steps <= len(out) - at)
            graph = self._graph_for(steps)
            frames = _end(self._sets[self._turn]["state0"], steps * FRAMES_PER_STEP)
            frames[:] = mel[at * FRAMES_PER_STEP : (at + steps) * FRAMES_PER_STEP]
            graph[self._turn].run()
            self._turn = 1 - self._turn
            out[at : at + steps] = self._out[:steps]
            at += steps


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

    def __init__(self, name: str = REFERENCE, *, threads: int = 1) -> None:
        self._front, self._backbone = FrontEnd(), Backbone(name, threads=threads)
        self._hop = self._backbone.behind(self._front)
        quiet = quiet_room()
        self._quiet = quiet[:STEP]
        self._mel = np.zeros((LONGEST * FRAMES_PER_STEP, MELS), np.float32)
        mel = self._front.step(quiet)
        pairs = range(0, len(mel), 2 * FRAMES_PER_STEP)  # the graph for LONGEST may not be needed
        past = [self._backbone.step(mel[k : k + 2 * FRAMES_PER_STEP]) for k in pairs]
        self._start = (self._front.history, self._backbone.state, np.concatenate(past)[-CONTEXT:])
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
            row[at] = self._hop()
            return row[None, at + 1 - CONTEXT : at + 1]
        hops = self._inhabited(samples[: steps * STEP].reshape(steps, STEP))
        for start in range(0, steps, LONGEST):
            mel = self._mel[: min(LONGEST, steps - start) * FRAMES_PER_STEP]
            for k, hop in enumerate(hops[start : start + LONGEST]):
                self._front.one(hop, mel[k * FRAMES_PER_STEP : (k + 1) * FRAMES_PER_STEP])
            self._backbone.into(mel, row[at + start : at + min(start + LONGEST, steps)])
        number = row.itemsize
        return np.ndarray((steps, CONTEXT, SIZE), np.float32, row, (at + 1 - CONTEXT) * SIZE * number,
                          (SIZE * number, SIZE * number, number))  # windows overlap: nothing is copied

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
