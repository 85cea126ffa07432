"""Sound as it is handed to a player: 16-bit, mono, as a whole."""

from __future__ import annotations

import io
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from edge.speech import TIMEOUT_S, SpeechError


@dataclass(frozen=True)
class Sound:
    """16-bit mono sound."""

    pcm: bytes
    """little-endian samples"""
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / 2 / self.rate_hz

    @property
    def samples(self) -> NDArray[np.float32]:
        """[n], full scale -1..1."""
        return np.frombuffer(self.pcm, "<i2").astype(np.float32) / np.float32(32768)

    def padded(self, silence_s: float) -> Sound:
        """The same after a silence."""
        return Sound(b"\0\0" * round(silence_s * self.rate_hz) + self.pcm, self.rate_hz)

    def cut(self, longest_s: float) -> Sound:
        """The same, at most so long."""
        return Sound(self.pcm[: 2 * max(0, int(longest_s * self.rate_hz))], self.rate_hz)

    def wav(self) -> bytes:
        """A wav file with a true header."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate_hz)
            out.writeframes(self.pcm)
        return file.getvalue()


def from_pipe(data: bytes) -> Sound:
    """The sound in a wav file that was written to a pipe: its header claims 2 GB, the end of the data counts.
    Raises SpeechError where it is not mono 16-bit sound."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SpeechError(f"espeak-ng wrote no wav file but {data[:12]!r}")
    at, rate_hz = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt " and at + 16 <= len(data):
            form, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
            if (form, channels, bits) != (1, 1, 16):
                raise SpeechError(f"espeak-ng wrote {channels} channels of {bits} bits, expected one of 16")
        if name == b"data" and rate_hz:
            end = at + min(size, len(data) - at)
            return Sound(data[at : end - (end - at) % 2], rate_hz)
        at += size + size % 2
    raise SpeechError("espeak-ng wrote a wav file without sound")


def from_floats(samples: NDArray[np.float32], rate_hz: int) -> Sound:
    """Samples [n], full scale -1..1; what is beyond is clipped."""
    whole = np.clip(np.round(samples * 32768), -32768, 32767)
    return Sound(whole.astype("<i2").tobytes(), rate_hz)


def recorded(file: Path | str) -> Sound:
    """A recording as it is, its channels made one. Raises SpeechError where it cannot be read."""
    from edge.wav import open_wav

    try:
        with open_wav(file) as recording:
            samples = recording.read(0, round(TIMEOUT_S * recording.rate_hz))  # the rest would be cut
            return from_floats(np.nan_to_num(samples).mean(axis=1), recording.rate_hz)
    except WavError as error:
        raise SpeechError(f"recording {error}") from error
