"""Logging: `event=name key=value` lines on standard error.

INFO is for what a visitor causes and for changes of state. Under systemd the journal knows time and program,
so there each line carries only its priority.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_PLAIN = re.compile(r"[^\s\"'=\\]+")
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def line(event: str, **values: object) -> str:
    """`event=heard word="hey chip" score=2.1`: values with spaces are quoted, floats shortened."""
    return " ".join([f"event={event}", *(f"{name}={_value(value)}" for name, value in values.items())])


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    shown = str(value)
    return shown if _PLAIN.fullmatch(shown) else json.dumps(shown, ensure_ascii=False)


class _Formatter(logging.Formatter):
    """`12:34:56 warning edge.ears event=…`, or `<4>edge.ears event=…` for the journal."""

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        message = f"{record.name} {record.getMessage()}".replace("\n", " ")
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        if self._journal:
            priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
            return "\n".join(f"<{priority}>{part}" for part in message.split("\n"))
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        return f"{clock} {record.levelname.lower()} {message}"


def setup(level: str = "info", stream: TextIO | None = None) -> None:
    """Send the log of all rooms to standard error, or to `stream`; a second call replaces the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter("JOURNAL_STREAM" in os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.raiseExceptions = False  # a reader of the log that went away is no reason to print more


@contextmanager
def own_stderr() -> Iterator[None]:
    """While this lasts, standard error is Python's alone: what C libraries write to it goes nowhere.

    PortAudio writes to it without end when a stream breaks in certain ways (measured: 2.8 million lines in
    ten seconds), which would fill a journal or a card. And sounddevice closes it while PortAudio starts, when
    it may hang and we have something to say.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    before, asked_for_traces = sys.stderr, bool(os.environ.get("PYTHONFAULTHANDLER"))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stderr = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        os.dup2(nowhere, 2)
        if asked_for_traces:
            faulthandler.enable(file=kept)
        yield
    finally:
        os.dup2(kept, 2)
        if asked_for_traces:
            faulthandler.enable(file=2)
        sys.stderr = before
        os.close(kept)
        os.close(nowhere)


def stderr_number() -> int:
    """For programs that we start: where what they complain of is read."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return 2


class Sparing:
    """Lets the same kind of message through once in `interval_s`."""

    def __init__(self, interval_s: float = 60.0) -> None:
        self._interval_s = interval_s
        self._last_s: dict[str, float] = {}

    def allow(self, kind: str, now_s: float) -> bool:
        """Whether a message of this kind may be logged now."""
        if now_s - self._last_s.get(kind, -float("inf")) < self._interval_s:
            return False
        self._last_s[kind] = now_s
        return True
