"""The workers, when an engine is lost: the run stops, at once and with its reason; what is there is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synth.voices import EngineLostError, Settings, Take, Voice
from synth.voices.cache import Clips, speak_all
from synth.voices.fake import Hum
from tests.synth.sleepy import Sleepy


class Tired(Hum):
    """Lost from its fifth text on; counts how often it is asked."""

    asked = 0

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`."""
        self.asked += 1
        if self.asked > 4:
            raise EngineLostError("hum: lost, get a new one")
        return super().say(text, voice, settings)


def test_a_lost_engine_stops_the_run(tmp_path: Path) -> None:
    """It is not asked again; what it had said is in the cache, and the next run asks only for the others."""
    engine = Tired(("a", "b"))
    takes = [Take(f"text {number}", voice) for number in range(20) for voice in engine.voices()]
    with pytest.raises(EngineLostError, match="get a new one"):
        list(speak_all(takes, [engine], jobs=1, cache=tmp_path))
    assert engine.asked == 5
    assert [Clips(tmp_path).get(take) is not None for take in takes] == [True] * 4 + [False] * 36
    healed = Tired(("a", "b"))
    healed.asked = -100
    assert all(not reason for _, _, reason in speak_all(takes, [healed], jobs=1, cache=tmp_path))
    assert healed.asked == -100 + 36


def test_workers_that_wait_are_woken_when_the_run_stops(tmp_path: Path) -> None:
    """A worker in a pause of its own does not keep the run from ending; its take stays unspoken."""
    engine = Sleepy(("sleeper", "lost"), notes=str(tmp_path))
    takes = [Take("text", voice, seed=n) for n in range(4) for voice in engine.voices()]
    with pytest.raises(EngineLostError, match="lost"):
        list(speak_all(takes, [engine], jobs=2, cache=tmp_path / "c"))
    assert (tmp_path / "asleep").exists()
    assert not (tmp_path / "slept").exists()
    assert not list((tmp_path / "c").rglob("*.wav"))
