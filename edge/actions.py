"""Commands that rules start: without a shell, in their own process group, for a limited time, few at once."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from edge.logs import stderr_number
from edge.processes import environment, group_lives, kill_group

log = logging.getLogger(__name__)

MOST = 2
TIMEOUT_S = 10.0


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    name: str
    until_s: float


class Actions:
    """Starts commands and, whenever `step` is called, collects those that ended and kills those that do not.

    A command counts as running until its whole process group is gone, so that one which forks and leaves
    cannot pile up children. What it prints goes to our standard error.
    """

    def __init__(self, *, most: int = MOST, timeout_s: float = TIMEOUT_S) -> None:
        self._most, self._timeout_s = most, timeout_s
        self._running: list[_Running] = []
        self._closed = False
        self._lock = threading.Lock()  # ears and eyes start commands, the main thread collects them

    def start(self, argv: Sequence[str]) -> bool:
        """Start a command; False, with the reason in the log, where there are too many or it cannot start."""
        self.step()
        with self._lock:
            if self._closed:  # the ears heard something while all was being ended
                return False
            if len(self._running) >= self._most:
                log.warning("event=action_dropped command=%r why=%r", argv[0], f"{self._most} still run")
                return False
            try:
                process = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=stderr_number(),
                    stderr=stderr_number(),
                    start_new_session=True,
                    env=environment(),
                )
            except (OSError, ValueError) as error:  # ValueError: a zero byte in an argument
                log.warning("event=action_failed command=%r why=%r", argv[0], str(error))
                return False
            self._running.append(_Running(process, argv[0], time.monotonic() + self._timeout_s))
        log.info("event=action command=%r pid=%d", argv[0], process.pid)
        return True

    @property
    def running(self) -> int:
        """How many commands have not ended."""
        return len(self._running)

    def step(self) -> None:
        """Collect what ended, kill what is over its time. Never blocks."""
        with self._lock:
            self._running = [one for one in self._running if not self._over(one)]

    def _over(self, one: _Running) -> bool:
        code = one.process.poll()
        if code is not None and not group_lives(one.process.pid):
            if code:
                log.warning("event=action_ended command=%r code=%d", one.name, code)
            return True
        if time.monotonic() < one.until_s:
            return False
        log.warning("event=action_killed command=%r after_s=%g", one.name, self._timeout_s)
        kill_group(one.process.pid)
        one.process.poll()
        return True

    def close(self) -> None:
        """Kill whatever still runs, and start nothing any more."""
        with self._lock:
            self._closed = True
            for one in self._running:
                kill_group(one.process.pid)
                one.process.poll()
            self._running = []
