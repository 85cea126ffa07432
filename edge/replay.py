"""Recordings through the very pipeline that the daemon runs: one JSON object a file."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import load_bundle
from edge.errors import WavError
from edge.events import HOP_S, RATE_HZ, STEP, Heard
from edge.listener import Listener
from edge.resample import Resampler
from edge.wav import log_warning, open_wav, rate_hint

Row = dict[str, Any] | WavError  # an answer, or why there is none

BLOCK_S = 10.0  # how much of a long recording is in flight at once


def samples_of(path: Path | str, *, channel: int = 0) -> NDArray[np.float32]:
    """One channel of a recording [n] at 16 kHz, ended with silence up to a whole hop. Raises WavError."""
    return np.concatenate([np.zeros(0, np.float32), *pieces_of(path, channel=channel)])


def pieces_of(path: Path | str, *, channel: int = 0) -> Iterator[NDArray[np.float32]]:
    """The same in pieces of `BLOCK_S`, the last one shorter: an hour at 48 kHz need not fit the memory."""
    size, left = int(BLOCK_S * RATE_HZ), np.zeros(0, np.float32)
    with open_wav(path) as file:
        if not 0 <= channel < file.channels:
            reason = f"has {file.channels} channels, so there is no channel {channel}"
            raise WavError(path, reason, "count from 0")
        resampler, step = Resampler(file.rate_hz, RATE_HZ), int(BLOCK_S * file.rate_hz)
        for start in range(0, file.frames, step):
            frames = file.read(start, step)
            if not start and (hint := rate_hint(frames[:, 0], file.rate_hz)):
                log_warning(f"{path}: {hint}")
            left = np.concatenate([left, resampler.step(frames[:, channel])])
            while len(left) >= size:
                yield left[:size]
                left = left[size:]
        left = np.concatenate([left, resampler.flush()])
    left = np.concatenate([left, np.zeros(-len(left) % STEP, np.float32)])
    yield from blocks(left, realtime=False)


def blocks(samples: NDArray[np.float32], *, realtime: bool) -> Iterator[NDArray[np.float32]]:
    """`samples` in pieces: a hop at a time at the pace of the clock, or seconds at a time at full speed."""
    size = STEP if realtime else int(BLOCK_S * RATE_HZ)
    started = time.monotonic()
    for start in range(0, len(samples), size):
        if realtime:
            time.sleep(max(0.0, started + (start + size) / RATE_HZ - time.monotonic()))
        yield samples[start : start + size]


def event_object(heard: Heard) -> dict[str, Any]:
    """An event as `replay` prints it."""
    return {"time_s": heard.time_s, "word": heard.word, "member": heard.member, "score": heard.score}


def replay(
    listener: Listener, path: Path | str, *, trace: bool = False, realtime: bool = False, channel: int = 0
) -> dict[str, Any]:
    """What `listener`, started afresh, hears in a recording: file, duration_s, hop_s, events and, with
    `trace`, the margin at every hop. Raises WavError."""
    listener.reset()
    events: list[dict[str, Any]] = []
    margins: list[float] = []
    pieces = [samples_of(path, channel=channel)] if realtime else pieces_of(path, channel=channel)
    for block in (one for piece in pieces for one in blocks(piece, realtime=realtime)):
        events += [event_object(heard) for heard in listener.step(block)]
        margins += listener.margins
    duration_s = round(len(margins) * HOP_S, 3)  # a recording ends with a whole hop
    row: dict[str, Any] = {"file": str(path), "duration_s": duration_s, "hop_s": HOP_S, "events": events}
    if trace:
        row["margin"] = [round(margin, 4) for margin in margins]
    return row


class Replayer:
    """A pipeline and how it is to be used; called with a recording it answers, with a WavError where that
    cannot be read."""

    def __init__(self, models: Sequence[str], offset: float, how: Mapping[str, Any]) -> None:
        """`how`: the keywords of `replay`. Raises ModelError."""
        self._listener = Listener([load_bundle(model) for model in models], offset=offset)
        self._how = how

    def __call__(self, path: str) -> Row:
        try:
            return replay(self._listener, path, **self._how)
        except WavError as error:
            return error


_replayer: Replayer | None = None


def open_worker(models: Sequence[str], offset: float, how: Mapping[str, Any]) -> None:
    """In a worker process, once; Ctrl-C is for the parent, which ends its workers."""
    global _replayer  # noqa: PLW0603 - one pipeline for each worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _replayer = Replayer(models, offset, how)


def work(path: str) -> Row:
    """In a worker process: the answer to one recording."""
    assert _replayer is not None  # noqa: S101 - set by `open_worker`
    return _replayer(path)
