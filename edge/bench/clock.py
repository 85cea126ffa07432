"""CPU time by the step, of several things in turns."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S

Step = Callable[[int], object]
"""Takes the number of the hop."""
Costs = NDArray[np.float64]
"""CPU microseconds of every hop."""

WARM_UP = 20  # hops until windows and caches are full; not counted
FEWEST = 25  # hops that are counted, however short the time
TURN = 12  # hops whose sum is one comparison: about a second of sound
SHOWN_S = 0.5  # how often the terminal is told


class Meter:
    """Runs steps for `seconds` at a time. After Ctrl-C `stopped` is set, and what was counted is kept."""

    def __init__(self, seconds: float, *, realtime: bool = False) -> None:
        self.seconds, self.realtime, self.stopped = seconds, realtime, False
        self._due_s = time.monotonic()

    def run(self, what: str, steps: Mapping[str, Step], *, turn: int = 1) -> dict[str, Costs]:
        """Each of the steps for `turn` hops, then the next, over and over; gives what each hop cost, of all
        steps for the same hops. A longer turn leaves each its caches. Raises KeyboardInterrupt only where
        there is nothing to give.
        """
        told = _Told(what, self.seconds)
        costs: dict[str, list[int]] = {name: [] for name in steps}
        hops = 0
        try:
            for step in steps.values():
                self._turn(step, range(-WARM_UP, 0), pause=False)
            started = time.monotonic()
            while hops < FEWEST or time.monotonic() - started < self.seconds:
                numbers = range(hops, hops + turn)
                rows = [self._turn(step, numbers, pause=self.realtime) for step in steps.values()]
                for kept, row in zip(costs.values(), rows, strict=True):
                    kept.extend(row)
                hops += turn
                told.step(time.monotonic() - started)
        except KeyboardInterrupt:
            self.stopped = True
            if not hops:
                raise
        finally:
            told.close()
        return {name: np.array(kept[:hops], np.float64) / 1e3 for name, kept in costs.items()}

    def _turn(self, step: Step, hops: range, *, pause: bool) -> list[int]:
        """CPU nanoseconds of a step at each of these hops; with a pause, they come at the pace of sound."""
        costs = []
        for hop in hops:
            if pause:
                self._due_s = max(self._due_s + HOP_S, time.monotonic() - HOP_S)
                time.sleep(max(0.0, self._due_s - time.monotonic()))
            before = time.process_time_ns()
            step(hop)
            costs.append(time.process_time_ns() - before)
        return costs


def summary(costs: Costs) -> dict[str, Any]:
    """Microseconds a step of 80 ms, and what they mean. The share and the times are of the mean."""
    mean = float(costs.mean())
    p50, p95, p99 = (round(float(p), 1) for p in np.percentile(costs, (50, 95, 99)))
    hop_us = HOP_S * 1e6
    return {
        "us": round(mean, 1), "p50_us": p50, "p95_us": p95, "p99_us": p99,
        "core_percent": round(100 * mean / hop_us, 3), "times_real_time": round(hop_us / mean, 1),
        "steps": len(costs),
    }


def ratio(costs: Costs, others: Costs) -> dict[str, float]:
    """How often one cost goes into the other: the median over turns of about a second, and the extremes."""
    turns = max(1, len(costs) // TURN)
    rows = [np.array([part.sum() for part in np.array_split(one, turns)]) for one in (costs, others)]
    found = rows[0] / np.maximum(rows[1], 1e-9)
    return {name: round(float(f(found)), 3) for name, f in
            (("median", np.median), ("lowest", np.min), ("highest", np.max))}


class _Told:
    """Progress on standard error for what takes more than two seconds; it moves on a terminal only."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds, self._last_s = what, seconds, 0.0
        self._moving = sys.stderr.isatty() and seconds > 2
        if seconds > 2 and not self._moving:
            print(f"heychip: measuring {what}, {seconds:g} s", file=sys.stderr, flush=True)

    def step(self, done_s: float) -> None:
        if self._moving and done_s - self._last_s >= SHOWN_S:
            self._last_s = done_s
            text = f"measuring {self._what}: {min(done_s, self._seconds):.0f} of {self._seconds:g} s"
            print(f"\r\x1b[Kheychip: {text}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._moving:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
