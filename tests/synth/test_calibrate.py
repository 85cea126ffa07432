"""Thresholds on streams whose tail is known: what is promised is what then happens."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import HOP_S
from synth.calibrate import COUNTED, Curve, calibrate, union
from synth.statistics import events

HOURS = 0.5
HOPS = int(HOURS * 3600 / HOP_S)
EVERY = 20  # hops between two moments that sound a little like the phrase: none merge with each other
PER_HOUR = 3600 / HOP_S / EVERY


def stream(members: int, seed: int, hops: int = HOPS, scale: float = 1.0) -> np.ndarray:
    """Logits [hops, members]: -20, with moments now and then whose height above -6 is exponential."""
    rng = np.random.default_rng(seed)
    logits = np.full((hops, members), -20.0, np.float32)
    for member in range(members):
        at = np.arange(member, hops - 1, EVERY)
        logits[at, member] = -6 + rng.exponential(scale, len(at))
    return logits


def true_rate(threshold: float, scale: float = 1.0) -> float:
    """How often an hour a member of `stream` passes a threshold."""
    return PER_HOUR * float(np.exp(-(threshold + 6) / scale))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("target", [0.5, 2.0, 20.0])
def test_the_promise_is_kept(members: int, target: float) -> None:
    """What thresholds found on half an hour let pass in endless ones is, over many tries, near the target.

    0.5 an hour cannot be counted on half an hour: that is the extrapolated tail, and good to a factor of 2.5.
    """
    rates = []
    for seed in range(8):
        thresholds = calibrate([stream(members, seed)], HOURS, target)
        rates.append(sum(true_rate(float(threshold)) for threshold in thresholds))
    factor = 1.6 if target * HOURS > COUNTED else 2.5
    assert target / factor < np.exp(np.log(rates).mean()) < target * factor


@pytest.mark.parametrize("members", [1, 2, 3])
def test_the_union_is_what_is_promised_for(members: int) -> None:
    """On the very streams they were found on, the OR makes at most the events that were asked for, and nearly
    as many: members take steps together, so it may be one for each of them less."""
    logits = stream(members, 0)
    margins = union([logits], calibrate([logits], HOURS, 60.0))[0]
    assert 30 - members <= len(events(margins)) <= 30


def test_another_member_raises_the_thresholds() -> None:
    """An OR of more members makes more false accepts, so each of them has to be stricter."""
    logits = stream(4, 0)
    first = [float(calibrate([logits[:, :n]], HOURS, 60.0)[0]) for n in (1, 2, 4)]
    assert first[0] < first[1] < first[2]


def test_a_member_that_says_the_same_costs_nothing() -> None:
    """Two members that agree at every hop make the false accepts of one, so the threshold is that of one."""
    logits = stream(1, 0)
    alone = calibrate([logits], HOURS, 0.5)
    both = calibrate([np.repeat(logits, 2, axis=1)], HOURS, 0.5)
    assert both == pytest.approx([alone[0], alone[0]], abs=1e-3)


def test_each_member_has_the_threshold_of_its_own_scale() -> None:
    """A member whose logits are twice as far apart gets a threshold twice as far up, at the same rate."""
    logits = np.concatenate([stream(1, 0), stream(1, 1, scale=2.0)], axis=1)
    found = calibrate([logits], HOURS, 60.0)
    rates = [true_rate(float(found[0])), true_rate(float(found[1]), 2.0)]
    assert rates == pytest.approx([30, 30], rel=0.35)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 1.0, 2.0])
def test_rate_and_threshold_are_inverse_in_the_tail(rate: float) -> None:
    """What is too rare to count: the rate at the threshold for a rate is that rate."""
    curve = Curve.of([stream(1, 0)[:, 0]], HOURS)
    assert rate * HOURS < COUNTED
    assert curve.rate(curve.threshold(rate)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("rate", [10.0, 20.0, 100.0])
def test_rate_and_threshold_are_inverse_where_events_are_counted(rate: float) -> None:
    """What is frequent is counted, and agrees with the events of the stream."""
    logits = stream(1, 0)[:, 0]
    curve = Curve.of([logits], HOURS)
    threshold = curve.threshold(rate)
    assert curve.rate(threshold) == pytest.approx(rate, abs=1 / HOURS)
    assert len(events(logits, threshold)) == pytest.approx(rate * HOURS, abs=1)


def test_the_tail_is_the_true_one() -> None:
    """Extrapolated to a hundredth of what was seen, the threshold is within a scale of the true one."""
    found = [Curve.of([stream(1, seed)[:, 0]], HOURS).threshold(0.05) for seed in range(10)]
    true = -6 + float(np.log(PER_HOUR / 0.05))
    assert np.mean(found) == pytest.approx(true, abs=0.7)
    assert np.std(found) < 2.0


def test_thresholds_rise_as_the_promise_gets_stricter() -> None:
    """Fewer false accepts an hour, higher thresholds, without a step back where counting meets the tail."""
    curve = Curve.of([stream(1, 3)[:, 0]], HOURS)
    found = [curve.threshold(rate) for rate in (0.01, 0.1, 1.0, 10.0, 100.0, 500.0)]
    assert (np.diff(found) < 0).all()


def test_how_the_time_is_cut_into_streams_hardly_matters() -> None:
    """One stream or forty: the same thresholds, for peaks do not reach across streams."""
    logits = stream(2, 0)
    whole = calibrate([logits], HOURS, 0.5)
    cut = calibrate(np.array_split(logits, 40), HOURS, 0.5)
    assert cut == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize("hops", [1, 10, 40])
def test_hardly_any_data_gives_thresholds_all_the_same(hops: int) -> None:
    """A second of negatives is no ground for a promise, but gives finite thresholds and no error."""
    found = calibrate([stream(2, 0, hops)], hops * HOP_S / 3600, 0.5)
    assert np.isfinite(found).all()
