"""The scribe: writes what is to be remembered, in a thread of its own. A card that takes a second, is full,
or hangs, costs nobody a hop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import logs
from edge.errors import HeychipError
from edge.memories import Memories

log = logging.getLogger(__name__)

MOST_WAITING = 16  # moments that wait for the disk: 4 MB
COMPLAIN_S = 3_600.0
WAIT_S = 0.5


@dataclass(frozen=True)
class Job:
    """A moment with its sound."""

    sound: NDArray[np.float32] = field(repr=False)
    """[n], 16 kHz"""
    facts: Mapping[str, Any]


class Scribe:
    """Writes moments to the disk; a room of the daemon, but for `offer`, which is for the others."""

    done = False

    def __init__(self, memories: Memories, *, before_end: Callable[[], object] = lambda: None) -> None:
        """`before_end` is called before the last moments are written."""
        self._memories, self._before_end = memories, before_end
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._sparing = logs.Sparing(COMPLAIN_S)
        self.kept = self.lost = 0

    def offer(self, job: Job) -> None:
        """Ask for a moment to be kept. Never waits: where the disk is that slow, it is lost."""
        with self._changed:
            if len(self._jobs) >= MOST_WAITING:
                self.lost += 1
                self._complain("the disk is too slow")
                return
            self._jobs.append(job)
            self._changed.notify_all()

    def step(self) -> None:
        """Write one moment, or wait a while for one."""
        with self._changed:
            if not self._jobs:
                self._changed.wait(WAIT_S)
        self._write()

    def close(self) -> None:
        """Write the rest and let go of the folder."""
        self._before_end()
        while self._write():
            pass
        self._memories.close()

    def _write(self) -> bool:
        """Whether there was anything to write."""
        with self._changed:
            if not self._jobs:
                return False
            job = self._jobs.popleft()
        try:
            if not self._memories.is_open:
                self._memories.open()
            memory = self._memories.keep(job.sound, job.facts)
        except (OSError, HeychipError) as error:
            self.lost += 1
            self._complain(getattr(error, "strerror", None) or str(error))
        else:
            self.kept += 1
            facts = {key: job.facts[key] for key in ("kind", "word", "margin")}
            log.debug(logs.line("remembered", number=memory.number, **facts))
        return True

    def _complain(self, why: str) -> None:
        if self._sparing.allow("memory", time.monotonic()):
            log.warning(logs.line("memory_not_kept", folder=self._memories.folder, why=why, lost=self.lost,
                                  remedy="room on the disk, and a folder that the service may write to"))
