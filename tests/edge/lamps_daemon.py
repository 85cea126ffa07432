"""`python lamps_daemon.py PINS CONFIG HOW`: a daemon of stand-ins with all its lights on, which says "lit"
and then fares as HOW says: signal (it waits for one), ears or main (they fail), eyes (they hang)."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import lamps

from edge.config import load_config
from edge.daemon import Daemon
from edge.eventlog import EventLog
from edge.fakes import FakeCamera, FakeClassifier, FakeListener, FakeSpeech, QuietRoom
from edge.mood import Steady
from edge.parts import Ear, Eye, Parts
from edge.resample import Resampler
from edge.signals import Signals

ALL = {17, 27, 22, 5, 13}


class Fate:
    """What happens once everything is lit."""

    def __init__(self, notes: Path, how: str) -> None:
        self._notes, self._how, self.come = notes, how, False
        self.listener = FakeListener()

    def alongside(self) -> None:
        """Called by the main thread."""
        if not self.come and lamps.lit(self._notes) == ALL:
            print("lit", flush=True)
            self.come = True
            if self._how == "ears":
                self.listener._fails = RuntimeError("as where something is wrong")
            if self._how == "main":
                raise RuntimeError("as where something is wrong")

    def shoot(self) -> str:
        """Called by the eyes."""
        while self.come and self._how == "eyes":
            time.sleep(3_600)
        return "cat"


def main(notes: Path, config_file: Path, how: str) -> int:
    """The daemon's exit code."""
    lamps.noted_pins(notes)
    signals, fate, config = Signals(), Fate(notes, how), load_config(config_file)
    signals.catch()
    eye = Eye(lambda: FakeCamera(fate.shoot), FakeClassifier(), Steady(3, 0.3))
    parts = Parts(FakeSpeech(), Ear(QuietRoom, Resampler, fate.listener), eye)
    tell = EventLog(out=io.StringIO())
    return Daemon(config, parts, tell=tell, signals=signals, alongside=fate.alongside).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
