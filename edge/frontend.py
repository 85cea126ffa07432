"""The front end: 16 kHz sound to mel frames, 10 ms apart, equal to openWakeWord's `melspectrogram.onnx`.

The reference multiplies every frame by a dense 512 x 257 Fourier matrix. Its window is a periodic Hann of
400 samples in the middle of 512, and power does not care where in the transform a frame stands, so an FFT of
the 400 samples gives the same numbers, and in double precision costs no more. Its bands are Slaney's
(librosa's `filters.mel`, 60 to 3800 Hz), its scale is that of 16-bit samples, and it cuts what is more than
80 dB under the loudest value of the call; a call here is one step of 8 frames, so that the result does not
depend on how the stream was cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ, STEP

MELS = 32
FFT = 512
WINDOW = 400
HOP = 160
FRAMES_PER_STEP = STEP // HOP
HISTORY = WINDOW - HOP  # samples of the past that the first frame of a step still needs
LOW_HZ, HIGH_HZ = 60.0, 3800.0
SCALE = 32768.0  # the backbone was trained on 16-bit samples
FLOOR = 1e-10
RANGE = 8.0  # 80 dB, in the units of a mel frame

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


class FrontEnd:
    """Mel frames of a stream. State: the last 240 samples."""

    def __init__(self) -> None:
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
        self._window = window * SCALE
        filters = mel_filters()
        self._bins = _used(filters)
        self._filters = filters[self._bins].astype(np.float64)
        self._history = np.zeros(HISTORY, np.float32)

    def reset(self, history: Array | None = None) -> None:
        """Forget the stream; `history` [240] is what is taken to have sounded before it (silence if None)."""
        self._history = np.zeros(HISTORY, np.float32) if history is None else history.copy()

    @property
    def history(self) -> Array:
        """The samples [240] that the next step still needs, for a snapshot."""
        return self._history.copy()

    def step(self, samples: Array) -> Array:
        """Samples [k * 1280], full scale -1..1, to mel frames [k * 8, 32]; the last frame ends with them."""
        if len(samples) % STEP:
            raise ValueError(f"a step is a multiple of {STEP} samples, not {len(samples)}")
        if not len(samples):
            return np.zeros((0, MELS), np.float32)
        sound = np.concatenate([self._history, samples], dtype=np.float32)
        self._history = sound[-HISTORY:]
        frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
        spectrum = np.fft.rfft(frames * self._window, FFT)[:, self._bins]
        power = spectrum.real**2 + spectrum.imag**2
        mel = np.log10(np.maximum(power @ self._filters, FLOOR)).astype(np.float32)
        steps = mel.reshape(-1, FRAMES_PER_STEP, MELS)
        floor = steps.max(axis=(1, 2), keepdims=True) - np.float32(RANGE)
        out: Array = np.maximum(steps, floor).reshape(-1, MELS) + np.float32(2)
        return out
