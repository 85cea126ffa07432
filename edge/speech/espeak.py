"""espeak-ng writes the sound of a line.

Its own playback stutters on the Pi (espeak-ng issues 849 and 1781); its sound through a player is clean. The
text goes in through standard input and never near a shell.
"""

from __future__ import annotations

import shutil
import time

from edge.config import SpeechConfig
from edge.speech import TIMEOUT_S, SpeechError, clean
from edge.speech.programs import Programs
from edge.speech.sound import Sound, from_pipe

ESPEAK_REMEDY = "install it: sudo apt-get install espeak-ng"


class Voice:
    """espeak-ng with the settings of the configuration: text to sound."""

    how = "espeak"

    def __init__(self, config: SpeechConfig, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises SpeechError where espeak-ng is missing or does not know the voice."""
        self.timeout_s = timeout_s
        if shutil.which("espeak-ng") is None:
            raise SpeechError(f"espeak-ng is not installed; {ESPEAK_REMEDY}")
        self._argv = ["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", config.voice]
        self._argv += ["-s", str(config.speed_wpm), "-p", str(config.pitch)]
        self._programs = Programs()
        self.sound("a")  # an unknown voice is better found now than at the first visitor

    def sound(self, text: str, deadline_s: float | None = None) -> Sound:
        """`text` as sound, until `deadline_s` on the monotonic clock. Raises SpeechError."""
        left_s = self.timeout_s if deadline_s is None else max(0.1, deadline_s - time.monotonic())
        output = self._programs.run(self._argv, clean(text).encode(), left_s)
        if not output:
            raise SpeechError(f"nothing can be spoken of {text[:40]!r}")
        return from_pipe(output)

    def stop(self) -> None:
        """Kill what is running."""
        self._programs.stop()

    def close(self) -> None:
        """Kill what is running, and let nothing run any more."""
        self._programs.close()
