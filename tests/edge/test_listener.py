"""The whole pipeline: any cutting, reset, silence, broken samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundles import make_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import load_bundle
from edge.events import STEP
from edge.listener import Listener
from edge.replay import samples_of


@pytest.fixture(scope="module")
def listener() -> Listener:
    """The shipped bundle."""
    return Listener([load_bundle("hey_chip")])


@pytest.fixture(scope="module")
def golden() -> np.ndarray:
    """Its golden recording, in which the phrase is said."""
    return samples_of(load_bundle("hey_chip").path / "golden.wav")


def whole(listener: Listener, sound: np.ndarray) -> tuple[list, np.ndarray]:
    """Events and margins of `sound` in one piece."""
    listener.reset()
    return listener.step(sound), np.array(listener.margins)


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=20))
def test_d10_any_cutting_gives_the_same_events(listener, golden, sizes):
    """D10: chunks of one sample or of seconds make no difference to what is heard or when."""
    events, margins = whole(listener, golden)
    listener.reset()
    found, trace, at, k = [], [], 0, 0
    while at < len(golden):
        size = max(sizes[k % len(sizes)], len(golden) // 60)
        found += listener.step(golden[at : at + size])
        trace += listener.margins
        at, k = at + size, k + 1
    assert [(e.time_s, e.member) for e in found] == [(e.time_s, e.member) for e in events]
    assert np.abs(np.array(trace) - margins).max() < 1e-3


def test_the_golden_recording_is_heard_once(listener, golden):
    """The shipped bundle hears its golden recording, with the margin that its manifest promises."""
    events, margins = whole(listener, golden)
    promised = load_bundle("hey_chip").manifest.golden
    assert [e.word for e in events] == ["hey chip"]
    assert margins.max() == pytest.approx(promised.margin, abs=0.05)


def test_reset_equals_a_new_listener(listener, golden):
    """What was heard before a reset leaves no trace."""
    _, first = whole(listener, golden)
    listener.step(np.random.default_rng(0).normal(0, 0.3, 50 * STEP).astype(np.float32))
    assert (whole(listener, golden)[1] == first).all()


@pytest.mark.parametrize("level", [0.0, 1e-5, 1e-2, 1.0])
def test_silence_and_noise_never_trigger(listener, level):
    """A minute of silence, of a hum of noise, and of full-scale noise wakes nobody."""
    sound = np.random.default_rng(1).normal(0, 1, 750 * STEP).astype(np.float32) * np.float32(level)
    assert whole(listener, np.clip(sound, -1, 1))[0] == []


def test_a_minute_of_digital_silence_does_not_make_deaf(golden):
    """A sound server with nothing to play sends zeros: no member is put aside for saying the same of them."""
    listener = Listener([load_bundle("hey_chip")])
    assert listener.step(np.zeros(750 * STEP, np.float32)) == []
    alive, members = listener.ensembles[0].health.split("/")
    assert alive == members
    assert len(listener.step(golden)) == 1


@pytest.mark.parametrize("silence_s", [0.1, 0.5, 2.0, 5.0])
def test_a_call_out_of_digital_silence_is_heard(silence_s):
    """Exact zeros before a call, as behind a noise gate or in a sound server, hide nothing."""
    listener = Listener([load_bundle("hey_chip")])
    calls = sorted((Path(__file__).parents[2] / "demo" / "clips").glob("call-*.wav"))
    heard = 0
    for path in calls:
        listener.reset()
        zeros = np.zeros(int(silence_s * 16_000), np.float32)
        heard += len(listener.step(np.concatenate([zeros, samples_of(path), np.zeros(8_000, np.float32)])))
    assert heard >= len(calls) - (3 if silence_s < 0.5 else 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_samples_never_trigger_and_leave_no_trace(listener, golden, bad, caplog):
    """D9, B11: what is no number is silence, is counted, and the next phrase is heard."""
    listener.reset()
    before = listener.bad_samples
    assert listener.step(np.full(5 * STEP, bad, np.float32)) == []
    assert listener.bad_samples == before + 5 * STEP
    assert "bad_samples" in caplog.text
    listener.step(np.zeros(60 * STEP, np.float32))
    assert len(listener.step(golden)) == 1


def test_d14_two_bundles_of_one_word_are_one_event(golden):
    """D14: the same word twice within a second is one event."""
    both = Listener([load_bundle("hey_chip"), load_bundle("hey_chip")])
    assert len(both.step(golden)) == 1


def test_the_costliest_bundle_is_given_up_first(tmp_path):
    """B10: a listener that cannot keep up gives up a bundle, but never its last."""
    listener = Listener([load_bundle("hey_chip"), load_bundle(make_bundle(tmp_path / "a", n_members=2))])
    listener._cost_s = [0.001, 0.05]
    assert listener.shed() is not None
    assert listener.words == ("hey chip",)
    assert listener.shed() is None
