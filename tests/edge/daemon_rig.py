"""A daemon of stand-ins, for the tests of its rooms."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.config import Config, MicrophoneConfig, RuleConfig
from edge.daemon import Daemon
from edge.eventlog import EventLog
from edge.events import Chunk
from edge.fakes import (
    FakeListener,
    FakeMicrophone,
    FakeSpeech,
    silence,
)
from edge.microphone import Microphone
from edge.notify import Notifier
from edge.parts import Ear, Eye, Parts
from edge.resample import Resampler
from edge.signals import Signals
from edge.speech import Speech

ANSWER = RuleConfig(heard="*", text="yes?", lines=("yes?",))
RECORDED = MicrophoneConfig(backend="recording")


class Told(Notifier):
    """A service manager that remembers."""

    def __init__(self) -> None:
        super().__init__("")
        self.messages: list[str] = []

    def send(self, message: str) -> bool:
        self.messages.append(message)
        return True


class Run:
    """A daemon of fakes, and what came of it."""

    def __init__(
        self,
        microphone: Callable[[], Microphone],
        *,
        config: Config | None = None,
        listener: FakeListener | None = None,
        speech: Speech | None = None,
        eye: Eye | None = None,
        **options: Any,
    ) -> None:
        self.config = config or Config(microphone=RECORDED, rules=(ANSWER,))
        self.listener, self.speech = listener or FakeListener(), speech or FakeSpeech()
        self.out, self.signals, self.told = io.StringIO(), Signals(), Told()
        self.exits: list[int] = []
        parts = Parts(self.speech, Ear(microphone, Resampler, self.listener), eye)
        options = {"signals": self.signals, "notifier": self.told, "hard_exit": self.exits.append} | options
        self.daemon = Daemon(self.config, parts, tell=EventLog(out=self.out), **options)

    def go(self) -> int:
        return self.daemon.run()

    def until(self, true: Callable[[], bool]) -> int:
        """Run until something is so, then end as SIGTERM would."""

        def watch() -> None:
            for _ in range(600):
                if true():
                    break
                time.sleep(0.02)
            self.signals.end = True

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            return self.go()
        finally:
            thread.join()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def times(self, event: str) -> list[float]:
        return [row["time_s"] for row in self.rows if row["event"] == event]

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows if row["event"] == "state"]


def room(seconds: float, *, piece_s: float = 0.08, rate_hz: int = 16_000) -> Callable[[], Microphone]:
    """A recording of silence in pieces of this length."""
    return lambda: FakeMicrophone([silence(piece_s, rate_hz)] * round(seconds / piece_s), rate_hz=rate_hz)


def script(*items: Chunk | Exception | None) -> Callable[[], Microphone]:
    """A recording of these items."""
    return lambda: FakeMicrophone(items)
