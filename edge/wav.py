"""Recordings in and out, as float32 with full scale at -1..1.

The standard library's `wave` and SciPy accept files that lie (half of the samples missing, rate 0, 65535
channels) and ask for 4 GiB when a header names that size; so the header is parsed in `edge/riff.py`. The
fault table of recordings is `tests/edge/test_wav.py`.
"""

from __future__ import annotations

import logging
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.files import write_whole
from edge.riff import MAX_RATE_HZ, MIN_RATE_HZ, Layout, Source

Samples = NDArray[np.float32]
Warn = Callable[[str], None]

BLOCK_FRAMES = 1 << 17  # how much of a file of floats is checked at a time


@dataclass(frozen=True)
class Recording:
    """A whole recording."""

    samples: Samples
    """[n, channels], full scale is -1..1"""
    rate_hz: int
    """samples per second"""


def log_warning(message: str) -> None:
    """Where oddities go unless the caller takes them."""
    logging.getLogger(__name__).warning("event=wav_warning message=%r", message)


class WavFile:
    """An open recording, read piece by piece, so that an hour of it fits a Pi's memory."""

    def __init__(self, file: BinaryIO, where: object, layout: Layout, channel: int | None) -> None:
        self._file, self._where, self._layout, self._channel = file, where, layout, channel
        self.rate_hz, self.frames, self.channels = layout.rate_hz, layout.frames, layout.channels

    def read(self, start: int = 0, count: int | None = None) -> Samples:
        """Frames `start` to `start + count`: float32 [n, channels], or [n, 1] where a channel was picked."""
        left = max(self.frames - start, 0)
        frames = self._frames(start, left if count is None else min(count, left))
        return np.clip(frames, -1.0, 1.0, out=frames)

    def check(self, warn: Warn) -> None:
        """Refuse NaN and infinity, and count what is beyond full scale, in a file of floats."""
        bad = over = 0
        for start in range(0, self.frames, BLOCK_FRAMES):
            block = self._frames(start, min(BLOCK_FRAMES, self.frames - start))
            bad += int(np.count_nonzero(~np.isfinite(block)))
            over += int(np.count_nonzero(np.abs(block) > 1.0))
        if bad:
            raise WavError(self._where, f"{bad} samples are NaN or infinite", "export it again")
        if over:
            warn(f"{self._where}: {over} samples beyond full scale were clipped (export it with less gain)")

    def _frames(self, start: int, count: int) -> Samples:
        self._file.seek(self._layout.offset + start * self._layout.block)
        data = self._file.read(count * self._layout.block)
        data = data[: len(data) - len(data) % self._layout.block]  # the file may shrink under our hands
        frames = _decode(data, self._layout.coding).reshape(-1, self._layout.channels)
        return frames if self._channel is None else frames[:, self._channel : self._channel + 1].copy()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> WavFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_wav(
    path: Path | str, *, channel: int | None = None, salvage: bool = False, warn: Warn = log_warning
) -> WavFile:
    """Open a recording for reading in pieces; options and errors are those of `read_wav`."""
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting for ever
            raise WavError(path, "not a file", "name a wav file, not a folder or a pipe")
        file = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a name that holds a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        raise WavError(path, reason.lower(), "check its name and who may read it") from error
    try:
        return _opened(Source(file, status.st_size, path, salvage, warn), channel)
    except BaseException:
        file.close()
        raise


def read_wav(
    path: Path | str, *, channel: int | None = None, salvage: bool = False, warn: Warn = log_warning
) -> Recording:
    """Read a whole recording.

    `channel` picks one (the result is then [n, 1]); None keeps them all. They are never averaged, for one of
    them may be a loudspeaker's reference. `salvage` takes what is there of a file that was cut off. What is
    odd but usable goes to `warn`; everything else raises WavError.
    """
    with open_wav(path, channel=channel, salvage=salvage, warn=warn) as file:
        recording = Recording(file.read(), file.rate_hz)
    if hint := rate_hint(recording.samples[:, 0], recording.rate_hz):
        warn(f"{path}: {hint}")
    return recording


def write_wav(path: Path | str, samples: Samples, rate_hz: int) -> None:
    """Write float32 [n] or [n, channels] as 16-bit PCM, whole; what is beyond full scale is clipped."""
    frames = np.asarray(samples, np.float32)
    frames = frames[:, None] if frames.ndim == 1 else frames
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise WavError(path, f"rate {rate_hz} Hz, not {MIN_RATE_HZ}-{MAX_RATE_HZ}", "resample before writing")
    if not np.isfinite(frames).all():
        raise WavError(path, "the samples to write hold NaN or infinity", "mend what computed them")
    data = np.clip(np.round(frames * 32768.0), -32768, 32767).astype("<i2").tobytes()
    block = 2 * frames.shape[1]
    head = struct.pack("<HHIIHH", 1, frames.shape[1], rate_hz, rate_hz * block, block, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    write_whole(path, b"RIFF" + struct.pack("<I", len(body)) + body)


def rate_hint(sound: Samples, rate_hz: int) -> str:
    """Say so if `sound` [n] seems slowed down, as speech at 48 kHz that is labelled 16 kHz does; else "".

    Speech holds little below 75 Hz and something above 2.7 kHz; slowed down by 3 it is the other way round.
    Of 189 clips of real speech none was suspected, and 180 were once they had been mislabelled so.
    """
    size = 1 << (rate_hz // 8 - 1).bit_length()  # 128 ms at 16 kHz
    if rate_hz < 16_000 or len(sound) < 2 * size:
        return ""
    windows = np.lib.stride_tricks.sliding_window_view(sound[: 10 * rate_hz], size)[:: size // 2]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(size)))).sum(axis=0)
    power[: 20 * size // rate_hz + 1] = 0.0  # an offset or a rumble says nothing of the rate
    if power.sum() <= 0.0:
        return ""
    low_hz, high_hz = np.searchsorted(np.cumsum(power) / power.sum(), [0.01, 0.999]) * rate_hz / size
    if low_hz >= 75 or high_hz >= 2_700:
        return ""
    return f"sounds slowed down, with nothing above {high_hz:.0f} Hz: is {rate_hz} Hz its true rate?"


def _opened(source: Source, channel: int | None) -> WavFile:
    layout = source.layout()
    if channel is not None and not 0 <= channel < layout.channels:
        raise source.refusal(f"it has no channel {channel}", f"choose channel 0 to {layout.channels - 1}")
    opened = WavFile(source.file, source.where, layout, channel)
    if layout.coding in ("<f4", "<f8"):
        opened.check(source.warn)
    return opened


def _decode(data: bytes, coding: str) -> Samples:
    """Samples as float32 [n]; integers by their full scale exactly, so that int16 -32768 is -1.0."""
    if coding == "i24":
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)  # 24 bits fit a float32
    raw = np.frombuffer(data, coding)
    if coding == "u1":
        return (raw.astype(np.float32) - np.float32(128)) / np.float32(128)
    if coding == "<i2":
        return raw.astype(np.float32) / np.float32(32768)
    if coding == "<i4":
        return (raw / 2.0**31).astype(np.float32)
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, and is refused as such
        return raw.astype(np.float32)
