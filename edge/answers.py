"""What follows from what was heard and seen: it is told, the rules are asked, and what they say is begun."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge import logs
from edge.actions import Actions
from edge.config import Config
from edge.eventlog import EventLog
from edge.events import Heard, Seen
from edge.gate import Gate
from edge.remember import Remember
from edge.rules import Rules, Say
from edge.voice import Voice

log = logging.getLogger(__name__)


class Answers:
    """Called by the threads of ears and eyes; only a recording waits, for how long its answer is."""

    def __init__(
        self,
        config: Config,
        actions: Actions,
        voice: Voice,
        gate: Gate,
        *,
        tell: EventLog,
        now_s: Callable[[], float],
        memory: Remember | None = None,
    ) -> None:
        """`now_s` is the clock of the rules; `memory` is told what became of each word."""
        self._rules, self._actions, self._voice, self._gate = Rules(config), actions, voice, gate
        self._tell, self._now_s, self._memory = tell, now_s, memory
        self._settles = config.microphone.backend == "recording" and voice.virtual
        self._lock = threading.Lock()  # ears and eyes share the rules

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

    def _act(self, event: Heard | Seen) -> None:
        with self._lock:
            actions = self._rules.step(event, self._now_s())
        for action in actions:
            if isinstance(action, Say):
                self._voice.offer(action.text)
            else:
                self._actions.start(action.argv)
