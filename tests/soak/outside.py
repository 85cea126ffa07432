"""Stand-ins for whom the daemon tells: service manager, standard output, journal."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.soak.turns import Turns


class Manager:
    """A service manager: a datagram socket that remembers when it was last told of life."""

    def __init__(self, path: Path) -> None:
        self.path, self.words = path, Counter[str]()
        self.last_s: float | None = None
        self.status = ""
        self._socket: socket.socket | None = None
        self.appear()

    def appear(self) -> None:
        """Listen."""
        self.vanish()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self.path))

    def vanish(self) -> None:
        """Stop listening; the socket's name is gone."""
        if self._socket:
            self._socket.close()
        self._socket = None
        self.path.unlink(missing_ok=True)

    def read(self, now_s: float) -> None:
        """Take what has come."""
        while self._socket:
            try:
                text = self._socket.recv(4096).decode()
            except BlockingIOError:
                return
            word, _, rest = text.partition("=")
            self.words[word] += 1
            if word == "STATUS":
                self.status = rest
            if word == "WATCHDOG":
                self.last_s = now_s


class Out:
    """Standard output: each line is one event, given to `tell`."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell, self.broken, self.lines = tell, False, 0

    def write(self, text: str) -> int:
        """See TextIO."""
        if self.broken:
            self.broken = False
            raise BrokenPipeError("nobody reads any more")
        if text.strip():
            self.lines += 1
            self._tell(json.loads(text))
        return len(text)

    def flush(self) -> None:
        """See TextIO."""


class Journal:
    """Standard error: counts the lines of the log, by the event that they tell."""

    def __init__(self, turns: Turns) -> None:
        self._turns, self.hours, self.events = turns, Counter[int](), Counter[str]()
        self.last: list[str] = []

    def write(self, text: str) -> int:
        """See TextIO."""
        for line in filter(None, text.split("\n")):
            self.hours[int(self._turns.now_s() / 3600)] += 1
            self.events[line.partition("event=")[2].partition(" ")[0] or "other"] += 1
            self.last = [*self.last[-299:], f"{self._turns.now_s():.1f} {line}"]
        return len(text)

    def flush(self) -> None:
        """See TextIO."""
