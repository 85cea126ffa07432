"""The detectors of one bundle: the last 16 embeddings to one logit for each member.

Whether a logit is an alarm is decided in `ensemble`; whether it is a number at all, too.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge import sessions, trial
from edge.backbone import FEW
from edge.errors import ModelError
from edge.hop_detectors import Stream, read_convolutions
from edge.manifest import FRAMES, INPUT, OUTPUT, SIZE
from edge.onnx_scan import Port

if TYPE_CHECKING:
    from edge.bundle import Bundle

Array = NDArray[np.float32]

log = logging.getLogger(__name__)

PROOFS, ALIKE = 5, 1e-4  # hops of noise, and how far apart two ways of working out a logit may lie
CLOSEST = 1e-7  # how near to 0 or 1 a probability may come before its logit is clipped


def check_contract(
    inputs: Sequence[Port], outputs: Sequence[Port], members: int, where: object, *, probability: bool = False
) -> None:
    """One input [1, 16, 96], one output [1, members]. ModelError says what was found and what was expected.

    With `probability` it is a file in the manner of openWakeWord: any names, the batch may be dynamic, and
    the output is one score. An output whose shape the file does not say is left to the first run.
    """
    problems = []
    wanted = Port("any name" if probability else INPUT, "float32", (1, FRAMES, SIZE))
    if len(inputs) != 1 or not _fits(inputs[0], wanted, loose=probability):
        problems.append(f"input: found {_row(inputs)}, expected {wanted}")
    wanted = Port("any name" if probability else OUTPUT, "float32", (1, members))
    if len(outputs) != 1 or not _fits(outputs[0], wanted, loose=probability):
        problems.append(f"output: found {_row(outputs)}, expected {wanted}")
    elif probability and outputs[0].name == OUTPUT:
        problems.append("its output is logits, whose thresholds only the manifest of its bundle knows")
    if problems:
        remedy = "give a heychip bundle, or a single-word model of openWakeWord"
        raise ModelError(where, "does not fit: " + "; ".join(problems), remedy)


def _fits(found: Port, wanted: Port, *, loose: bool) -> bool:
    if found.dtype != wanted.dtype or not (loose or found.name == wanted.name):
        return False
    if not loose:
        return found.shape == wanted.shape
    if found.shape is None:
        return wanted.shape == (1, 1)
    if wanted.shape == (1, 1):
        return all(axis == 1 for axis in found.shape if isinstance(axis, int))
    batch = found.shape[:1]
    return found.shape[1:] == (FRAMES, SIZE) and (batch == (1,) or not isinstance(batch[0], int))


def _row(ports: Sequence[Port]) -> str:
    return ", ".join(str(port) for port in ports[:4]) or "none"


class Detectors:
    """All members of a bundle, in one session. `step` keeps no state; `follow` is for a stream."""

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        """Try the file in a child process if it is new here, then open it. ModelError where that fails."""
        manifest, self.path = bundle.manifest, bundle.path
        self.word = manifest.word
        self.names = tuple(member.name for member in manifest.members)
        self.thresholds: Array = np.array([one.threshold for one in manifest.members], np.float32)
        self._probability = bundle.probability
        if not bundle.shipped:
            trial.try_first(bundle.onnx, bundle.path)
        self._session = sessions.session(bundle.onnx, bundle.path, threads=threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = [[_port(one) for one in ports] for ports in (inputs, outputs)]
        check_contract(found[0], found[1], len(self.names), bundle.path, probability=self._probability)
        self._input, self._output = inputs[0].name, [outputs[0].name]
        self._first_run()
        self._window = np.zeros((1, FRAMES, SIZE), np.float32)
        self._logits = np.zeros((1, len(self.names)), np.float32)
        self._bound = self._fitting()
        self._stream = None if self._probability else self._proven(bundle.onnx, threads)
        self._cold = True  # whether the stream knows nothing of the window that came last

    def twin(self) -> Detectors:
        """The same for another stream: the graphs are shared, the state is not."""
        made = copy.copy(self)
        made._stream = self._stream and self._stream.twin()
        made._cold = True
        return made

    def step(self, embeddings: Array) -> Array:
        """Embeddings [16, 96], oldest first, to logits [N]. A member that fails gives NaN or infinity."""
        if self._bound is None:
            out: Array = self._session.run(self._output, {self._input: embeddings[None]})[0].reshape(-1)
            return logit(out) if self._probability else out
        self._window[0] = embeddings
        self._bound.run()
        logits: Array = self._logits[0].copy()
        return logits

    def _fitting(self) -> sessions.Bound | None:
        """The session between fixed arrays, where what comes out has the shape that the file says."""
        said = self._session.run(self._output, {self._input: self._window})[0]
        if self._probability or said.shape != self._logits.shape:
            return None
        return sessions.Bound(self._session, {self._input: self._window}, {OUTPUT: self._logits})

    def reset(self) -> None:
        """What `follow` is given next does not go on from what it was given last."""
        self._cold = True

    def follow(self, windows: Array) -> Array:
        """What `step` gives, to float error, for windows [k, 16, 96] each of which is the one before moved on
        by one embedding: logits [k, N]. A stream begins anew after `reset`."""
        if self._stream is None:
            return np.stack([self.step(window) for window in windows])
        if self._cold:
            self._cold = False
            for at in range(0, FRAMES - 1, FEW):
                self._stream.next(windows[0, at : min(at + FEW, FRAMES - 1)])
        return self._stream.next(windows[:, -1])

    def _proven(self, onnx: bytes, threads: int) -> Stream | None:
        """The stream of a graph that can be one, where it says of noise what the graph says."""
        row = read_convolutions(onnx)
        if row is None:
            return None
        stream = Stream(row, self.path, threads=threads)
        noise = np.random.default_rng(1).standard_normal((FRAMES + PROOFS, SIZE)).astype(np.float32) * 8
        few = noise.reshape(-1, FEW, SIZE)
        said = np.concatenate([stream.next(embeddings) for embeddings in few])[FRAMES - 1 :]
        wanted = np.stack([self.step(noise[k : k + FRAMES]) for k in range(PROOFS + 1)])
        if not (np.abs(said - wanted) <= ALIKE * (1 + np.abs(wanted))).all():
            log.warning("event=not_streamed path=%s why=says_something_else", self.path)
            return None
        return stream

    def _first_run(self) -> None:
        """Run on plain windows, as far as embeddings reach, and on noise: the size of the output must fit."""
        noise = np.random.default_rng(0).standard_normal((FRAMES, SIZE)).astype(np.float32) * 10
        plain = [np.full((FRAMES, SIZE), level, np.float32) for level in (0, 20, -20)]
        for window in (*plain, noise):
            try:
                out = self._session.run(self._output, {self._input: window[None]})[0]
            except Exception as error:  # ONNX Runtime's exceptions have no common base but this one
                said = sessions.explain(str(error), sessions.runtime(self.path).__version__)[0]
                raise ModelError(self.path, said) from error
            if out.size != len(self.names):
                reason = f"gives {out.size} numbers, but its manifest has {len(self.names)} members"
                raise ModelError(self.path, reason)
            if self._probability and not bool(((out >= 0) & (out <= 1)).all()):
                reason = f"gives a score of {float(out.reshape(-1)[0]):.3g}, but a score is in 0..1"
                raise ModelError(self.path, reason, "a model that gives logits needs a manifest")


def logit(score: Array) -> Array:
    """Scores in 0..1 to logits, clipped to about -16..16. What is not in 0..1 is not a number."""
    inside = (score >= 0) & (score <= 1)
    p = np.clip(np.where(inside, score, np.nan).astype(np.float64), CLOSEST, 1 - CLOSEST)
    return np.log(p / (1 - p)).astype(np.float32)


def _port(node: Any) -> Port:
    """What a session says of an input or output; it says [] for a shape that it does not know."""
    dtype = "float32" if node.type == "tensor(float)" else str(node.type)
    return Port(str(node.name), dtype, tuple(node.shape) or None)
