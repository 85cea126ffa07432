"""The OR: thresholds, refractory time, hysteresis, and members that fall ill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ensemble import MANY, NOTHING, STUCK_HOPS, Ensemble
from edge.events import HOP_S


def run(rows: list[list[float]], thresholds: list[float], **options) -> tuple[list, Ensemble]:
    """Events of an ensemble that is shown `rows`, hop after hop."""
    names = [f"m{i}" for i in range(len(thresholds))]
    ensemble = Ensemble("word", names, np.array(thresholds, np.float32), **options)
    found = [ensemble.step(np.array(row, np.float32), (i + 1) * HOP_S) for i, row in enumerate(rows)]
    return [event for event in found if event], ensemble


def test_d14_any_member_wakes():
    """One member over its own threshold is enough, and the event names it and all that agreed."""
    events, _ = run([[0, 0, 0], [-1, 4, 3.1]], [1, 2, 3])
    assert [(e.member, e.members) for e in events] == [("m1", ("m1", "m2"))]
    assert events[0].score == pytest.approx(2)


def test_d13_a_held_phrase_is_one_event():
    """A plateau of ten seconds is one event: it must fall by `release` first."""
    assert len(run([[3.0 + 0.01 * (i % 2)] for i in range(125)], [1])[0]) == 1


def test_d13_a_dip_above_the_release_is_no_new_phrase():
    """Hysteresis: falling a little under the threshold and coming back is the same phrase."""
    dip = [[2.0], [0.8], [2.1]] * 20
    assert len(run(dip, [1], release=1.0)[0]) == 1


def test_d13_refractory_time():
    """What falls silent and comes back within the refractory time is not counted again; later it is."""
    rows = [[3.0], [-5.0], [3.1]] + [[-5.0 - 0.001 * i] for i in range(20)] + [[3.2]]
    events, _ = run(rows, [1], refractory_s=1.0)
    assert [round(e.time_s / HOP_S) for e in events] == [1, 24]


@given(st.lists(st.floats(width=32), min_size=3, max_size=3))
def test_nan_never_wakes_and_never_hides_another(values):
    """B12: the OR of finite members decides, whatever the others say, in any order."""
    finite = [v for v in values if np.isfinite(v)]
    events, ensemble = run([values], [0, 0, 0])
    assert bool(events) == any(v >= 0 for v in finite)
    assert np.isfinite(ensemble.margin)
    assert ensemble.margin == (pytest.approx(max(*finite, NOTHING), rel=1e-5) if finite else NOTHING)


def test_a_member_that_fails_twice_is_put_aside(caplog):
    """B9: two answers that are no numbers quarantine a member; the others go on; the health says so."""
    events, ensemble = run([[np.nan, -3], [np.nan, -3.1], [9, -3.2], [0, 4]], [0, 0])
    assert ensemble.health == "1/2"
    assert [e.member for e in events] == ["m1"]
    assert "quarantined" in caplog.text


def test_a_member_that_always_says_the_same_is_put_aside():
    """B9: 20 s of one and the same number, while there is a stream, is no listening."""
    rows = [[5.0, -3 - 0.001 * i] for i in range(STUCK_HOPS + 2)]
    assert run(rows, [0, 0])[1].health == "1/2"


@given(st.lists(st.lists(st.floats(-20, 20, width=32), min_size=3, max_size=3), min_size=1, max_size=12))
def test_few_members_are_decided_as_many_are(rows):
    """Plain floats for a few members and arrays for many say the same: when, who, and how near each came."""
    few, of_few = run(rows, [1, 2, 3])
    many, of_many = run([[*row, *[-30 + 0.01 * i + k for k in range(MANY)]] for i, row in enumerate(rows)],
                        [1, 2, 3, *[0] * MANY])
    assert [(e.time_s, e.member, e.members) for e in few] == [(e.time_s, e.member, e.members) for e in many]
    assert [e.score for e in few] == pytest.approx([e.score for e in many], abs=2e-4)
    assert of_few.told() == of_many.told()[:3]
