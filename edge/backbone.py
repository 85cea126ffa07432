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

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone_layers import read_layers
from edge.frontend import FRAMES_PER_STEP, FrontEnd
from edge.graphs import Graphs, contents, manifest, where
from edge.hop_graph import KEPT, HopGraph, Kept
from edge.manifest import BACKBONES as FILES
from edge.sessions import Bound

SIZE = 96  # numbers in an embedding
CONTEXT = 16  # embeddings that a detector looks at: 1.28 s
LONGEST = 8  # steps in one call on a long recording: what a call touches then stays in the cache

FEW = 3  # that the lazy gate asks for: an eighth cheaper each than one alone
PIECES = (LONGEST, FEW, 1)  # there is a graph for each

REFERENCE, HARDENED = FILES  # the file of each in data/, without its ending, is what its name maps to

Array = NDArray[np.float32]
State = dict[str, Array]


def identity(name: str = REFERENCE) -> dict[str, Any]:
    """A backbone's own manifest: name, sha256, source, licence."""
    return manifest(FILES[name])


@cache
def _graphs(name: str, threads: int) -> Graphs[Kept]:
    file = f"{FILES[name]}.onnx"
    return _graphs_of(lambda: contents(file, identity(name)["sha256"]), where(file), threads)


def _graphs_of(read: Callable[[], bytes], path: str, threads: int) -> Graphs[Kept]:
    return Graphs(lambda steps, front: HopGraph(read_layers(read(), path), steps, front=front), path,
                  threads=threads)


class Backbone:
    """Embeddings of a stream of mel frames. State: the last 2 frames before each convolution over time.

    Its graphs (for one hop and for a few at once, made when first needed) write on the same tapes, each run
    behind the one before, whichever graph it was: what is kept lies in front of what is new, and nothing is
    copied but at the end of the tapes, when they are wound back. See `HopGraph`.
    """

    def __init__(
        self, name: str = REFERENCE, *, threads: int = 1, front: FrontEnd | None = None, most: int = LONGEST
    ) -> None:
        """With a `front` end its graphs begin there, and `hear` is to be used in the place of `step`. The
        tapes have room for `most` hops: as many as are ever asked for at once."""
        self._front, self._most = front, most
        self._open(_graphs(name, threads))

    @classmethod
    def of(cls, data: bytes, *, threads: int = 1) -> Backbone:
        """One that is not among our own, from the bytes of its file."""
        made = cls.__new__(cls)
        made._front, made._most = None, LONGEST
        made._open(_graphs_of(lambda: data, "backbone.onnx", threads))
        return made

    def _open(self, graphs: Graphs[Kept]) -> None:
        self._graphs, self._kept = graphs, graphs.shape.tapes
        self._tapes = {name: np.zeros((tape.kept + self._most * tape.new, tape.width), np.float32)
                       for name, tape in self._kept.items()}
        self._block = np.zeros(graphs.shape.block, np.float32)
        self._out = np.zeros((self._most, SIZE), np.float32)
        self._bound: dict[tuple[int, int], Bound] = {}
        self._at = 0  # hops on the tapes

    def _bind(self, steps: int) -> Bound:
        """The graph for so many steps, from where the tapes are."""
        inputs, outputs = {"block": self._block}, {"next_block": self._block, "embeddings": self._out[:steps]}
        for name, tape in self._kept.items():
            place, start = self._tapes[name], self._at * tape.new
            to = outputs if self._front or name != "mel" else inputs
            to[name] = place[start + tape.kept :][: steps * tape.new]
            if name == "mel":
                inputs["mel_2"] = place[start:][: tape.kept]
            else:
                inputs[f"{name}_2"] = place[start:][: steps * tape.new]
                inputs[f"{name}_1"] = place[start + tape.kept // 2 :][: steps * tape.new]
        if self._front:
            inputs |= {name: part[: steps * FRAMES_PER_STEP] for name, part in self._front.parts.items()}
        return Bound(self._graphs.get(steps, front=self._front is not None), inputs, outputs)

    def reset(self, state: State | None = None) -> None:
        """Forget the stream, or go back to a `state` that was taken earlier."""
        self._at = 0
        for name, tape in self._kept.items():
            self._tapes[name][: tape.kept] = 0 if state is None else state[name]
        self._block[:] = 0 if state is None else state["block"]

    @property
    def state(self) -> State:
        """A copy of what is kept between steps."""
        kept = {name: self._tapes[name][self._at * tape.new :][: tape.kept].copy()
                for name, tape in self._kept.items()}
        return kept | {"block": self._block.copy()}

    def step(self, mel: Array) -> Array:
        """Mel frames [k * 8, 32] to embeddings [k, 96]."""
        out = np.empty((len(mel) // FRAMES_PER_STEP, SIZE), np.float32)
        for at, steps in pieces(len(out)):
            self.hear(out[at : at + steps], mel[at * FRAMES_PER_STEP : (at + steps) * FRAMES_PER_STEP])
        return out

    def hear(self, out: Array, mel: Array | None = None) -> None:
        """`mel`, or what lies in the `parts` of the front end that it was made with, as many hops as there
        are rows in `out`, to embeddings there [k, 96]. `pieces` says how many at once may be asked for."""
        steps = len(out)
        if self._at + steps > self._most:  # the tapes are wound back
            for name, tape in self._kept.items():
                self._tapes[name][: tape.kept] = self._tapes[name][self._at * tape.new :][: tape.kept]
            self._at = 0
        if mel is not None:
            self._tapes["mel"][KEPT + self._at * FRAMES_PER_STEP :][: len(mel)] = mel
        bound = self._bound.get((steps, self._at))
        if bound is None:
            bound = self._bound[steps, self._at] = self._bind(steps)
        bound.run()
        self._at += steps
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
