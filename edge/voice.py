"""The voice: a short queue of lines, spoken one after the other. Called from a thread of its own."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import logs
from edge.barge_in import BargeIn
from edge.gate import Gate
from edge.own_voice import OwnVoice
from edge.speech import TIMEOUT_S, Speech, SpeechError

log = logging.getLogger(__name__)

MOST_LINES = 3  # more would be spoken when nobody knows any more what they answer
MOST_AGE_S = 5.0
WAIT_S = 0.5


@dataclass(frozen=True)
class _Line:
    text: str
    at_s: float
    """when it was asked for, on the voice's clock"""
    file: str = ""
    """a recording that is played instead"""


class Voice:
    """Keeps the newest lines, drops what has become old, and never lets a line that fails stop the next."""

    def __init__(
        self,
        speech: Speech,
        gate: Gate,
        *,
        tell: Callable[..., None],
        now_s: Callable[[], float],
        own_voice: OwnVoice | None = None,
        barge_in: BargeIn | None = None,
    ) -> None:
        """`tell(event, time_s, …)` is told of each line; `now_s` is the clock by which lines grow old. With
        `own_voice` lines are scored before they sound, and `barge_in` is told."""
        self._own_voice, self._barge_in = own_voice, barge_in
        self._own: dict[str, Any] = {}
        if own_voice is not None:
            speech.before = self._before
        self._speech, self._gate, self._tell, self._now_s = speech, gate, tell, now_s
        self.virtual = speech.how in {"wav", "silent"}
        """speech makes no sound; it takes its time on the clock of the stream"""
        self._lines: deque[_Line] = deque(maxlen=MOST_LINES)
        self._busy = self._closed = False
        self._free_s = -float("inf")
        self.done = False
        self.dropped = 0

    def offer(self, text: str, file: str = "") -> None:
        """Ask for a line, or for a recording to be played. Never blocks; where too many wait, the oldest
        goes."""
        with self._gate.changed:
            if len(self._lines) == MOST_LINES:
                self._drop(self._lines[0], "a newer line came")
            self._lines.append(_Line(text, self._now_s(), file))
            self._gate.changed.notify_all()

    def step(self) -> None:
        """Speak the next line if there is one, else wait a moment for one."""
        with self._gate.changed:
            self._gate.changed.wait_for(lambda: self._closed or self._can_begin(), WAIT_S)
            if self._closed or not self._can_begin():
                return
            line = self._lines.popleft()
            age_s = self._now_s() - line.at_s
            if age_s > MOST_AGE_S:
                self._drop(line, f"{age_s:.1f} s old")
                return
            self._busy, start_s = True, self._gate.begin()
        try:
            self._speak(line, start_s)
        finally:
            with self._gate.changed:
                self._busy = False
                self._gate.changed.notify_all()

    def _speak(self, line: _Line, start_s: float) -> None:
        length_s = 0.0
        self._own = {}
        try:
            said = self._speech.play(line.file) if line.file else self._speech.say(line.text)
            length_s = said.duration_s
        except SpeechError as error:
            log.warning(logs.line("speech_failed", why=str(error), text=line.text[:60]))
        else:
            values: dict[str, Any] = {"file": said.file} if said.file else {}
            values |= self._own | (self._barge_in.told() if self._barge_in else {})
            self._tell("said", start_s, text=said.text, how=said.how, duration_s=said.duration_s, **values)
        finally:
            if self.virtual:
                self._free_s = start_s + length_s
                self._gate.end_at(self._free_s)
            else:
                self._gate.end()

    def _before(self, sound: NDArray[np.float32], rate_hz: int) -> None:
        """A line is rendered and about to sound: what would our own ears make of it?"""
        if self._own_voice is None:
            return
        own = self._own_voice.score(sound, rate_hz)
        self._own = {"own_score": round(own.score, 2)}
        if own.wakes:
            which = {"word": own.word, "member": own.member, "at_s": round(own.at_s, 2)}
            log.warning(logs.line("own_line_would_wake", score=round(own.score, 2), **which))
        if self._barge_in is not None:
            self._barge_in.announce(own)

    def interrupt(self) -> None:
        """Somebody called: end the line that sounds, and forget those that wait. Never blocks."""
        with self._gate.changed:
            if self.virtual or not self._busy:
                return
            self._lines.clear()
        self._speech.stop()

    def _can_begin(self) -> bool:
        free = not self.virtual or self._gate.stands or self._gate.stream_s >= self._free_s
        return bool(self._lines) and free

    def _drop(self, line: _Line, why: str) -> None:
        self.dropped += 1
        log.info(logs.line("line_dropped", why=why, text=line.text[:60]))

    @property
    def idle(self) -> bool:
        """Whether nothing is being said and nothing waits to be said."""
        with self._gate.changed:
            return not self._busy and not self._lines

    def settle(self) -> None:
        """Block until no line is being prepared: where the stream is a recording, its clock has to wait until
        the duration of the answer is known, however fast it is read."""
        with self._gate.changed:
            self._gate.changed.wait_for(
                lambda: self._closed or not (self._busy or self._can_begin()), TIMEOUT_S
            )

    def close(self) -> None:
        """Stop in the middle of a word. May be called from any thread."""
        with self._gate.changed:
            self._closed = True
            self._gate.changed.notify_all()
        self._speech.close()
