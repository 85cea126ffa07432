"""Frames against the clock: what was lost without a word, and at what rate sound really comes.

Status flags tell of some lost sound, not of all (a stream that a sound server moved to another source, a
program that was stopped): so the frames that came are compared with those that should have. Frames that are
only late come in a burst afterwards, and nothing was lost; what is still missing a moment later never comes.
"""

from __future__ import annotations

LOST_S = 0.15  # so much later than ever lately
SETTLE_S = 0.3  # and still so late after this time, is lost
LEAK = 0.03  # of drift between the two clocks, nothing is missing; more is a wrong rate, told otherwise
MEASURE_S = 5.0
AGREE = 0.02  # two measurements in a row, where sound comes in pieces of 50 ms
USUAL_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
NEAR = 0.015  # as near as such a measurement comes


def likely_rate_hz(measured_hz: float) -> int:
    """The usual rate that a measured one stands for, or else the measured one to the next hundred."""
    usual_hz = min(USUAL_HZ, key=lambda rate_hz: abs(rate_hz - measured_hz))
    return usual_hz if abs(measured_hz / usual_hz - 1) <= NEAR else max(100, 100 * round(measured_hz / 100))


class Pace:
    """One stream's. `step` is called for each block, with the clock's time; it costs two microseconds."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._begun_s = self._last_s = 0.0
        self._lead_s = self._best_s = 0.0  # how far the frames are ahead of the clock, now and at best lately
        self._late_since_s: float | None = None
        self._least_s = 0.0  # the least that was missing since then
        self._from_s, self._frames = 0.0, 0  # of the measurement under way
        self._measured: list[float] = []

    @property
    def measured_rate_hz(self) -> float | None:
        """Frames per second of the last two measurements of 5 s; None where they differ, or before them."""
        if len(self._measured) < 2 or abs(self._measured[0] / self._measured[1] - 1) > AGREE:
            return None
        return sum(self._measured) / 2

    def step(self, frames: int, now_s: float, *, overflow: bool = False) -> float:
        """Seconds of sound that are missing before this block. `overflow`: the device says that some are."""
        block_s = frames / self.rate_hz
        if not self._begun_s:
            self._begun_s = self._last_s = now_s
            self._restart(now_s)
            return 0.0
        since_s, self._last_s = now_s - self._last_s, now_s
        self._lead_s += block_s - since_s
        self._best_s = max(self._lead_s, self._best_s - LEAK * min(since_s, block_s))
        late_s = self._best_s - self._lead_s
        lost_s = late_s if overflow else self._settled(late_s, now_s)
        if lost_s > 0:
            self._best_s -= lost_s
            self._late_since_s = None
        if overflow:
            self._restart(now_s)
        else:
            self._measure(frames, now_s)
        return lost_s

    def _settled(self, late_s: float, now_s: float) -> float:
        if late_s <= LOST_S:
            self._late_since_s = None
        elif self._late_since_s is None:
            self._late_since_s, self._least_s = now_s, late_s
        else:
            self._least_s = min(self._least_s, late_s)
            if now_s - self._late_since_s >= SETTLE_S:
                return self._least_s
        return 0.0

    def _restart(self, now_s: float) -> None:
        self._from_s, self._frames = now_s, 0
        self._measured.clear()

    def _measure(self, frames: int, now_s: float) -> None:
        self._frames += frames
        elapsed_s = now_s - self._from_s
        if elapsed_s >= MEASURE_S:
            self._measured = [*self._measured[-1:], self._frames / elapsed_s]
            self._from_s, self._frames = now_s, 0
