"""Streams at other speeds, for the thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from edge.backbone import CONTEXT, HARDENED
from edge.events import STEP
from edge.features import Features
from synth.speeds import rows_of

SOUND = np.random.default_rng(3).normal(0, 0.05, 60 * STEP).astype(np.float32)


@pytest.fixture(scope="module")
def features() -> Features:
    """Of the backbone that bundles are made for."""
    return Features(HARDENED)


def test_at_its_own_speed_each_hop_has_its_window(features):
    """Row after row, as the daemon's windows."""
    rows, first = rows_of(features, SOUND)
    features.reset()
    windows = features.step(SOUND)
    assert (first == np.arange(60)).all()
    assert all((rows[at : at + CONTEXT] == window).all() for at, window in zip(first, windows, strict=True))


@pytest.mark.parametrize("speed", [0.92, 1.08, 0.88, 1.12])
def test_every_hop_has_the_last_window_that_is_full_by_then(features, speed):
    """Slower sound is longer, so it has more windows than hops; faster sound has fewer, and a hop may have
    that of the hop before."""
    rows, first = rows_of(features, SOUND, speed)
    assert len(first) == 60
    assert abs(len(rows) - CONTEXT + 1 - 60 / speed) < 2
    assert (np.diff(first) >= 0).all() and first[-1] + CONTEXT <= len(rows)
    ends = (first[5:] + 1) * speed  # of those windows, in hops as it was said
    assert (ends <= np.arange(6, 61)).all() and (ends > np.arange(6, 61) - 1.2).all()


def test_what_is_too_short_has_a_window_all_the_same(features):
    """One hop, which at a higher speed is none."""
    rows, first = rows_of(features, SOUND[:STEP], 1.08)
    assert first.tolist() == [0] and len(rows) == CONTEXT
