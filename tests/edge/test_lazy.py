"""The lazy gate without the rough ear: exactly the same is heard with it as without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.backbone import FEW
from edge.bundle import load_bundle
from edge.events import RATE_HZ, STEP, Heard
from edge.features import Features
from edge.lazy import BEFORE_HOPS, CONTEXT_HOPS, LazyListener
from edge.listener import Listener
from edge.replay import samples_of
from edge.rough import RoughEar
from tests.speech import real_speech

CLIPS = Path(__file__).parents[2] / "demo" / "clips"
OFFSET = -4.0  # thresholds so low that near-misses are events, too: more to compare


@pytest.fixture(scope="module")
def pair() -> tuple[Listener, LazyListener]:
    """A listener, and one behind the gate."""
    plain, behind = (Listener([load_bundle("hey_chip")], offset=OFFSET) for _ in range(2))
    return plain, gated(behind)


def gated(behind: Listener) -> LazyListener:
    """A gate that has no rough ear, as where there is no student of a backbone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RoughEar, "of", lambda _: None)
        return LazyListener(behind)


def pieces(kinds: list[tuple[str, float]], seed: int) -> np.ndarray:
    """Calls, speech and silence in a row; each with a level in dB."""
    draw = np.random.default_rng(seed)
    calls = [samples_of(path) for path in sorted(CLIPS.glob("call-*.wav"))]
    speech, out = real_speech(), []
    for kind, level_db in kinds:
        if kind == "silence":
            out.append(np.zeros(int(draw.uniform(1, 7) * RATE_HZ), np.float32))
        else:
            pool = calls if kind == "call" else speech
            out.append(pool[draw.integers(len(pool))][: 3 * RATE_HZ] * np.float32(10 ** (level_db / 20)))
    return np.concatenate(out)


def heard(listener: Listener | LazyListener, sound: np.ndarray, size: int = STEP) -> list[Heard]:
    """What is heard in a sound that comes in pieces of one size."""
    listener.reset()
    parts = [listener.step(sound[at : at + size]) for at in range(0, len(sound), size)]
    return [one for part in parts for one in part] + listener.flush()


LINE = st.tuples(st.sampled_from(["call", "speech", "silence", "silence"]), st.floats(-50, 0))


@settings(max_examples=25, deadline=None)
@given(kinds=st.lists(LINE, min_size=2, max_size=8), floor_db=st.floats(-120, -45), hum=st.booleans(),
       seed=st.integers(0, 99))  # fmt: skip
def test_events_are_equal_with_and_without(pair, kinds, floor_db, hum, seed):
    """Calls and speech at any level between silences, over a noise of any level, with or without hum: the
    same words at the same times with the same scores, to the bit."""
    sound = pieces(kinds, seed)
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    if hum:
        noise += 5 * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / RATE_HZ)
    sound = np.clip(sound + noise * 10 ** (floor_db / 20), -1, 1).astype(np.float32)
    plain, lazy = pair
    assert heard(lazy, sound) == heard(plain, sound)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(100, 50_000))
def test_any_cutting_gives_the_same_events(pair, size):
    """Chunks of any length make no difference behind the gate either."""
    sound = pieces([("call", 0), ("silence", 0), ("silence", 0), ("call", -20), ("speech", -10)], 1)
    _, lazy = pair
    assert heard(lazy, sound, size) == heard(lazy, sound)


def test_the_gate_closes_in_silence_and_opens_for_a_word(pair):
    """In a quiet room it is closed, whatever was heard before; a call comes through the closed gate."""
    _, lazy = pair
    quiet = np.random.default_rng(0).normal(0, 1e-4, 12 * RATE_HZ).astype(np.float32)
    lazy.reset()
    lazy.step(real_speech()[0])
    lazy.step(quiet)
    assert lazy.closed
    call = samples_of("models/hey_chip/golden.wav")[: 300 * STEP]
    assert len(lazy.step(call)) + len(lazy.flush()) >= 1
    assert not lazy.closed


def test_a_night_of_silence_keeps_two_seconds(monkeypatch):
    """Behind the closed gate no more is kept than a decision depends on, and hardly anything worked out."""
    lazy, worked_out = LazyListener(Listener([load_bundle("hey_chip")])), []
    whole = Features.step
    monkeypatch.setattr(Features, "step", lambda self, x: worked_out.append(len(x)) or whole(self, x))
    quiet = np.random.default_rng(0).normal(0, 1e-4, 60 * RATE_HZ).astype(np.float32)
    lazy.step(quiet)
    assert sum(worked_out) / len(quiet) < 0.3  # until the room was known, and after a chance stir
    assert lazy.kept <= (CONTEXT_HOPS + BEFORE_HOPS + FEW) * STEP


def test_a_margin_near_the_threshold_keeps_it_open():
    """A detector that comes near its threshold on steady noise is listened to all the time."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 12 * RATE_HZ).astype(np.float32)
    plain = Listener([load_bundle("hey_chip")])
    plain.step(noise)
    usual = float(np.median(plain.margins[-100:]))
    for distance, closed in ((0.5, False), (9.0, True)):
        near = Listener([load_bundle("hey_chip")], offset=usual + distance)
        lazy = LazyListener(near)
        lazy.step(noise)
        assert lazy.closed == closed


def test_a_word_does_not_wait(pair):
    """Hops are taken a few at a time, but a call is told of two hops later at most, and mostly at once or one
    hop later: the detectors see it coming."""
    later = []
    for path in sorted(CLIPS.glob("call-*.wav")):
        for before in range(FEW):  # so that the hop of the event has every place among its few
            room = np.random.default_rng(0).normal(0, 1e-4, 3 * RATE_HZ + before * STEP)
            sound = np.concatenate([room.astype(np.float32), samples_of(path), room.astype(np.float32)])
            told = []
            for listener in pair:
                listener.reset()
                told.append([hop for hop in range(len(sound) // STEP)
                             for _ in listener.step(sound[hop * STEP : (hop + 1) * STEP])])
            later += [there - here for here, there in zip(*told, strict=True)]
    assert len(later) >= 12
    assert set(later) <= {0, 1, 2}
    assert np.mean(later) <= 0.75  # without looking ahead it would be 1


def test_the_end_of_a_stream_is_heard(pair):
    """Hops that wait for others are decided by `flush`."""
    plain, lazy = pair
    call = samples_of("models/hey_chip/golden.wav")
    end = round(heard(plain, call)[-1].time_s * RATE_HZ)
    for before in (0, STEP, 2 * STEP):  # so that the hop of the event has every place among its few
        sound = np.concatenate([call[:before], call[:end]])
        assert heard(lazy, sound) == heard(plain, sound)
        assert heard(plain, sound)[-1].time_s == pytest.approx((end + before) / RATE_HZ)


def test_a_reset_is_a_new_start(pair):
    """After a reset a stream gives what it gives to a new object."""
    _, lazy = pair
    sound = pieces([("call", 0), ("silence", 0), ("call", -20)], 3)
    lazy.step(real_speech()[1])
    fresh = gated(Listener([load_bundle("hey_chip")], offset=OFFSET))
    assert heard(lazy, sound) == heard(fresh, sound)
