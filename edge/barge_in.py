"""Hearing while we speak, without hearing ourselves.

"raise": the ears stay open, with thresholds raised by what the line scores on its own and a guard above it;
a line that would wake us closes them. "subtract": what we play is taken out of what is heard (edge.echo), and
the ears are open; around every moment at which the line itself comes near a word a score must be clearly over
its threshold. Nothing is enough there where the line would wake us (what is left of it still may: 2 of 153
such lines in the rig) or little could be subtracted. Where a line like that cannot be found in what is heard,
nobody knows when that moment is, and the ears are closed as long as it sounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.config import SpeechConfig
from edge.echo import Echo
from edge.events import RATE_HZ
from edge.gate import Gate
from edge.own_voice import Own

if TYPE_CHECKING:
    from edge.parts import Parts

Samples = NDArray[np.float32]

GUARD = 4.0  # logits that a room, noise and what is left of us may add to what a line scores on its own
BEFORE_S, AFTER_S = 0.5, 0.5  # around a moment at which the line comes near a word
CLEAN = 0.05  # with less of our energy left at best, what is left of a near-miss is none
OVER = 2.0  # logits that are asked for there all the same
CLOSED = float("inf")


class BargeIn:
    """The voice's thread announces lines; the ears' thread passes sound through and asks what counts."""

    def __init__(self, mode: str, gate: Gate) -> None:
        """`mode`: "raise" or "subtract"."""
        self._subtracts, self._gate = mode == "subtract", gate
        self._echo = Echo()
        self._next: Own | None = None
        self._line: Own | None = None
        self._begin_s = 0.0  # of the stream: where the echo began to count

    def announce(self, own: Own) -> None:
        """This line is about to sound."""
        with self._gate.changed:
            self._next = own
            self._gate.over = self.raised_at

    def step(self, heard: Samples, now_s: float) -> Samples:
        """What was heard [n] to what others said [m]. `now_s` is the time of the stream up to which that was
        given before."""
        with self._gate.changed:
            own, self._next = self._next, None
        if own is not None:
            begin_s = now_s + self._echo.held / RATE_HZ
            rest = self._echo.begin(own.sound) if self._subtracts else heard[:0]
            self._line, self._begin_s = own, begin_s
            return np.concatenate([rest, self._echo.step(heard)])
        if self._line is not None and not self._gate.sounds_at(now_s):
            return np.concatenate([self.end(), heard])
        return self._echo.step(heard)

    def end(self) -> Samples:
        """The line is over, or sound was lost in it. Gives what was held back."""
        self._line = None
        return self._echo.end()

    def raised_at(self, time_s: float) -> float:
        """Logits above its threshold that a score needs at this time of the stream."""
        own, echo = self._line, self._echo
        if own is None:
            return CLOSED
        if own.score < -GUARD:
            return 0.0  # nothing of this line comes near a word, wherever in it we are
        if not self._subtracts:
            return CLOSED if own.score >= 0 else own.score + GUARD
        if not echo.following or echo.start is None:
            return CLOSED
        at_s = time_s - self._begin_s - echo.start / RATE_HZ
        near = own.near(at_s - AFTER_S, at_s + BEFORE_S)
        if near < -GUARD:
            return 0.0
        return OVER if near < 0 and echo.left < CLEAN else CLOSED

    def told(self) -> dict[str, float]:
        """How it went with the line, for the log."""
        echo = self._echo
        if not self._subtracts or echo.start is None:
            return {}
        return {
            "late_s": round(echo.start / RATE_HZ, 3),
            "found_s": round(echo.found / RATE_HZ, 3),
            "left_db": round(10 * float(np.log10(max(echo.left, 1e-9))), 1),
        }


def open_barge_in(config: SpeechConfig, parts: Parts, gate: Gate) -> BargeIn | None:
    """What [speech] barge_in asks for; None where the ears are to be closed, or where lines make no sound."""
    if config.barge_in == "off" or parts.own_voice is None or parts.speech.how in {"wav", "silent"}:
        return None
    return BargeIn(config.barge_in, gate)
