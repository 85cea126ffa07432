"""The front end: 16 kHz sound to mel frames, 10 ms apart, equal to openWakeWord's `melspectrogram.onnx`.

The reference multiplies every frame of 512 by a dense Fourier matrix of 257 bins. Its window is a periodic
Hann of 400 samples in the middle of 512. Power does not care where in the transform a frame stands: with its
middle as the origin the cosines see only the even part of a frame and the sines only the odd part, so each is
200 numbers long, and 120 bins are all that the bands look at. That is a sixth of the multiplications, and the
two products take less time than an FFT with all that is around it. The bands are Slaney's (librosa's
`filters.mel`, 60 to 3800 Hz), the scale is that of 16-bit samples, and what is more than 80 dB under the
loudest value of the call is cut; a call here is one step of 8 frames, so that the result does not depend on
how the stream was cut.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ, STEP
from edge.onnx_make import Graph
from edge.sessions import Bound, session

MELS = 32
FFT = 512
WINDOW = 400
HALF = WINDOW // 2
HOP = 160
FRAMES_PER_STEP = STEP // HOP
HISTORY = WINDOW - HOP  # samples of the past that the first frame of a step still needs
LOW_HZ, HIGH_HZ = 60.0, 3800.0
SCALE = 32768.0  # the backbone was trained on 16-bit samples
FLOOR = 1e-10
RANGE = 1e-8  # in power: 80 dB
LIFT = 100.0  # the reference adds 2 to its logarithms to the base of 10

Array = NDArray[np.float32]


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear under 1 kHz (15 mels), logarithmic above it, 27 steps for a factor of 6.4."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


def _hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def mel_filters() -> Array:
    """The filter bank [FFT // 2 + 1, MELS], each triangle of unit area (Slaney's norm)."""
    edges = _mel_to_hz(np.linspace(_hz_to_mel(LOW_HZ), _hz_to_mel(HIGH_HZ), MELS + 2))
    bins = np.arange(FFT // 2 + 1) * RATE_HZ / FFT
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


def _used(filters: Array) -> slice:
    """The bins that any band looks at: the others need not be squared at all."""
    bins = np.flatnonzero(filters.any(axis=1))
    return slice(int(bins[0]), int(bins[-1]) + 1)


def spectrum_tables() -> tuple[Array, Array, Array]:
    """Cosines and sines [200, bins], windowed and scaled, for the even and the odd part of a frame, and the
    filters [bins, MELS], all of the bins that any band looks at."""
    filters = mel_filters()
    bins = _used(filters)
    away = np.arange(HALF)[:, None]  # samples from the middle of the frame
    window = SCALE * (0.5 + 0.5 * np.cos(2 * np.pi * away / WINDOW))
    angle = 2 * np.pi * away * np.arange(bins.start, bins.stop) / FFT
    cosines, sines = window * np.cos(angle), window * np.sin(angle)
    cosines[0] /= 2  # the middle is its own mirror image, so it comes twice
    return cosines.astype(np.float32), sines.astype(np.float32), filters[bins]


def mel_nodes(graph: Graph, frames: int) -> str:
    """The way from new inputs `even` and `odd`, the parts of frames [8 * k, 200], to mel frames [8 * k, 32],
    in a graph under construction; gives the name of those."""
    cosines, sines, filters = spectrum_tables()
    real = graph.one("MatMul", graph.input("even", frames, HALF), graph.weight(cosines))
    imaginary = graph.one("MatMul", graph.input("odd", frames, HALF), graph.weight(sines))
    power = graph.one("Add", graph.one("Mul", real, real), graph.one("Mul", imaginary, imaginary))
    power = graph.one("MatMul", power, graph.weight(filters * np.float32(LIFT)))
    if frames != FRAMES_PER_STEP:
        power = graph.one("Reshape", power, graph.numbers(-1, FRAMES_PER_STEP * MELS))
    loudest = graph.one("ReduceMax", power, axes=[0, 1] if frames == FRAMES_PER_STEP else [1])
    quietest = graph.one("Mul", loudest, graph.weight(np.array(RANGE, np.float32)))
    quietest = graph.one("Clip", quietest, graph.weight(np.array(FLOOR * LIFT, np.float32)))
    loudness = graph.one("Log", graph.one("Max", power, quietest))
    mel = graph.one("Mul", loudness, graph.weight(np.array(1 / np.log(10), np.float32)))
    return mel if frames == FRAMES_PER_STEP else graph.one("Reshape", mel, graph.numbers(-1, MELS))


def mel_graph() -> bytes:
    """`even` and `odd` parts of the frames of a step [8, 200] to `mel` [8, 32]."""
    graph = Graph()
    graph.output(mel_nodes(graph, FRAMES_PER_STEP), "mel", FRAMES_PER_STEP, MELS)
    return graph.model("mel")


class FrontEnd:
    """Mel frames of a stream. State: the last 240 samples. It works in its own buffers, a step at a time."""

    def __init__(self, *, at_once: int = 1) -> None:
        """`at_once`: the hops whose parts of frames can lie in `parts`."""
        self._sound = np.zeros(HISTORY + at_once * STEP, np.float32)
        self._past, self._new = self._sound[:HISTORY], self._sound[HISTORY:]
        frames = np.lib.stride_tricks.sliding_window_view(self._sound, WINDOW)[::HOP]
        ahead, behind = frames[:, HALF:], frames[:, HALF:0:-1]
        size = (at_once * FRAMES_PER_STEP, HALF)
        even, odd = (np.zeros(size, np.float32) for _ in range(2))
        self.parts = {"even": even, "odd": odd}
        """what `frames` works out, the inputs of `mel_nodes`; always the same arrays"""
        self._views = [(ahead[:count], behind[:count], even[:count], odd[:count])
                       for count in range(0, size[0] + 1, FRAMES_PER_STEP)]

    @cached_property
    def _graph(self) -> tuple[Bound, Array]:
        """The second half of a step on its own, and where it writes: not opened where nobody needs it."""
        mel = np.zeros((FRAMES_PER_STEP, MELS), np.float32)
        _, _, even, odd = self._views[1]
        graph = session(mel_graph(), "the front end", fixed=True)
        return Bound(graph, {"even": even, "odd": odd}, {"mel": mel}), mel

    def reset(self, history: Array | None = None) -> None:
        """Forget the stream; `history` [240] is what is taken to have sounded before it (silence if None)."""
        self._past[:] = 0 if history is None else history

    @property
    def history(self) -> Array:
        """The samples [240] that the next step still needs, for a snapshot."""
        return self._past.copy()

    def step(self, samples: Array) -> Array:
        """Samples [k * 1280], full scale -1..1, to mel frames [k * 8, 32]; the last frame ends with them."""
        if len(samples) % STEP:
            raise ValueError(f"a step is a multiple of {STEP} samples, not {len(samples)}")
        out = np.empty((len(samples) // HOP, MELS), np.float32)
        for hop in range(len(samples) // STEP):
            frames = out[hop * FRAMES_PER_STEP : (hop + 1) * FRAMES_PER_STEP]
            self.one(samples[hop * STEP : (hop + 1) * STEP], frames)
        return out

    def one(self, samples: Array, out: Array) -> None:
        """One step: samples [1280] into `out` [8, 32]. Nothing is allocated."""
        self.frames(samples)
        graph, mel = self._graph
        graph.run()
        out[:] = mel

    def frames(self, samples: Array) -> None:
        """The first half of a step, or of some at once, samples [k * 1280] into the beginning of `parts`, for
        who has the second half in a graph of their own."""
        count = len(samples)
        ahead, behind, even, odd = self._views[count // STEP]
        self._new[:count] = samples
        np.add(ahead, behind, out=even)
        np.subtract(ahead, behind, out=odd)
        self._past[:] = self._sound[count : count + HISTORY]
