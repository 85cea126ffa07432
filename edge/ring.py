"""Between a sound card's callback and the reader: a bounded queue that loses the oldest, and says so.

A reader that stalls (a hot Pi, a slow card) finds the newest `capacity_s` seconds and, on the first chunk of
them, how much was lost before it. So the delay never grows and nobody has to wait for room.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Condition

from edge.events import Chunk


class Ring:
    """Chunks in order, at most `capacity_s` seconds of them; safe between threads."""

    def __init__(self, capacity_s: float = 5.0) -> None:
        if not capacity_s > 0.0:
            raise ValueError(f"the capacity must be above 0 s, not {capacity_s}")
        self.capacity_s = capacity_s
        self._chunks: deque[Chunk] = deque()
        self._held_s = 0.0
        self._closed = False
        self._changed = Condition()

    @property
    def held_s(self) -> float:
        """Seconds of sound that wait to be read."""
        with self._changed:
            return self._held_s

    def put(self, chunk: Chunk) -> None:
        """Add a chunk. Never waits for room: the oldest go, and the first one kept carries the gap."""
        with self._changed:
            if self._closed:
                return
            self._chunks.append(self._cut(chunk))
            self._held_s += seconds(self._chunks[-1])
            while self._held_s > self.capacity_s and len(self._chunks) > 1:
                self._drop()
            self._changed.notify()

    def get(self, timeout_s: float = 0.0) -> Chunk | None:
        """The oldest chunk, waiting for one up to `timeout_s`; None if none came, or the ring is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._closed, timeout_s)
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._held_s = self._held_s - seconds(chunk) if self._chunks else 0.0
            return chunk

    def clear(self) -> None:
        """Forget what waits, without a gap: for a stream that starts anew."""
        with self._changed:
            self._chunks.clear()
            self._held_s = 0.0

    def close(self) -> None:
        """Take no more; a reader that waits gets what is left, then None at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _cut(self, chunk: Chunk) -> Chunk:
        """The newest part of a chunk that alone is longer than the ring."""
        surplus = len(chunk.samples) - int(self.capacity_s * chunk.rate_hz)
        if surplus <= 0:
            return chunk
        return replace(chunk, samples=chunk.samples[surplus:], gap_s=chunk.gap_s + surplus / chunk.rate_hz)

    def _drop(self) -> None:
        oldest = self._chunks.popleft()
        lost_s = seconds(oldest)
        self._held_s -= lost_s
        following = self._chunks[0]
        self._chunks[0] = replace(following, gap_s=following.gap_s + oldest.gap_s + lost_s)


def seconds(chunk: Chunk) -> float:
    """How long a chunk sounds."""
    return len(chunk.samples) / chunk.rate_hz
