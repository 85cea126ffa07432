"""D7: a constant that a sound card adds, and what taking it away does to hearing."""

from __future__ import annotations

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.events import STEP
from edge.listener import Listener
from edge.replay import samples_of
from edge.steady_level import SteadyLevel
from tests.speech import real_speech

PIECE = 640


def centred(sound: np.ndarray) -> np.ndarray:
    """All of a recording, as it passes in pieces of 40 ms."""
    level = SteadyLevel()
    return np.concatenate([level.step(sound[i : i + PIECE], 16_000) for i in range(0, len(sound), PIECE)])


def test_d7_speech_is_given_back_bit_for_bit() -> None:
    """Real recordings of people, which have no constant, pass untouched."""
    for sound in real_speech():
        np.testing.assert_array_equal(centred(sound), sound)


@pytest.mark.parametrize("constant", [0.01, -0.1, 0.3])
def test_d7_the_word_is_heard_as_without_a_constant(constant: float) -> None:
    """With a constant of up to a third of full scale the margin of the word is that of clean sound, to a
    hundredth of a logit; left in place it would change it more."""
    listener = Listener([load_bundle("hey_chip")])
    sound = samples_of(load_bundle("hey_chip").path / "golden.wav")
    sound = sound[: len(sound) // STEP * STEP]

    def margin(heard: np.ndarray) -> float:
        listener.reset()
        listener.step(heard.astype(np.float32))
        return max(listener.margins)

    clean, off = margin(sound), sound + np.float32(constant)
    without = abs(margin(centred(off)) - clean)
    assert without <= 0.01
    assert abs(margin(off) - clean) > 2 * without


def test_d7_a_constant_is_followed_and_forgotten() -> None:
    """What is taken away follows a converter that warms up, and a new stream begins without it."""
    drift = np.linspace(0.05, 0.1, 60 * 16_000, dtype=np.float32)
    assert np.abs(centred(drift)[16_000:]).max() < 0.005
    level = SteadyLevel()
    for _ in range(50):
        level.step(np.full(PIECE, 0.2, np.float32), 16_000)
    assert level.faulty
    level.reset()
    quiet = np.full(PIECE, 0.001, np.float32)
    np.testing.assert_array_equal(level.step(quiet, 16_000), quiet)
    assert len(level.step(quiet[:0], 16_000)) == 0
