"""Speech that only tells the log what it would have said."""

from __future__ import annotations

import logging
from pathlib import Path

from edge.events import Said
from edge.speech import Before, clean, nothing
from edge.speech.sound import recorded

log = logging.getLogger(__name__)


class Silent:
    """Takes as long as speech would, on the clock of the stream, without a sound."""

    how = "silent"

    def __init__(self, speed_wpm: int = 160) -> None:
        self._speed_wpm = speed_wpm
        self.before: Before = nothing
        """never called: there is no sound"""

    def say(self, text: str) -> Said:
        """See Speech.say; never blocks."""
        line = clean(text)
        log.info("event=silent text=%r", line)
        return Said(line, self.how, round(len(line.split()) / self._speed_wpm * 60, 3))

    def play(self, file: str) -> Said:
        """See Speech.play; never blocks."""
        name = f"@{Path(file).name}"
        log.info("event=silent text=%r", name)
        return Said(name, self.how, round(recorded(file).duration_s, 3))

    def stop(self) -> None:
        """See Speech.stop: there is nothing to stop."""

    def close(self) -> None:
        """See Speech.close: there is nothing to stop."""
