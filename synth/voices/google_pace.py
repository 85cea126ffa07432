"""Not faster than the account allows: the workers of all runs on this machine share one pace for each quota.

A quota's file holds the moment, on the monotonic clock that all processes share, at which the next request
may go out. It is a scratch number under a lock, so it is written in place: a torn one reads as none.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import EngineLostError, pause

SHARE = 0.9  # of a quota: the account may have other users
HORIZON_S = 600.0  # a moment that is further away was written before the machine was started anew


@dataclass(frozen=True)
class Clock:
    """Time and chance; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    """seconds, the same in all processes"""
    wait: Callable[[float], None] = pause
    """waits so many seconds"""
    chance: Callable[[], float] = random.random
    """0..1"""


def default_folder() -> Path:
    """$XDG_CACHE_HOME/heychip/google."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heychip" / "google"


class Pace:
    """Requests at even intervals, a file in `folder` for each quota."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def wait(self, quotas: Sequence[tuple[str, int]]) -> None:
        """Waits until a request may go out that counts towards `quotas`: (name, requests a minute) of each.
        Raises EngineLostError where the folder cannot be written."""
        now = self._clock.now()
        at = max(self._turn(name, now, now, 60 / (SHARE * rpm)) for name, rpm in quotas)
        if at > now:
            self._clock.wait(at - now)

    def hold(self, quota: str, seconds: float) -> None:
        """Nobody asks for anything of that quota for so long."""
        now = self._clock.now()
        self._turn(quota, now, now + seconds, 0.0)

    def _turn(self, quota: str, now: float, earliest: float, interval_s: float) -> float:
        """Takes the next turn that is not before `earliest`; the one after it is `interval_s` later."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / f"{quota}.turn").open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                kept = _number(file.read(64))
                turn = max(earliest, kept if kept - now < HORIZON_S else now)
                file.truncate(0)
                file.write(f"{turn + interval_s:.6f}".encode())
        except OSError as error:
            raise EngineLostError(
                f"{self._folder}: cannot be used to keep to the quota ({error}); "
                "set XDG_CACHE_HOME to a folder on a disk of this machine"
            ) from error
        return turn


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
