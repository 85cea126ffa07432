"""An engine for tests of stopping: it waits where others would work."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth.voices import EngineLostError, Settings, Voice
from synth.voices.fake import Hum
from synth.voices.process import pause

WAIT_S = 20.0


class Sleepy(Hum):
    """The voice `lost` is lost as soon as another one waits; the others wait, and note it where nobody wakes
    them."""

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`."""
        asleep = Path(self.notes) / "asleep"
        if voice.name == "lost":
            while not asleep.exists():
                time.sleep(0.02)
            raise EngineLostError("hum: lost")
        asleep.touch()
        pause(WAIT_S)
        (Path(self.notes) / "slept").touch()
        return super().say(text, voice, settings)
