"""A short soak: every kind of fault that is soon over, in twenty minutes of stream. Row F11."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.soak.check import verdict
from tests.soak.faults import plan
from tests.soak.reference import listen
from tests.soak.rig import Rig
from tests.soak.turns import Turns
from tests.soak.world import Converter, World


@pytest.mark.slow
def test_twenty_minutes_of_faults(tmp_path: Path) -> None:
    """F11, D15: no word is lost outside a fault, nothing is heard that was not said, every fault is over
    in time, files and threads stay as many as they were, and signs of life never stop for 10 s."""
    world = World(1 / 3, 4)
    reference = listen(world)
    rig = Rig(world, plan(40, world.length_s, 4, longest_s=8.0), tmp_path, seed=4)
    rig.run()
    found = verdict(rig, reference)
    assert found.failed == [], "\n".join(rig.journal.last[-40:])
    assert found.figures["faults"] >= 30


def test_the_world_is_the_same_however_it_is_cut() -> None:
    """The reference and the soak hear the same samples."""
    world = World(0.05, 1)
    start = round(world.words[0].start_s * 16_000) - 300
    whole = world.sound(start, 4_000)
    assert np.array_equal(whole, np.concatenate([world.sound(start + k, 500) for k in range(0, 4_000, 500)]))
    assert np.abs(whole).max() > 0.01


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_480])
def test_a_device_gives_as_many_samples_as_it_should(rate_hz: int) -> None:
    """The converter keeps its phase from piece to piece."""
    converter = Converter(rate_hz)
    sound = np.sin(np.arange(32_000) / 16_000 * 2 * np.pi * 440).astype(np.float32)
    given = np.concatenate([converter.step(sound[k : k + 1_280]) for k in range(0, 32_000, 1_280)])
    assert abs(len(given) - 2 * rate_hz) <= 1
    assert np.abs(np.diff(given)).max() < 1.05 * 2 * np.pi * 440 / rate_hz


def test_turns_wait_for_everybody() -> None:
    """Time does not pass while somebody whom it woke is busy."""
    import threading

    turns, seen, never = Turns(), [], threading.Event()
    begun = turns.now_s()

    def sleeper() -> None:
        for _ in range(100):
            turns.wait(never, 0.5)
            seen.append(turns.now_s() - begun)

    thread = threading.Thread(target=sleeper, name="ears")
    turns.expect("ears")
    thread.start()
    turns.advance(begun + 60.0)
    thread.join(5)
    assert seen == pytest.approx([0.5 * (k + 1) for k in range(100)])
