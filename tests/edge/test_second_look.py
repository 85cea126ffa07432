"""The second look: what comes near the word is heard at other speeds, too; everything else is as before."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from bundles import make_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Bundle, load_bundle
from edge.detectors import Detectors
from edge.errors import ModelError
from edge.events import STEP
from edge.features import Features
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.replay import samples_of
from edge.resample import Resampler
from edge.second_look import REACH, SecondLook, View

SPEEDS = (0.9, 1.1)


def with_speeds(*speeds: float) -> Bundle:
    """The shipped bundle, listened to at these speeds."""
    bundle = load_bundle("hey_chip")
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, speeds=speeds))


@pytest.fixture(scope="module")
def call() -> np.ndarray:
    """Twenty seconds: a faint noise, and in it the golden recording of the shipped bundle."""
    golden = samples_of(load_bundle("hey_chip").path / "golden.wav")
    sound = np.random.default_rng(0).normal(0, 1e-4, 250 * STEP).astype(np.float32)
    sound[100 * STEP : 100 * STEP + len(golden)] += golden
    return sound


def margins(listener: Listener | LazyListener, sound: np.ndarray, size: int = 8 * STEP) -> np.ndarray:
    """The margin of every hop [H], given so many samples at a time."""
    found: list[float] = []
    listener.reset()
    for start in range(0, len(sound), size):
        listener.step(sound[start : start + size])
        found += listener.margins
    return np.array(found)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(500, 60_000))
def test_any_cutting_gives_the_same_margins(call, size):
    """To the bit, however the stream comes."""
    listener = Listener([with_speeds(*SPEEDS)])
    assert (margins(listener, call, size) == margins(listener, call)).all()


def test_out_of_reach_nothing_changes_and_within_it_the_mean_counts(call):
    """A hop far from the threshold keeps its margin; one that is near gets another."""
    plain = margins(Listener([with_speeds()]), call)
    looked = margins(Listener([with_speeds(*SPEEDS)]), call)
    near = plain > -REACH
    assert 0 < near.sum() < 40
    assert (looked[~near] == plain[~near]).all()
    assert (looked[near] != plain[near]).all()
    assert looked.max() > 0


def test_the_mean_is_that_of_streams_at_each_speed(call):
    """What counts is the mean of this hop and of the last hop that is full in each whole stream."""
    bundle = with_speeds(*SPEEDS)
    plain, looked = margins(Listener([with_speeds()]), call), margins(Listener([bundle]), call)
    rows = [plain]
    for speed in SPEEDS:
        ratio = Fraction(speed).limit_denominator(100)
        resampler = Resampler(ratio.numerator, ratio.denominator)
        pieces = [resampler.step(hop) for hop in call.reshape(-1, STEP)]
        full = np.cumsum([len(piece) for piece in pieces]) // STEP
        played = np.concatenate(pieces)
        said = Detectors(bundle).follow(Features("hardened_embedding").step(played[: full[-1] * STEP]))[:, 0]
        rows.append((said - bundle.manifest.members[0].threshold)[np.maximum(full - 1, 0)])
    near = plain > -REACH
    best = np.mean(rows, axis=0)[near].max()
    assert looked[near].max() == pytest.approx(best, abs=1.0)  # hops of the looks end at other times


def test_a_speed_of_one_is_the_same_stream(call):
    """A look at the speed at which it was said says what was said already."""
    detectors = Detectors(with_speeds())
    view = View(1.0, detectors, "hardened_embedding")
    view.begin(call[: 100 * STEP])
    features = Features("hardened_embedding")
    said = detectors.follow(features.step(call[: 140 * STEP]))[100:]
    seen = np.stack([view.step(call[k * STEP : (k + 1) * STEP]) for k in range(100, 140)])
    assert np.abs(seen - said).max() < 1e-3


def test_the_lazy_gate_and_the_second_look_hear_the_same(call):
    """Through minutes of quiet with the gate, and without it."""
    sound = np.concatenate([call[: 90 * STEP]] * 5 + [call])
    bundle = with_speeds(*SPEEDS)
    always, lazy = Listener([bundle]), LazyListener(Listener([bundle]))
    wanted, found = always.step(sound), [*lazy.step(sound), *lazy.flush()]
    assert wanted
    assert [one.time_s for one in found] == [one.time_s for one in wanted]
    assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=0.01)


def test_a_look_that_is_no_number_does_not_count(call):
    """Where a stream at another speed breaks, the decision is taken without it."""
    detectors = Detectors(with_speeds())
    look = SecondLook(detectors, "hardened_embedding", SPEEDS, 0.0)
    logits = detectors.thresholds[None] + np.float32(2)
    counts = look.step(call[:STEP], logits)
    assert np.isfinite(counts).all() and (counts != logits).all()
    look.reset()
    assert (look.step(np.full(STEP, np.nan, np.float32), logits) == logits).all()


def test_an_offset_moves_the_reach(call):
    """Whoever lowers the thresholds has the second look reach as far below them."""
    low = margins(Listener([with_speeds(*SPEEDS)], offset=-5.0), call)
    plain = margins(Listener([with_speeds()]), call) + 5.0
    near = plain > -REACH
    assert (low[near] != plain[near]).all()


@pytest.mark.parametrize("speeds", [[0], [2.0], ["fast"], [True], [1.1] * 9, 1.1])
def test_speeds_that_cannot_be_are_refused(tmp_path, speeds):
    """The manifest says what is wrong with it."""
    made = make_bundle(tmp_path, change=lambda manifest: manifest.update(speeds=speeds))
    with pytest.raises(ModelError, match="speeds is not a list"):
        load_bundle(made)


def test_a_bundle_says_its_speeds(tmp_path):
    """And one that says nothing of them has none, as all had once."""
    made = make_bundle(tmp_path, change=lambda manifest: manifest.update(speeds=[0.9, 1.1]))
    assert load_bundle(made).manifest.speeds == SPEEDS
    assert load_bundle(make_bundle(tmp_path, name="old")).manifest.speeds == ()
