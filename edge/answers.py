"""What follows from what happens: it is told, the rules are asked, and what they say is begun."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge import logs
from edge.config import Config
from edge.eventlog import EventLog
from edge.events import Heard, Mood, Pressed, Seen, Started
from edge.gate import Gate
from edge.outlets import Outlets
from edge.remember import Remember
from edge.rules import Happening, Rules

log = logging.getLogger(__name__)


class Answers:
    """Called by the threads of ears, eyes and buttons; only a recording waits, for how long its answer is."""

    def __init__(
        self,
        config: Config,
        outlets: Outlets,
        gate: Gate,
        *,
        tell: EventLog,
        now_s: Callable[[], float],
        memory: Remember | None = None,
    ) -> None:
        """`now_s` is the clock of the rules; `memory` is told what became of each word."""
        self._rules, self._outlets, self._voice, self._gate = Rules(config), outlets, outlets.voice, gate
        self._tell, self._now_s, self._memory = tell, now_s, memory
        self._settles = config.microphone.backend == "recording" and self._voice.virtual
        self._lock = threading.Lock()  # ears, eyes and buttons share the rules

    def started(self) -> None:
        """The daemon has started."""
        self._act(Started())
        if self._settles:
            self._voice.settle()

    def heard(self, heard: Heard, time_s: float) -> None:
        """A word, at `time_s` of the stream. What is heard while we speak, and not clearly enough to be
        somebody else, is told and counts for nothing."""
        row = {"word": heard.word, "member": heard.member, "score": heard.score}
        gated = heard.score < self._gate.raised_at(time_s)
        if self._memory is not None:
            self._memory.note(heard, time_s, gated=gated)
        if gated:
            self._tell("gated", time_s, **row)
            return
        self._tell("heard", time_s, **row, members=list(heard.members))
        log.info(logs.line("heard", word=heard.word, member=heard.member, score=heard.score))
        self._voice.interrupt()
        self._act(heard)
        if self._settles:
            self._voice.settle()

    def seen(self, seen: Seen) -> None:
        """A thing that has become steady."""
        top = [[label, round(score, 4)] for label, score in seen.top]
        score = round(seen.score, 4)
        self._tell("seen", self._gate.stream_s, label=seen.label, score=score, source=seen.source, top=top)
        log.info(logs.line("seen", label=seen.label, score=score))
        self._act(seen)

    def felt(self, mood: Mood) -> None:
        """The mood of what the camera sees has become another."""
        row = {"mood": mood.name, "joy": round(mood.joy, 3), "faces": mood.faces}
        self._tell("mood", self._gate.stream_s, **row, source=mood.source)
        log.info(logs.line("mood", **row))
        self._act(mood)

    def pressed(self, button: str) -> None:
        """A button, told by a thread of the pins."""
        self._tell("button", self._gate.stream_s, button=button)
        log.info(logs.line("button", name=button))
        self._act(Pressed(button))

    def _act(self, event: Happening) -> None:
        with self._lock:
            actions = self._rules.step(event, self._now_s(), self._outlets.sight)
        for action in actions:
            self._outlets.do(action)
