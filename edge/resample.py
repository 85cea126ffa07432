"""From any rate to 16 kHz, as the sound comes: a polyphase windowed-sinc filter with an exact rational ratio.

The method is the usual one (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983) with Kaiser's
window. Nothing below 0.9 of the lower of the two Nyquist frequencies is touched, and nothing from that
Nyquist on comes back as an alias (80 dB down). Output samples are computed in blocks of 16, counted from the
start of the stream, each by one product of the same shape, so how the input is cut cannot change a bit of it.

Time is kept: output sample n sounds at input time n / rate_out, with no shift. An output is given once the
input half a filter behind it has come, at most `delay_s` later (4.2 ms from 48 kHz).
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd, pi

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ

Samples = NDArray[np.float32]

BLOCK = 16  # output samples computed at once; small, so that BLAS keeps to one thread
STOP_DB = 80.0  # how far down an alias is
PASS = 0.9  # the flat part, of the lower Nyquist frequency
MAX_PHASES = 48_000
MAX_BLOCKS = 2_048


class Resampler:
    """A stream of mono sound at `rate_in_hz`, given again at `rate_out_hz`."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int = RATE_HZ) -> None:
        if rate_in_hz < 1 or rate_out_hz < 1:
            raise ValueError(f"rates must be above 0 Hz, not {rate_in_hz} and {rate_out_hz}")
        common = gcd(rate_in_hz, rate_out_hz)
        self.rate_in_hz, self.rate_out_hz = rate_in_hz, rate_out_hz
        self._up, self._down = rate_out_hz // common, rate_in_hz // common
        if self._up > MAX_PHASES:
            raise ValueError(f"the ratio of {rate_out_hz} to {rate_in_hz} Hz is too fine; round the rates")
        self._half = half_taps(rate_in_hz, rate_out_hz)
        self._banks = banks(self._up, self._down, self._half)
        self.reset()

    @property
    def delay_s(self) -> float:
        """The longest time between an input and the output that it completes, in seconds."""
        if self._up == self._down:
            return 0.0
        return self._half / self.rate_in_hz + (BLOCK - 1) / self.rate_out_hz

    def reset(self) -> None:
        """Forget the past: the next sample is the first of a stream that was silent before."""
        self._received = 0  # input samples so far
        self._blocks = 0  # blocks of output so far
        self._origin = 1 - self._half  # the input time of the first sample kept
        self._kept = np.zeros(self._half - 1, np.float32)

    def step(self, x: Samples) -> Samples:
        """Take float32 [n], n of 0 or more, and give the float32 [m] that it completes."""
        x = np.asarray(x, np.float32)
        if x.ndim != 1:
            raise ValueError(f"one channel at a time, float32 [n], not {list(x.shape)}")
        if self._up == self._down:
            return x
        self._received += len(x)
        self._kept = np.concatenate([self._kept, x])
        size = self._banks.shape[1]
        # The last block whose window has come: its window begins at or before `last`.
        last = self._origin + len(self._kept) - size + self._half - 1
        ready = ((last + 1) * self._up - 1) // (BLOCK * self._down) + 1 if last >= 0 else 0
        numbers = np.arange(self._blocks, max(ready, self._blocks))
        y = self._filtered(numbers)
        self._blocks += len(numbers)
        spent = self._begin(self._blocks) - self._origin
        self._kept, self._origin = self._kept[spent:], self._origin + spent
        return y

    def flush(self) -> Samples:
        """What the end of the stream still holds, as if silence followed; then reset.

        Of n input samples, ceil(n * rate_out / rate_in) come out in all.
        """
        if self._up == self._down:
            return np.zeros(0, np.float32)
        missing = -(-self._received * self._up // self._down) - self._blocks * BLOCK
        y = self.step(np.zeros(self._banks.shape[1] + BLOCK * self._down // self._up + 1, np.float32))
        self.reset()
        return y[:missing]

    def _begin(self, number: int) -> int:
        """The input time at which the window of a block begins."""
        return number * BLOCK * self._down // self._up - self._half + 1

    def _filtered(self, numbers: NDArray[np.int64]) -> Samples:
        """The blocks of these numbers, one after the other, float32 [16 * len(numbers)]."""
        if len(numbers) > MAX_BLOCKS:  # a long recording at once: bound the memory of its windows
            pieces = range(0, len(numbers), MAX_BLOCKS)
            return np.concatenate([self._filtered(numbers[at : at + MAX_BLOCKS]) for at in pieces])
        variants, size, _ = self._banks.shape
        y = np.empty((len(numbers), BLOCK), np.float32)
        begins = numbers * (BLOCK * self._down) // self._up - self._half + 1 - self._origin
        if len(numbers) < variants * variants:  # blocks in a row, each with a filter of its own
            rows = [slice(at, at + variants) for at in range(0, len(numbers), variants)]
        else:  # those that have a filter in common
            rows = [slice(first, None, variants) for first in range(variants)]
        for row in rows:
            windows = self._kept[begins[row, None] + np.arange(size)]
            bank = self._banks[numbers[row] % variants] if row.step is None else (
                self._banks[numbers[row.start] % variants])
            y[row] = np.matmul(windows[:, None, :], bank)[:, 0]  # one product a block: see above
        return y.reshape(-1)


def half_taps(rate_in_hz: int, rate_out_hz: int) -> int:
    """Input samples on either side of an output that its filter needs."""
    transition = pi * (1.0 - PASS) * min(1.0, rate_out_hz / rate_in_hz)  # radians a sample
    return ceil(((STOP_DB - 7.95) / (2.285 * transition) + 1) / 2)


@lru_cache(maxsize=4)
def banks(up: int, down: int, half: int) -> Samples:
    """The filters [variants, window, 16]: a block's window of input times its bank is its output.

    Blocks repeat after `variants` of them, when their outputs fall between the inputs as before.
    """
    if up == down:
        return np.zeros((1, 1, BLOCK), np.float32)
    variants = up // gcd(up, BLOCK)
    n = np.arange(variants * BLOCK, dtype=np.int64).reshape(variants, BLOCK)
    centre, phase = n * down // up, (n * down % up) / up
    first = centre - centre[:, :1]  # where in its block's window each output's filter begins
    taps = np.arange(2 * half)
    away = taps - (half - 1) - phase[..., None]  # input samples from the output to each tap
    cut = min(1.0, up / down) * (1.0 + PASS) / 2
    beta = 0.1102 * (STOP_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.maximum(0.0, 1.0 - np.square(away / half)))) / np.i0(beta)
    filters = cut * np.sinc(cut * away) * window
    filters /= filters.sum(axis=-1, keepdims=True)  # the same gain at 0 Hz for every phase
    found = np.zeros((variants, int(first.max()) + 2 * half, BLOCK), np.float32)
    found[np.arange(variants)[:, None, None], first[..., None] + taps, np.arange(BLOCK)[:, None]] = filters
    return found


def at_16_khz(sound: Samples, rate_hz: int) -> Samples:
    """A whole sound [n] as the front end takes it."""
    resampler = Resampler(rate_hz)
    return np.concatenate([resampler.step(sound), resampler.flush()])
