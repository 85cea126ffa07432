"""D7 and D8: sound that is no sound."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.sound_check import SoundCheck

RATE_HZ = 16_000
STILL = {
    "zeros": lambda _: np.zeros(640),
    "stuck": lambda _: np.full(640, 0.3),
    "last bit": lambda i: 0.3 + (np.arange(640) % 3 > i % 2) / 32_768,
    "one piece again and again": lambda _: np.sin(np.arange(640) * 0.37) * 0.2,
}


def seconds_until_deaf(make: object, most_s: float = 90.0) -> float:
    """When a check is deaf that is given such pieces of 40 ms."""
    check = SoundCheck()
    for i in range(round(most_s / 0.04)):
        check.step(np.asarray(make(i), np.float32), RATE_HZ)
        if check.deaf:
            return i * 0.04
    return most_s


@pytest.mark.parametrize("kind", STILL)
def test_d7_what_does_not_change_is_no_sound(kind: str) -> None:
    """Zeros, one value, one that flips its last bit, and a buffer that comes again and again: deaf after a
    minute, not before, and no longer with the first sound."""
    assert seconds_until_deaf(STILL[kind]) == pytest.approx(60, abs=0.1)
    check = SoundCheck()
    for i in range(1_600):
        check.step(np.asarray(STILL[kind](i), np.float32), RATE_HZ)
    assert check.deaf
    check.step(np.random.default_rng(1).normal(0, 0.01, 640).astype(np.float32), RATE_HZ)
    assert not check.deaf


@pytest.mark.parametrize("level", [0.25, 1.0, 30.0])
def test_d7_a_quiet_room_is_sound(level: float) -> None:
    """The noise of a converter, of more than its last bit or with a rare louder moment, is no deafness."""
    random = np.random.default_rng(3)

    def make(i: int) -> NDArray[np.float32]:
        steps = np.round(random.normal(0, level, 640))
        steps[:3] += 2 * (i % 500 == 0)  # 20 s apart
        return steps / 32_768

    assert seconds_until_deaf(make) == 90


def test_d8_advice_comes_for_each_ten_seconds_that_are_clipped() -> None:
    """More than 1 % at full scale in ten seconds is told with the share; less is not."""
    for share, told in ((0.02, 2), (0.005, 0)):
        check, sound = SoundCheck(), np.random.default_rng(4).uniform(-0.5, 0.5, 640).astype(np.float32)
        sound[: round(640 * share)] = -1.0
        advice = [check.step(sound, RATE_HZ) for _ in range(550)]
        assert len([text for text in advice if "2%" in text]) == told
