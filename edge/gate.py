"""The gate: what is heard while we speak does not count. And the clock of the stream, which it is counted on.

Speech through a loudspeaker takes real time, and its end is known when the player ends. By then the ears may
lag behind, so the gate waits until they have caught up, and then for the tail. Speech into a file makes no
sound; it takes its duration on the clock of the stream, so that a recording is treated as a room would be.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

from edge.ensemble import at_rest

MOST_LAG_S = 5.0  # a microphone's ring holds no more, so the ears cannot lag further behind


class Gate:
    """Shared by the ears, which tell the time, and the voice, which speaks. `changed` guards all of it."""

    def __init__(self, tail_s: float) -> None:
        """`tail_s`: how long the room goes on sounding after a line."""
        self.changed = Condition()
        self.stream_s = 0.0
        """seconds of the stream that the ears have worked on"""
        self.stands = False
        """the clock of the stream stands still: no microphone, or the recording is over"""
        self._tail_s = tail_s
        self._wake_s = float("inf")
        self._speaking, self._since_s = False, 0.0
        self._lagging = False
        self._until_s = -float("inf")
        self.over: Callable[[float], float] | None = None
        """what a score needs while this line sounds, by the time of the stream; None: nothing is enough"""
        self.prior: Callable[[float], float] = at_rest
        """what the eyes ask for besides, by the time of the stream; see Prior"""

    def sounds_at(self, time_s: float) -> bool:
        """Whether we spoke, or the room still sounded of it, at this time of the stream: now or hops ago."""
        with self.changed:
            return (self._speaking and time_s >= self._since_s) or time_s < self._until_s

    def raised_at(self, time_s: float) -> float:
        """How far above its threshold, in logits, a score must be at this time of the stream to count: 0
        where we are silent, more where we speak, infinity where the ears are closed; and what the eyes ask
        for is added."""
        asked = self.prior(time_s)
        with self.changed:
            if not self.sounds_at(time_s):
                return asked
            return float("inf") if self.over is None else asked + self.over(time_s)

    def advance(self, stream_s: float) -> None:
        """The ears are now at `stream_s`."""
        with self.changed:
            self.stream_s = stream_s
            if stream_s >= self._wake_s:  # waking the voice at every hop would cost as much as hearing does
                self._wake_s = float("inf")
                self.changed.notify_all()

    def caught_up(self) -> None:
        """The ears had to wait for sound: they hear what sounds now."""
        with self.changed:
            if self._lagging and not self._speaking:
                self._lagging, self._until_s = False, self.stream_s + self._tail_s

    def stand(self, stands: bool) -> None:
        """The clock of the stream stops, or goes on."""
        with self.changed:
            self.stands = stands
            self.changed.notify_all()

    def begin(self) -> float:
        """A line begins; gives the time of the stream."""
        with self.changed:
            self._speaking, self._since_s, self.over = True, self.stream_s, None
            return self.stream_s

    def end(self) -> None:
        """The loudspeaker has fallen silent."""
        with self.changed:
            self._speaking, self._lagging = False, True
            self._until_s = self.stream_s + MOST_LAG_S + self._tail_s

    def end_at(self, end_s: float) -> None:
        """The line will have been spoken at `end_s` of the stream; the one before it may last longer."""
        with self.changed:
            self._speaking = False
            self._until_s = max(self._until_s, end_s + self._tail_s)
            self._wake_s = end_s
