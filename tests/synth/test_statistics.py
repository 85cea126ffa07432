"""Counting: the same events as an independent scorer, intervals as the textbooks have them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import poisson as poisson_law

from edge.events import HOP_S
from synth.statistics import MERGE_S, Paired, events, offset_for, paired, peaks, poisson, wilson
from tests.shared import SHARED

SCORER = SHARED / "tools" / "score.py"
APART = int(MERGE_S / HOP_S) + 1  # hops between two firings that are two events


def margins(seed: int, hops: int = 600) -> np.ndarray:
    """A stream whose decisions hang together over about a second, as real ones do."""
    noise = np.random.default_rng(seed).normal(0, 3, hops + 8)
    return np.convolve(noise, np.ones(9) / 3, "valid").astype(np.float32)


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    """An evaluator that shares no line with ours."""
    pytest.importorskip("soundfile")
    if not SCORER.is_file():
        pytest.skip(f"no independent scorer at {SCORER}")
    spec = importlib.util.spec_from_file_location("score", SCORER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_events_are_counted_as_the_scorer_counts(scorer: ModuleType) -> None:
    """At every offset, our number of events is that of the independent scorer."""
    for seed in range(5):
        stream = margins(seed)
        for offset in np.quantile(stream, np.linspace(0, 1, 25)):
            assert len(events(stream, offset)) == scorer.events(stream, offset, HOP_S)


@pytest.mark.parametrize("allowed", [0, 0.5, 1, 3, 10, 1_000])
def test_offsets_are_found_as_the_scorer_finds_them(scorer: ModuleType, allowed: float) -> None:
    """The lowest offset with so many events is the scorer's, to the bit."""
    streams = [margins(seed, 300) for seed in range(6)]
    assert offset_for(streams, allowed) == scorer.offset_for(streams, HOP_S, allowed)


@pytest.mark.parametrize(("k", "hours"), [(0, 0.5), (1, 10.0), (37, 12.5)])
def test_intervals_are_the_scorers(scorer: ModuleType, k: int, hours: float) -> None:
    """Both intervals agree with the scorer's to what it rounds them to."""
    assert poisson(k, hours) == pytest.approx(scorer.poisson(k, hours), abs=0.006)
    assert [100 * x for x in wilson(k, 120)] == pytest.approx(scorer.wilson(k, 120), abs=0.06)


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ([], []),
        ([0], [0]),
        ([5, 6, 7], [5]),
        ([5, 5 + APART - 1], [5]),
        ([5, 5 + APART], [5, 5 + APART]),
        ([5, 15, 25, 35], [5]),  # each within a second of the one before
    ],
)
def test_firings_within_a_second_are_one_event(hops: list[int], expected: list[int]) -> None:
    """A new event begins more than a second after the last firing, not after the first."""
    stream = np.full(60, -1.0)
    stream[hops] = 0.0
    assert events(stream) == expected


@given(seed=st.integers(0, 10_000), rank=st.integers(0, 40))
def test_peaks_lie_apart_and_are_the_highest(seed: int, rank: int) -> None:
    """Every peak is in the stream, each is no higher than the one before, no two lie within a second."""
    stream = margins(seed, 400)
    found = peaks(stream)
    assert found[0] == stream.max()
    assert (np.diff(found) <= 0).all()
    places = np.array([np.flatnonzero(stream == p)[0] for p in found])
    assert (np.diff(np.sort(places)) * HOP_S > MERGE_S).all()
    threshold = found[min(rank, len(found) - 1)]
    assert len(events(stream, threshold)) <= (found >= threshold).sum()


def test_peaks_are_all_events_where_those_are_short() -> None:
    """Spikes that stand alone: as many peaks above a threshold as events."""
    rng = np.random.default_rng(0)
    stream = np.full(3_000, -9.0)
    spikes = np.arange(20, 3_000, 20)
    stream[spikes] = rng.normal(0, 2, len(spikes))
    found = peaks(stream)
    for threshold in (-2.0, 0.0, 1.0, 3.0):
        assert (found >= threshold).sum() == len(events(stream, threshold)) > 0


def test_no_more_peaks_than_asked_for() -> None:
    """`most` bounds the work on a day of recordings, and keeps the highest."""
    stream = margins(0, 2_000)
    assert (peaks(stream, 7) == peaks(stream)[:7]).all()


def test_an_offset_keeps_its_promise_and_is_the_lowest() -> None:
    """At the offset there are at most so many events; a little lower there are more."""
    streams = [margins(seed) for seed in range(4)]

    def count(offset: float) -> int:
        return sum(len(events(m, offset)) for m in streams)

    for allowed in (0, 1, 4):
        offset = offset_for(streams, allowed)
        assert count(offset) <= allowed
        values = np.sort(np.concatenate(streams))
        below = values[values < offset][-1]
        assert count(float(below)) > allowed


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 500), (250, 500)])
def test_wilson_is_scipys(k: int, n: int) -> None:
    """The interval of a share is that of `scipy.stats.binomtest`."""
    wanted = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_wilson_of_the_textbook() -> None:
    """10 of 100 is 5.5 to 17.4 %; of nothing, everything is possible."""
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("k", [0, 1, 5, 60])
def test_poisson_ends_leave_a_fortieth_on_either_side(k: int) -> None:
    """At the ends of the exact interval, so few or so many events are as improbable as 2.5 %."""
    low, high = (2.0 * end for end in poisson(k, 2.0))
    assert poisson_law.cdf(k, high) == pytest.approx(0.025)
    if k:
        assert poisson_law.sf(k - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0
        assert high == pytest.approx(-np.log(0.025))  # the "rule of three" and a bit


@pytest.mark.parametrize("interval", [wilson, poisson])
def test_intervals_hold_what_was_found(interval: Callable[[int, int], tuple[float, float]]) -> None:
    """What was found lies within, and more looking makes the interval narrower."""
    widths = []
    for n in (10, 100, 1_000):
        low, high = interval(n // 5, n)
        assert low < 0.2 < high
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]


def test_no_time_means_no_bound() -> None:
    """Of no hours at all, any rate is possible."""
    assert poisson(0, 0.0) == (0.0, float("inf"))


def answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Two answers to each of so many things, by whether they are true of both, one, the other, neither."""
    rows = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second
    found = np.array(rows + [(False, False)] * neither, bool).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def test_a_paired_difference_turns_round() -> None:
    """The other way about it is the same with its sign changed, and as improbable."""
    first, second = answers(4, 9, 2, 35)
    found, turned = paired(first, second), paired(second, first)
    assert found.difference == pytest.approx(0.14)
    assert (turned.difference, turned.low, turned.high) == pytest.approx(
        (-found.difference, -found.high, -found.low))
    assert found.p == turned.p == pytest.approx(binomtest(9, 11).pvalue)
    assert found.low < found.difference < found.high


def test_agreement_makes_the_interval_narrow() -> None:
    """The same shares, once by the same things and once by others: pairs that agree tell more."""
    agreeing, crossing = paired(*answers(20, 5, 2, 73)), paired(*answers(5, 20, 17, 58))
    assert agreeing.difference == pytest.approx(crossing.difference)
    assert agreeing.high - agreeing.low < 0.7 * (crossing.high - crossing.low)


def test_nothing_and_no_difference() -> None:
    """Of nothing nothing is known; where both always agree chance explains it."""
    assert paired(*answers(0, 0, 0, 0)) == Paired(0.0, -1.0, 1.0, 1.0)
    same = paired(*answers(10, 0, 0, 50))
    assert (same.difference, same.p) == (0.0, 1.0)
    assert same.low < 0 < same.high


def test_the_interval_of_a_difference_holds_it() -> None:
    """Of 2,000 samples of 120 correlated pairs, about 95 % have the true difference in the interval."""
    rng = np.random.default_rng(0)
    chances = np.array([0.08, 0.07, 0.02, 0.83])
    draws = rng.multinomial(120, chances, 2_000)
    inside = [found.low <= 0.05 <= found.high for found in (paired(*answers(*draw)) for draw in draws)]
    assert 0.935 < np.mean(inside) < 0.985
