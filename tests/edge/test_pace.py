"""Frames against the clock: D5 (sound lost without a word) and D16 (a rate that is not what it says)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edge.microphone.pace import Pace, likely_rate_hz

RATE_HZ = 48_000
BLOCK = 1_920  # 40 ms
BLOCK_S = BLOCK / RATE_HZ


def gaps(times_s: list[float], frames: int = BLOCK, pace: Pace | None = None) -> list[float]:
    """What is said to be missing before each block, the blocks coming at these times."""
    pace = pace or Pace(RATE_HZ)
    return [pace.step(frames, 1000.0 + t) for t in times_s]


def on_time(count: int, start_s: float = 0.0) -> list[float]:
    return [start_s + i * BLOCK_S for i in range(count)]


def test_d5_nothing_is_missing_where_blocks_are_only_late() -> None:
    """Blocks that come up to 100 ms late, or a second late and then all at once, are all there."""
    jitter = np.random.default_rng(1).uniform(0, 0.1, 500)
    assert not any(gaps([t + j for t, j in zip(on_time(500), np.sort(jitter % 0.1), strict=True)]))
    stalled = [max(t, 6.0) if t > 5.0 else t for t in on_time(500)]
    assert not any(gaps(stalled))


def test_d5_what_is_missing_is_said_once() -> None:
    """0.6 s that never come are said once, within half a second, give or take a hundredth of a second."""
    times = on_time(100) + on_time(400, start_s=100 * BLOCK_S + 0.6)
    told = [(i, gap_s) for i, gap_s in enumerate(gaps(times)) if gap_s]
    assert [gap_s for _, gap_s in told] == pytest.approx([0.6], abs=0.03)
    assert 100 <= told[0][0] <= 112


def test_d5_every_loss_counts() -> None:
    """A gap each 10 s, for an hour: the sum is what was lost, and not a hundredth more."""
    starts = [k * 10.3 for k in range(360)]
    times = [t for start in starts for t in on_time(250, start)]
    assert sum(gaps(times)) == pytest.approx(359 * 0.3, rel=0.1)


@pytest.mark.parametrize("drift", [-0.01, 0.01])
def test_d10_a_clock_that_drifts_loses_nothing(drift: float) -> None:
    """One in a hundred too fast or too slow, for ten minutes: no gap, and no wrong rate."""
    pace = Pace(RATE_HZ)
    assert not any(gaps([t * (1 + drift) for t in on_time(15_000)], pace=pace))
    assert pace.measured_rate_hz == pytest.approx(RATE_HZ / (1 + drift), rel=1e-3)


@pytest.mark.parametrize("frames", [1, 37, 480_000])
def test_d10_blocks_of_any_size(frames: int) -> None:
    """One sample or ten seconds at once: nothing is missing while they come at their pace."""
    count = min(4_000, 40 * RATE_HZ // frames)
    assert not any(gaps([i * frames / RATE_HZ for i in range(count)], frames))


def test_d16_a_rate_is_known_when_it_was_measured_twice() -> None:
    """44.1 kHz under the name of 48 is known after ten seconds; one stall alone makes no rate."""
    pace = Pace(RATE_HZ)
    times = [i * BLOCK / 44_100 for i in range(300)]
    known = [pace.step(BLOCK, 1000.0 + t) is not None and pace.measured_rate_hz for t in times]
    first = next(i for i, rate in enumerate(known) if rate)
    assert times[first] == pytest.approx(10.0, abs=0.1)
    assert known[first] == pytest.approx(44_100, rel=1e-3)
    pace = Pace(RATE_HZ)
    stalled = [t if t < 12 else t + 2.0 for t in on_time(600)]
    rates = [pace.step(BLOCK, 1000.0 + t) is not None and pace.measured_rate_hz for t in stalled]
    assert all(not rate or abs(rate / RATE_HZ - 1) < 0.02 for rate in rates)


@pytest.mark.parametrize(
    ("measured_hz", "rate_hz"),
    [(44_093.0, 44_100), (47_650.0, 48_000), (23_984.0, 24_000), (37_049.0, 37_000)],
)
def test_d16_a_measured_rate_stands_for_a_usual_one(measured_hz: float, rate_hz: int) -> None:
    """The next usual rate, where one is near, else the measured one."""
    assert likely_rate_hz(measured_hz) == rate_hz


def test_a_day_without_a_fault() -> None:
    """A day of blocks with the jitter of a sound server: never a gap, however large the numbers are."""
    pace = Pace(RATE_HZ)
    jitter = itertools.cycle(np.random.default_rng(2).uniform(0, 0.03, 997))
    blocks = round(86_400 / 0.4)
    assert not any(pace.step(10 * BLOCK, 1000.0 + i * 0.4 + next(jitter)) for i in range(blocks))
