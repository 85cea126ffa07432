"""Whether the machine is too hot for all that it is asked to do; the ears go first."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge import logs
from edge.bench.board import Mood, mood

log = logging.getLogger(__name__)

HOT_C, COOL_C = 80.0, 75.0  # the Pi's firmware slows the processor down from 80 degrees on
THROTTLED = 1 << 2  # of `get_throttled`: now
LOOK_S = 30.0


class Heat:
    """`step` tells by how much to stretch what can wait: 1, or 2 while it is hot."""

    def __init__(self, look: Callable[[], Mood] = mood) -> None:
        self._look = look
        self._next_s = -float("inf")
        self.hot = False

    def step(self, now_s: float) -> float:
        """Looks at the board every half a minute; `now_s` is a clock that never goes back."""
        if now_s >= self._next_s:
            self._next_s = now_s + LOOK_S
            self._judge(self._look())
        return 2.0 if self.hot else 1.0

    def _judge(self, now: Mood) -> None:
        limit_c = COOL_C if self.hot else HOT_C
        warm = now.temperature_c is not None and now.temperature_c > limit_c
        hot = warm or bool((now.throttled or 0) & THROTTLED)
        if hot == self.hot:
            return
        self.hot = hot
        told = log.warning if hot else log.info
        shown = "?" if now.temperature_c is None else round(now.temperature_c)
        told(
            logs.line(
                "hot" if hot else "cool_again", temperature_c=shown, pictures="half as many" if hot else "all"
            )
        )
