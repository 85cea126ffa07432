"""An adaptive filter that learns the way from our loudspeaker to our microphone, and subtracts what it says.

In each band of a short-time Fourier transform the way is a handful of complex taps, and a Kalman filter with
a full covariance learns them (Enzner and Vary, "Frequency-domain adaptive Kalman filter for acoustic echo
control in hands-free telephones", 2006, taken to subbands). Speech has much in common with itself 16 ms ago,
so a filter that keeps only a variance for each tap (Kuech, Mabande and Enzner, 2014) learns slowly; docs
tell how much. What is left serves as the noise: when somebody talks over us it is loud and little is learned,
so nobody has to decide when two talk at once.

Only bands up to 4 kHz are worked on and given back: the front end hears nothing above 3.8 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ

Samples = NDArray[np.float32]
Bands = NDArray[np.complex64]

BLOCK = 256  # samples in a step, 16 ms
WINDOW = 4 * BLOCK
LATE = WINDOW - BLOCK  # samples by which what is given back lags behind what was given
HIGH_HZ = 4000
BANDS = WINDOW * HIGH_HZ // RATE_HZ + 1
TAPS = 8  # blocks that the way is long; with the window's own length 160 ms
STEADY = 0.98  # how much of the way is the same a block later: clocks drift by 100 ppm, people walk by
MEMORY = 0.5  # of the power of what is left, from block to block
LEAST = 1e-7 * WINDOW  # power of a band in which there is nothing
NEVER_SURE = 1e-6
REMAINS = 0.1  # of what was predicted, so much may still be there
SOFTEST = 0.1  # the least of a band's gain


class EchoFilter:
    """Blocks of what we play and of what the microphone hears to what others said, `LATE` samples later."""

    def __init__(self) -> None:
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
        self._window = np.sqrt(hann).astype(np.float32)
        self._back = (self._window * 2 * BLOCK / WINDOW).astype(np.float32)
        self._taps = np.arange(TAPS)
        self.reset()

    def reset(self) -> None:
        """Forget the way and the past."""
        self.forget()
        self.rewind()

    def forget(self) -> None:
        """The way may be any other from now on."""
        self._way = np.zeros((BANDS, TAPS), np.complex64)
        self._doubt = np.tile(np.eye(TAPS, dtype=np.complex64), (BANDS, 1, 1))

    def rewind(self) -> None:
        """Another piece of sound begins; the way is the same."""
        self._sounds = np.zeros((2, WINDOW), np.float32)  # the last of what was played, and of what was heard
        self._sum = np.zeros(WINDOW, np.float32)
        self._played = np.zeros((BANDS, TAPS), np.complex64)  # the newest first
        self._left = np.zeros(BANDS, np.float32)
        self._ours, self._others = np.zeros(BANDS, np.float32), np.zeros(BANDS, np.float32)
        self.energies = (0.0, 0.0)
        """of the last block, in the bands: what was heard, and what is left of it"""

    def step(self, played: Samples, heard: Samples) -> Samples:
        """One block [256] of each, full scale -1..1, to a block of what is left of what was heard `LATE`
        samples ago. What is not a number must not come in; where the filter itself breaks, all is forgotten
        and nothing is subtracted."""
        self._sounds[:, :-BLOCK] = self._sounds[:, BLOCK:]
        self._sounds[0, -BLOCK:], self._sounds[1, -BLOCK:] = played, heard
        bands = np.fft.rfft(self._sounds * self._window)[:, :BANDS].astype(np.complex64)
        self._played[:, 1:] = self._played[:, :-1]
        self._played[:, 0] = bands[0]
        ours = (self._way * self._played).sum(axis=1)
        left = bands[1] - ours
        power = _power(left)
        self.energies = (float(_power(bands[1]).sum()), float(power.sum()))
        if not np.isfinite(self.energies[1]) or not np.isfinite(self._doubt[:, 0, 0].real).all():
            self.forget()
            self._left[:] = self._ours[:] = self._others[:] = 0
            left = bands[1]
        else:
            self._learn(left, power)
            left = left * self._softer(_power(ours), power)
        self._sum[:-BLOCK] = self._sum[BLOCK:]
        self._sum[-BLOCK:] = 0
        self._sum += np.fft.irfft(left, WINDOW) * self._back
        return self._sum[:BLOCK].copy()

    def _softer(self, ours: Samples, left: Samples) -> Samples:
        """Wiener's gain against what the filter cannot learn: loudspeakers that rattle, clocks that drift."""
        self._ours = MEMORY * self._ours + (1 - MEMORY) * ours
        self._others = MEMORY * self._others + (1 - MEMORY) * left
        gain: Samples = np.maximum(SOFTEST, 1 - REMAINS * self._ours / (self._others + LEAST))
        return gain

    def _learn(self, left: Bands, power: Samples) -> None:
        """The Kalman gain of every band, the step along it, and what is known after it."""
        self._left = MEMORY * self._left + (1 - MEMORY) * power
        noise = np.maximum(self._left, power) + LEAST
        reach = (self._doubt @ self._played.conj()[:, :, None])[:, :, 0]
        gain = reach / ((self._played * reach).sum(axis=1).real + noise)[:, None]
        self._way += gain * left[:, None]
        self._doubt -= gain[:, :, None] * reach.conj()[:, None, :]
        strength = _power(self._way)
        drift = (1 - STEADY * STEADY) * (strength + 0.01 * strength.mean(axis=1, keepdims=True) + NEVER_SURE)
        self._doubt[:, self._taps, self._taps] += drift


def _power(bands: Bands) -> Samples:
    out: Samples = np.square(bands.real) + np.square(bands.imag)
    return out
