"""What both live backends share: a callback that only copies and enqueues, and the reader's side of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError
from edge.events import Chunk
from edge.microphone import Device
from edge.ring import Ring

log = logging.getLogger(__name__)

BLOCK_S = 0.04  # half a hop: shorter only wakes the Pi more often, longer delays every decision
RING_S = 5.0  # a stall of this length loses nothing
USUAL_RATES_HZ = (48_000, 44_100, 16_000, 32_000)
MEASURE_S = 10.0


class Live:
    """A microphone that runs. Counts what goes wrong; nothing of it raises in the callback."""

    ended = False  # a device is gone or it is there; only a recording is over

    def __init__(self, device: Device, rate_hz: int, channel: int) -> None:
        self.device, self.name, self.rate_hz, self.channel = device, device.name, rate_hz, channel
        self.ring = Ring(RING_S)
        self.overflows = 0
        """callbacks that told of lost input"""
        self._gone = self._closed = False
        self._first_s = self._last_s = 0.0  # monotonic times of the first and the last callback
        self._frames = 0  # since the first callback, without its own

    @property
    def measured_rate_hz(self) -> float | None:
        """Frames per second as they really come, over the 10 s or more since the start or an overflow."""
        elapsed_s = self._last_s - self._first_s
        return self._frames / elapsed_s if elapsed_s >= MEASURE_S else None

    @property
    def behind_s(self) -> float:
        """Seconds of sound that were heard and are still to be read."""
        return self.ring.held_s

    def hear(self, frames: NDArray[np.float32], *, overflow: bool) -> None:
        """Called by the backend's callback with [n, channels], which it may reuse afterwards."""
        now_s = time.monotonic()
        gap_s = 0.0
        if overflow:
            self.overflows += 1
            gap_s = max(0.0, now_s - self._last_s - len(frames) / self.rate_hz) if self._last_s else 0.0
        if overflow or not self._last_s:
            self._first_s, self._frames = now_s, 0
        else:
            self._frames += len(frames)
        self._last_s = now_s
        self.ring.put(Chunk(frames[:, self.channel : self.channel + 1].copy(), self.rate_hz, gap_s))

    def lost(self) -> None:
        """Called when the stream has ended by itself."""
        self._gone = not self._closed
        self.ring.close()

    def read(self, timeout_s: float) -> Chunk | None:
        """The next chunk [n, 1], or None if none came in time. Raises DeviceError once the device is gone."""
        chunk = self.ring.get(timeout_s)
        if chunk is None and not self.running() and not self._closed:
            raise DeviceError(f"microphone {self.name!r} went away; reconnect it")
        return chunk

    def running(self) -> bool:
        """Whether the backend still believes in the stream. True proves nothing: see the watchdog."""
        return not self._gone


def attempts(device: Device, channel: int) -> Iterator[tuple[int, int]]:
    """The rates in Hz and numbers of channels to open a device with, its own first.

    Fewer channels than a device has would be mixed by ALSA's plugs, and one of them may be a loudspeaker's
    reference; but a sound server's device claims 32 or more, and takes whatever number it is asked for.
    """
    if channel >= device.inputs:
        raise DeviceError(
            f"microphone {device.name!r} has channels 0 to {device.inputs - 1} only; "
            f"[microphone] channel = {channel} is not among them"
        )
    own = device.inputs if device.inputs <= 8 else max(2, channel + 1)
    channels = [n for n in dict.fromkeys((own, channel + 1, 2, 1)) if channel < n <= device.inputs]
    rates = dict.fromkeys((device.rate_hz, *USUAL_RATES_HZ))
    return product(rates, channels)


def refusal(device: Device, reasons: list[str]) -> DeviceError:
    """What to say where every attempt at opening a device failed."""
    reason = reasons[0] if reasons else "no way of opening it"
    remedy = "is another program using it? `fuser -v /dev/snd/*` tells"
    return DeviceError(f"microphone {device.name!r} cannot be opened: {reason} ({remedy})")
