"""What stirs and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import RATE_HZ, STEP
from edge.replay import samples_of
from edge.stir import SLOT_HOPS, Stir

SECONDS = 20
NOISE = np.random.default_rng(0).standard_normal(SECONDS * RATE_HZ).astype(np.float32)
HUM = np.sin(2 * np.pi * 50 * np.arange(len(NOISE)) / RATE_HZ).astype(np.float32)
ROOMS = {
    "digital silence": np.zeros_like(NOISE), "a quiet microphone": NOISE * 3e-5, "a fan": NOISE * 1e-2,
    "a hum": HUM * np.float32(0.05) + NOISE * 1e-4,
    "rumble": np.cumsum(NOISE - NOISE.mean(), dtype=np.float64).astype(np.float32) * 1e-4,
}  # fmt: skip


def stirs(sound: np.ndarray, stir: Stir) -> list[bool]:
    """One answer for each hop."""
    return stir.step(sound[: len(sound) // STEP * STEP])


@pytest.mark.parametrize("at_once", [1, 3])
def test_hops_at_once_stir_as_one_by_one(at_once):
    """It makes no difference how many hops are looked at together."""
    sound = np.concatenate([ROOMS["a fan"], samples_of("models/hey_chip/golden.wav"), ROOMS["a hum"]])
    hops, stir = sound[: len(sound) // (3 * STEP) * 3 * STEP].reshape(-1, at_once * STEP), Stir()
    assert [one for few in hops for one in stir.step(few)] == stirs(hops.ravel(), Stir())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_that_stays_as_it_is_does_not_stir(room):
    """After the first second, less than one hop in fifty of steady noise of any kind stirs."""
    assert np.mean(stirs(ROOMS[room], Stir())[SLOT_HOPS:]) < 0.02


@pytest.mark.parametrize("room", ROOMS)
def test_a_word_stirs_every_room(room):
    """A call that stands out of the noise stirs within its first 160 ms and at most of its hops."""
    call = samples_of("models/hey_chip/golden.wav")[2 * RATE_HZ : 3 * RATE_HZ]
    stir, sound = Stir(), ROOMS[room]
    stirs(sound, stir)
    loud = call * np.float32(5 * max(1e-5, np.diff(sound).std()) / call.std())
    said = stirs(sound[: len(loud)] + loud, stir)
    assert np.mean(said) > 0.4


def test_a_louder_room_is_a_stir_until_it_is_known():
    """A fan that is switched on stirs for four seconds, one that is switched off not at all."""
    stir, quiet, loud = Stir(), NOISE * np.float32(1e-4), NOISE * np.float32(1e-2)
    stirs(quiet, stir)
    answers = stirs(loud, stir)
    assert all(answers[:35])
    assert np.mean(answers[60:]) < 0.02
    assert np.mean(stirs(quiet, stir)) < 0.02


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stirs(bad):
    """Nothing is known of it, so it is not taken for silence."""
    stir = Stir()
    stirs(NOISE * np.float32(1e-3), stir)
    hop = NOISE[:STEP].copy()
    hop[7] = bad
    with np.errstate(invalid="ignore"):
        assert stir.step(hop) == [True]


def test_a_reset_forgets_the_room():
    """After it every hop stirs until the room is known."""
    stir = Stir()
    stirs(ROOMS["a fan"], stir)
    stir.reset()
    assert stirs(NOISE * np.float32(1e-5), stir) == stirs(NOISE * np.float32(1e-5), Stir())
