"""What both live backends share: a callback that only copies and enqueues, and the reader's side of it."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError
from edge.events import Chunk
from edge.microphone.device import PULSE, Device
from edge.microphone.holders import holders
from edge.microphone.pace import Pace
from edge.ring import Ring

log = logging.getLogger(__name__)

BLOCK_S = 0.04  # half a hop: shorter only wakes the Pi more often, longer delays every decision
RING_S = 5.0  # a stall of this length loses nothing
NO_WAY_IN = {-9985, -9996}  # "Device unavailable" (in use), "Invalid device"
HOST_ERROR = -9999  # ALSA's own comes with it:
_GONE = (errno.ENOENT, errno.EIO, errno.ENXIO, errno.EACCES, errno.EBUSY, errno.ENODEV, errno.ECONNREFUSED)
USUAL_RATES_HZ = (48_000, 44_100, 16_000, 32_000)


class Live:
    """A microphone that runs. Counts what goes wrong; nothing of it raises in the callback."""

    ended = False  # a device is gone or it is there; only a recording is over

    def __init__(self, device: Device, rate_hz: int, channel: int) -> None:
        self.device, self.name, self.channel = device, device.name, channel
        self.may_move = device.name.startswith(PULSE)
        """whether a sound server may give us another source instead, without a word"""
        self.ring = Ring(RING_S)
        self.overflows = 0
        """callbacks that told of lost input"""
        self._gone = self._closed = False
        self._pace = Pace(rate_hz)

    @property
    def rate_hz(self) -> int:
        """Samples per second of what comes next."""
        return self._pace.rate_hz

    @rate_hz.setter
    def rate_hz(self, rate_hz: int) -> None:
        self._pace = Pace(rate_hz)  # whoever knows better may say so

    @property
    def measured_rate_hz(self) -> float | None:
        """Frames per second as they really come, or None where that is not yet known."""
        return self._pace.measured_rate_hz

    @property
    def behind_s(self) -> float:
        """Seconds of sound that were heard and are still to be read."""
        return self.ring.held_s

    def hear(self, frames: NDArray[np.float32], *, overflow: bool) -> None:
        """Called by the backend's callback with [n, channels], which it may reuse afterwards."""
        gap_s = self._pace.step(len(frames), time.monotonic(), overflow=overflow)
        self.overflows += overflow
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


def is_gone(error: Exception) -> bool:
    """Whether an error of PortAudio says that no other rate or number of channels would help: the device is
    busy or gone. The codes are PortAudio's, or ALSA's in the third argument of sounddevice's errors."""
    code, host = next((a for a in error.args if isinstance(a, int)), 0), error.args[2:3]
    alsa = host[0][1] if host and isinstance(host[0], tuple) else 0
    return code in NO_WAY_IN or (code == HOST_ERROR and -alsa in _GONE)


def aim(device: Device) -> None:
    """Before opening: tell the sound server's library which source is meant. There is no other way through
    ALSA's plug; the variable is read at each opening, and says nothing to other devices."""
    if device.name.startswith(PULSE):
        os.environ["PULSE_SOURCE"] = device.name.removeprefix(PULSE)


@contextmanager
def quiet() -> Iterator[None]:
    """ALSA and PortAudio write a page to standard error for each attempt, which says nothing that our own
    message does not. Where nobody plugs a microphone in, that would be a page every five seconds."""
    try:
        saved = os.dup(2)
    except OSError:  # it was closed long ago
        yield
        return
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silence)


def refusal(device: Device, reasons: list[str]) -> DeviceError:
    """What to say where every attempt at opening a device failed."""
    reason = reasons[0] if reasons else "no way of opening it"
    remedy = "is another program using it? `fuser -v /dev/snd/*` tells"
    if users := holders():
        remedy = f"in use by {', '.join(users)}"
    elif device.name.startswith(PULSE):
        remedy = "is it there? `pactl list short sources` tells"
    return DeviceError(f"microphone {device.name!r} cannot be opened: {reason} ({remedy})")
