"""A voice makes the sound, a player plays it.

Sound is handed to the player as a whole, so that its length is known before it is heard.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from edge.events import Said
from edge.speech import Before, SpeechError, clean, nothing
from edge.speech.programs import Programs
from edge.speech.sound import Sound, recorded

log = logging.getLogger(__name__)

DRAIN_S = (
    2.0  # what a player needs, after the last sample is handed over, to play it and to end (PulseAudio: 1.7)
)


class Voice(Protocol):
    """Text to sound: edge.speech.espeak.Voice, edge.speech.piper.Piper."""

    how: str
    timeout_s: float

    def sound(self, text: str, deadline_s: float | None = None) -> Sound:
        """`text` as sound, until `deadline_s` on the monotonic clock. Raises SpeechError."""
        ...

    def stop(self) -> None:
        """End what is being made, where that is worth it; may be called from another thread."""
        ...

    def close(self) -> None:
        """The same, and make nothing any more."""
        ...


class Aloud:
    """Speaks through a player."""

    def __init__(self, voice: Voice, player: list[str], *, preroll_s: float = 0.0) -> None:
        """`player` reads a wav file from its standard input."""
        self._voice, self._player, self._preroll_s = voice, player, preroll_s
        self._programs = Programs()
        self.how = voice.how
        self.before: Before = nothing
        self._stopped = False

    def say(self, text: str) -> Said:
        """See Speech.say; a line that would take longer than the limit ends there."""
        return self._out(lambda until_s: self._voice.sound(text, until_s), clean(text))

    def play(self, file: str) -> Said:
        """See Speech.play; a recording ends there, too."""
        return self._out(lambda _: recorded(file), f"@{Path(file).name}")

    def _out(self, make: Callable[[float], Sound], name: str) -> Said:
        deadline_s = time.monotonic() + self._voice.timeout_s
        self._stopped, length_s = False, 0.0
        start_s: float | None = None
        try:
            sound = self._fitted(make(deadline_s), deadline_s)
            self.before(sound.samples, sound.rate_hz)
            if not self._stopped:
                start_s, length_s = time.monotonic(), sound.duration_s
                with _file_of(sound.wav()) as file:
                    self._programs.run(self._player, file, deadline_s - start_s)
        except SpeechError:
            if not self._stopped:
                raise
            length_s = 0.0 if start_s is None else min(length_s, time.monotonic() - start_s)
        return Said(name, self.how, round(length_s, 3))

    def _fitted(self, made: Sound, deadline_s: float) -> Sound:
        """After the silence that the speaker needs, and so long that it can be played in time."""
        whole = made.padded(self._preroll_s)
        sound = whole.cut(deadline_s - time.monotonic() - DRAIN_S)
        if len(sound.pcm) < len(whole.pcm):
            log.warning("event=line_cut at_s=%.1f length_s=%.1f", sound.duration_s, whole.duration_s)
        return sound

    def stop(self) -> None:
        """See Speech.stop."""
        self._stopped = True
        self._voice.stop()
        self._programs.stop()

    def close(self) -> None:
        """See Speech.close."""
        self._programs.close()
        self._voice.close()


def _file_of(data: bytes) -> IO[bytes]:
    """An open file in memory: a player may seek in it, and a read-only /tmp does not matter."""
    file: IO[bytes]
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("heychip"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return file


def find_player(*, need_device: bool) -> list[str]:
    """The command that plays a wav file from standard input: PipeWire's or PulseAudio's where their server
    runs for this user, else ALSA's. Where `need_device`, ALSA must know an output. Raises SpeechError."""
    reasons = []
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    pipewire = (runtime / "pipewire-0").exists()
    pulse = "PULSE_SERVER" in os.environ or (runtime / "pulse" / "native").exists()
    players: tuple[tuple[str, bool, str, list[str]], ...] = (  # program, can it play, why not, arguments
        ("pw-play", pipewire, "PipeWire does not run for this user", ["/dev/stdin"]),
        ("paplay", pulse, "PulseAudio does not run for this user", []),
        ("aplay", not need_device or alsa_plays(), "ALSA knows no output device", ["-q", "-"]),
    )
    for program, works, why_not, arguments in players:
        if shutil.which(program) is None:
            reasons.append(f"{program} is not installed")
        elif not works:
            reasons.append(why_not)
        else:
            return [program, *arguments]
    raise SpeechError(f"no player: {', '.join(reasons)}; install one: sudo apt-get install alsa-utils")


def alsa_plays(table: Path = Path("/proc/asound/pcm")) -> bool:
    """Whether ALSA knows a device for output."""
    try:
        return "playback" in table.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no sound driver is loaded
        return False
