"""The simulation of the prior counts right where one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge.prior_config import PriorConfig
from tests.bench.prior_odds import GRID, SCENES, Curve, Scene, choose, count, slope
from tests.bench.prior_stream import on_margins, schedule
from tests.bench.prior_traces import Traces


def made(seed: int = 0) -> Traces:
    """Calls around +4 and talk around -4, in which one logit is worth exactly one nat (8 / 2.83 ** 2)."""
    rng = np.random.default_rng(seed)
    calls = tuple(np.array([-9, peak, -9], np.float32) for peak in rng.normal(4, 8**0.5, 2000))
    talk = tuple(np.array([-9, peak, -9], np.float32) for peak in rng.normal(-4, 8**0.5, 2000))
    names = tuple(str(k) for k in range(2000))
    return Traces("word", calls, names, ("clean",) * 2000, talk, names)


def test_no_offsets_change_nothing() -> None:
    """With both at 0 the prior is the ears alone, whatever the scene."""
    curve = Curve.of(count([made()]))
    assert [curve.ratio(scene, 0, 0) for scene in SCENES] == pytest.approx([1] * len(SCENES))


def test_one_nat_is_one_logit_where_scores_are_calibrated() -> None:
    """The slope is found, and the best distance of the offsets is the logarithm of what a face adds."""
    words = [made()]
    assert slope(words)[1] == pytest.approx(1, abs=0.15)
    curve, scene = Curve.of(count(words)), Scene(0.9, 0.3)
    odds = np.log(0.9 / 0.3 * 0.7 / 0.1)
    ratios = {distance: curve.ratio(scene, -0.1 * distance, 0.9 * distance)
              for distance in np.arange(0, 7, 0.5)}
    assert min(ratios, key=lambda d: ratios[d]) == pytest.approx(odds, abs=1.1)
    assert min(ratios.values()) < 0.7
    assert curve.ratio(Scene(0.3, 0.3), -1, 2) > 1.1  # a face that tells nothing only does harm


def test_the_choice_misses_no_more() -> None:
    """What is chosen lowers one threshold and raises the other, at no more misses than before."""
    curve = Curve.of(count([made()]))
    facing, nobody = choose(curve)
    assert facing < 0 < nobody
    misses, _ = curve.helped(Scene(0.8, 0), facing, nobody, 0.0)
    assert misses <= curve.missed_at(0.0)


def test_counts_are_those_of_the_traces() -> None:
    """Half of a call that is missed in noise only, an event of talk up to its peak, and hours."""
    word = Traces("w", (np.array([3.0], np.float32), np.array([-1.0], np.float32)), ("a", "a"),
                  ("clean", "noisy"), (np.full(45_000, 1.0, np.float32),), ("t",))
    counts = count([word])
    at = {offset: k for k, offset in enumerate(GRID)}
    assert [counts.missed[0, at[o]] for o in (-1.0, 0.0, 3.25)] == [0, 0.5, 1]
    assert [counts.false[0, at[o]] for o in (1.0, 1.25)] == [1, 0]
    assert counts.hours == pytest.approx([1.0])


def test_people_come_and_go_as_often_as_asked() -> None:
    """A face is there the share of the time; in an empty room only what is far above the threshold counts."""
    assert schedule(0.3, 50_000, np.random.default_rng(0)).mean() == pytest.approx(0.3, abs=0.05)
    config, margins = PriorConfig(on=True), np.array([-9, -0.5, -9, -9, 2.5, -9], np.float32)
    empty, there = np.zeros(20, bool), np.ones(20, bool)
    assert [len(on_margins(margins, config, 0.0, one)) for one in (empty, there)] == [1, 1]
    assert [on_margins(margins, config, 0.0, one)[0][0] for one in (empty, there)] == [0.4, 0.16]
