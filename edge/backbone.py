"""The backbone: mel frames to speech embeddings, Google's speech_embedding in its exact streaming form.

`synth/tools/convert_backbone.py` derives `data/backbone.onnx` from the reference graph and proves that 8 new
frames with the kept state give what the whole window of 76 gives. One graph serves both a live stream (8
frames a call) and whole recordings (any multiple of 8 frames a call).

There are two sets of weights in the same graph, at the same cost. The reference is what every detector in the
openWakeWord style was trained on. The hardened one was taught by `synth/tools/harden_backbone.py` to say of
speech in noise and rooms what the reference says of the same speech in quiet; our own bundles use it. A
bundle's manifest names the one that it needs.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.events import STEP
from edge.files import sha256_of
from edge.frontend import FRAMES_PER_STEP, FrontEnd
from edge.manifest import BACKBONES as FILES
from edge.sessions import session

SIZE = 96  # numbers in an embedding
CONTEXT = 16  # embeddings that a detector looks at: 1.28 s
LONGEST = 16  # steps in one call on a long recording: what a call touches then stays in the cache

REFERENCE, HARDENED = FILES  # the file of each in data/, without its ending, is what its name maps to

Array = NDArray[np.float32]


@cache
def identity(name: str = REFERENCE) -> dict[str, Any]:
    """A backbone's own manifest: name, sha256, source, licence."""
    found: dict[str, Any] = json.loads((files("edge") / "data" / f"{FILES[name]}.json").read_text())
    return found


@cache
def _graph(name: str) -> bytes:
    data = (files("edge") / "data" / f"{FILES[name]}.onnx").read_bytes()
    if sha256_of(data) != identity(name)["sha256"]:
        raise ModelError(f"edge/data/{FILES[name]}.onnx", "differs from its manifest", "reinstall heychip")
    return data


class Backbone:
    """Embeddings of a stream of mel frames. State: the last 2 frames before each convolution over time."""

    def __init__(self, name: str = REFERENCE, *, threads: int = 1) -> None:
        self._open(_graph(name), f"edge/data/{FILES[name]}.onnx", threads)

    @classmethod
    def of(cls, data: bytes, *, threads: int = 1) -> Backbone:
        """One that is not among our own, from the bytes of its file."""
        made = cls.__new__(cls)
        made._open(data, "backbone.onnx", threads)
        return made

    def _open(self, data: bytes, path: str, threads: int) -> None:
        self._session = session(data, path, threads=threads)
        self._names = [i.name for i in self._session.get_inputs()[1:]]
        self._zeros = [np.zeros(i.shape, np.float32) for i in self._session.get_inputs()[1:]]
        self._state = self._zeros

    def reset(self, state: list[Array] | None = None) -> None:
        """Forget the stream, or go back to a `state` that was taken earlier."""
        self._state = self._zeros if state is None else state

    @property
    def state(self) -> list[Array]:
        """What is kept between steps; never written to, so that it can be taken as it is."""
        return self._state

    def step(self, mel: Array) -> Array:
        """Mel frames [k * 8, 32] to embeddings [k, 96]."""
        feeds = dict(zip(self._names, self._state, strict=True))
        feeds["mel"] = mel[None, None]
        embeddings, *self._state = self._session.run(None, feeds)
        out: Array = embeddings[0]
        return out


class Features:
    """Sound to embeddings: front end and backbone in a row, started on a quiet room.

    The first 76 frames of a stream have no past. They are given one: two seconds of very quiet noise, always
    the same, so that every hop has a decision and a word early in a recording can be heard. A hop of exact
    zeros (a muted switch, a noise gate, a sound server with nothing to play) is no room at all, and what
    follows it would be missed: it is taken for the same quiet room.
    """

    def __init__(self, name: str = REFERENCE, *, threads: int = 1) -> None:
        self._front, self._backbone = FrontEnd(), Backbone(name, threads=threads)
        quiet = quiet_room()
        self._quiet = quiet[:STEP]
        self._front.reset()
        past = self._backbone.step(self._front.step(quiet))
        self._start = (self._front.history, self._backbone.state, past[-CONTEXT:].copy())
        self.reset()

    def reset(self) -> None:
        """Back to the quiet room."""
        history, state, past = self._start
        self._front.reset(history)
        self._backbone.reset(state)
        self._past = past

    def step(self, samples: Array) -> Array:
        """Samples [k * 1280] at 16 kHz to the windows [k, 16, 96] that a detector looks at, one a hop."""
        steps = len(samples) // STEP
        if not steps:
            return np.zeros((0, CONTEXT, SIZE), np.float32)
        hops = samples[: steps * STEP].reshape(steps, STEP)
        nothing = np.logical_not(np.any(hops, axis=1, keepdims=True))
        if nothing.any():
            hops = np.where(nothing, self._quiet, hops)
        sound = hops.reshape(-1)
        parts = [self._past]
        for start in range(0, len(sound), LONGEST * STEP):
            mel = self._front.step(sound[start : start + LONGEST * STEP])
            parts.append(self._backbone.step(mel))
        row = np.concatenate(parts)
        self._past = row[-CONTEXT:]
        windows = np.lib.stride_tricks.sliding_window_view(row, CONTEXT, axis=0)[1:]
        return windows.transpose(0, 2, 1)


def quiet_room() -> Array:
    """Two seconds of noise at about -80 dB of full scale, the same on every machine and with every numpy."""
    steps = -(-(76 + CONTEXT * FRAMES_PER_STEP) // FRAMES_PER_STEP)
    noise = np.random.RandomState(0).standard_normal(steps * STEP)
    return (noise * 1e-4).astype(np.float32)
