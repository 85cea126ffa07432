"""Recordings as a microphone: wav files one after the other, at the pace of the clock or as fast as may be.

A recording that cannot be read is passed over with a warning; only where none can is it an error.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from edge.errors import DeviceError, WavError
from edge.events import HOP_S, Chunk
from edge.wav import WavFile, open_wav

log = logging.getLogger(__name__)


class RecordedMicrophone:
    """A list of wav files that behaves as a microphone would."""

    def __init__(
        self,
        files: Sequence[Path | str],
        *,
        channel: int = 0,
        pace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pace` is in times real time; 0 gives chunks at once. Raises DeviceError if nothing can be read."""
        if not files:
            raise DeviceError("the microphone is a recording, but [microphone] files names none")
        self._files, self._channel, self._pace, self._clock = deque(files), channel, pace, clock
        self._start_s, self._played_s = clock(), 0.0
        self._closed = Event()
        self._wav: WavFile | None = None
        self.name, self.rate_hz = str(files[0]), 0
        self.refused: list[WavError] = []
        """the recordings that were passed over"""
        self._advance()
        if self._wav is None:
            reasons = "\n".join(f"  - {error}" for error in self.refused)
            raise DeviceError(
                f"none of the {len(files)} recordings in [microphone] files can be read:\n{reasons}"
            )

    @property
    def ended(self) -> bool:
        """Whether the last chunk of the last file was given."""
        return self._wav is None

    def read(self, timeout_s: float) -> Chunk | None:
        """The next 80 ms [n, 1] once they would have been recorded; None if not within `timeout_s`."""
        if self._wav is None:
            return None
        count = min(round(HOP_S * self.rate_hz), self._wav.frames - self._at)
        if self._pace > 0.0:
            due_s = self._start_s + (self._played_s + count / self.rate_hz) / self._pace
            wait_s = due_s - self._clock()
            if wait_s > 0.0:
                self._closed.wait(min(wait_s, timeout_s))
            if wait_s > timeout_s or self._closed.is_set():
                return None
        chunk = Chunk(self._wav.read(self._at, count), self.rate_hz)
        self._at += count
        self._played_s += count / self.rate_hz
        if self._at >= self._wav.frames:
            self._advance()
        return chunk

    def close(self) -> None:
        """Close the file; a reader that waits returns at once."""
        self._closed.set()
        self._files.clear()
        self._advance()

    def _advance(self) -> None:
        """Go on to the next file that can be read, if there is one."""
        if self._wav is not None:
            self._wav.close()
        self._wav, self._at = None, 0
        while self._files and self._wav is None:
            path = self._files.popleft()
            try:
                self._wav = open_wav(path, channel=self._channel)
            except WavError as error:
                log.warning("event=recording_passed_over reason=%r", str(error))
                self.refused.append(error)
                continue
            self.name, self.rate_hz = str(path), self._wav.rate_hz
