"""Recordings that stay small until somebody listens: hours of them as floats would fill the memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast, overload

import numpy as np

from edge.events import RATE_HZ
from synth.acoustics import Sound
from synth.packs import Pcm, to_sound

STREAM_S = 30.0
PAUSE = np.zeros(RATE_HZ // 2, np.float32)

Recording = Sound | Pcm
Row = tuple[Recording, ...]  # recordings that are heard one after the other


class Shelf(Sequence[Sound]):
    """A sequence of sounds [n]; what was given as 16 bits or as a row of recordings becomes one each time
    that it is taken down."""

    def __init__(self, items: Iterable[Recording | Row]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Sound: ...
    @overload
    def __getitem__(self, at: slice) -> Shelf: ...
    def __getitem__(self, at: int | slice) -> Sound | Shelf:
        if isinstance(at, slice):
            return Shelf(self._items[at])
        item = self._items[at]
        return in_a_row(item) if isinstance(item, tuple) else floats(item)


def chunks(recordings: Iterable[Recording]) -> list[Row]:
    """Rows of about half a minute each; no recording is cut in two."""
    rows: list[Row] = []
    row: list[Recording] = []
    samples = 0
    for recording in recordings:
        row.append(recording)
        samples += len(recording) + len(PAUSE)
        if samples >= STREAM_S * RATE_HZ:
            rows.append(tuple(row))
            row, samples = [], 0
    return rows + ([tuple(row)] if row else [])


def in_a_row(row: Row) -> Sound:
    """Recordings with pauses between them, each at half of full scale, as one sound [n]."""
    pieces: list[Sound] = []
    for sound in map(floats, row):
        pieces += [sound / (np.abs(sound).max() + 1e-6) * 0.5, PAUSE]
    return np.concatenate(pieces)


def floats(recording: Recording) -> Sound:
    """As it is, or out of 16 bits."""
    if recording.dtype == np.int16:
        return to_sound(cast(Pcm, recording))
    return recording.astype(np.float32, copy=False)
