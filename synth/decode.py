"""Any audio file as 16 kHz mono: wav files by `edge.wav`, all others by FFmpeg's decoders in PyAV.

One channel is taken, never an average. Everything is decoded and resampled piece by piece, so only the
result has to fit the memory, and every failure is a WavError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ
from edge.wav import open_wav

Sound = NDArray[np.float32]

MAX_S = 12 * 3600.0  # a few kilobytes of FLAC can hold days of silence
BLOCK_S = 10.0
FORMATS = "aac,aiff,amr,asf,au,caf,flac,g722,gsm,matroska,mov,mp3,ogg,wav"
RAW = {".g722": "g722", ".gsm": "gsm"}  # they have no header to be known by
OPTIONS = {"format_whitelist": FORMATS}  # FFmpeg would open what a playlist lists, whatever its name
EXTRA = "pip install 'heychip[synth]'"
AGAIN = "play it to see whether it is whole, or leave it out"


@dataclass(frozen=True)
class Decoded:
    """A recording at 16 kHz."""

    samples: Sound
    """float32 [n]"""
    clipped: float
    """the share of samples at full scale, measured at the recording's own rate"""


def load_audio(path: Path | str, *, channel: int = 0) -> Sound:
    """One channel of any audio file as float32 [n] at 16 kHz, -1..1. Raises WavError."""
    return decode(path, channel=channel).samples


def decode(path: Path | str, *, channel: int = 0, at_most_s: float | None = None) -> Decoded:
    """The same with what was measured on the way; no more than the first `at_most_s` of it."""
    path = Path(path)
    is_wav = path.suffix.lower() in (".wav", ".wave")
    pieces = _wav_pieces(path, channel) if is_wav else _av_pieces(path, channel)
    resampling, kept = _Resampling(), []
    count = clipped = 0
    duration_s = 0.0
    for piece, rate_hz in pieces:
        if not np.isfinite(piece).all():
            raise WavError(path, "it decodes to NaN or infinity", AGAIN)
        count += len(piece)
        clipped += int(np.count_nonzero(np.abs(piece) >= 0.999))
        duration_s += len(piece) / rate_hz
        kept.append(resampling.step(np.clip(piece, -1.0, 1.0), rate_hz))
        if at_most_s is not None and duration_s >= at_most_s:
            break
        if duration_s > MAX_S:
            raise WavError(path, f"longer than {MAX_S / 3600:.0f} h", "cut it into pieces")
    if count == 0:
        raise WavError(path, "no samples", AGAIN)
    kept.append(resampling.flush())
    return Decoded(np.clip(np.concatenate(kept), -1.0, 1.0), clipped / count)


def printable(name: object) -> str:
    """A name that may be logged: bytes that are no UTF-8, newlines and the like are written as escapes."""
    text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _Resampling:
    """To 16 kHz, from a rate that a chained file may change on the way."""

    def __init__(self) -> None:
        self._rate_hz, self._stream = RATE_HZ, None

    def step(self, piece: Sound, rate_hz: int) -> Sound:
        """What a piece [n] completes."""
        ended = self.flush() if rate_hz != self._rate_hz else np.zeros(0, np.float32)
        if rate_hz != self._rate_hz:
            self._rate_hz = rate_hz
            self._stream = (
                _soxr().ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32") if rate_hz != RATE_HZ else None
            )
        found = piece if self._stream is None else self._stream.resample_chunk(piece)
        return np.concatenate([ended, found]) if len(ended) else found

    def flush(self) -> Sound:
        """What the end of the stream still holds."""
        rest = np.zeros(0, np.float32)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)


def _wav_pieces(path: Path, channel: int) -> Iterator[tuple[Sound, int]]:
    with open_wav(path, channel=channel) as wav:
        size = int(BLOCK_S * wav.rate_hz)
        for start in range(0, wav.frames, size):
            yield wav.read(start, size)[:, 0], wav.rate_hz


def _av_pieces(path: Path, channel: int) -> Iterator[tuple[Sound, int]]:
    """Decoded frames, gathered to seconds, since there may be thousands of them in a minute."""
    av = _av()
    raw = RAW.get(path.suffix.lower())
    gathered: list[Sound] = []
    duration_s, size, rate_hz = 0.0, 0, 0
    try:
        if not path.stat().st_size:
            raise WavError(path, "is empty: 0 bytes", AGAIN)
        # An open file and not its name, which FFmpeg would take for an address where it holds a colon.
        with (
            path.open("rb") as file,
            av.open(file, format=raw, metadata_errors="replace", options=OPTIONS) as container,
        ):
            if not container.streams.audio:
                raise WavError(path, "there is no sound in it", AGAIN)
            for frame in container.decode(container.streams.audio[0]):
                if gathered and (frame.sample_rate != rate_hz or size >= BLOCK_S * rate_hz):
                    yield np.concatenate(gathered), rate_hz
                    gathered, size = [], 0
                rate_hz = frame.sample_rate
                gathered.append(_channel(frame, channel, path))
                size += len(gathered[-1])
                duration_s += len(gathered[-1]) / rate_hz
    except (av.FFmpegError, OSError, UnicodeError) as error:
        after = f" after {duration_s:.1f} s" if duration_s else ""
        reason = getattr(error, "strerror", None) or str(error)
        raise WavError(path, f"cannot be decoded{after}: {reason}".lower(), AGAIN) from error
    if gathered:
        yield np.concatenate(gathered), rate_hz


def _channel(frame: Any, channel: int, path: Path) -> Sound:
    """One channel [n] of a frame as float32; integers by their full scale."""
    array = frame.to_ndarray()
    channels = array if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels).T
    if channel >= len(channels):
        raise WavError(path, f"it has no channel {channel}", f"choose channel 0 to {len(channels) - 1}")
    picked: NDArray[Any] = channels[channel]
    if picked.dtype == np.uint8:
        return (picked.astype(np.float32) - np.float32(128)) / np.float32(128)
    if picked.dtype.kind == "i":
        return (picked / -float(np.iinfo(picked.dtype).min)).astype(np.float32)
    return picked.astype(np.float32)


def _av() -> Any:
    try:
        return import_module("av")
    except ImportError as error:
        raise UsageError(f"PyAV is needed to read anything but wav: {EXTRA}") from error


def _soxr() -> Any:
    try:
        return import_module("soxr")
    except ImportError as error:
        raise UsageError(f"soxr is needed to resample recordings: {EXTRA}") from error
