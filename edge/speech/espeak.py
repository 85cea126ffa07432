"""espeak-ng writes the sound, a player plays it.

espeak-ng's own playback stutters on the Pi (espeak-ng issues 849 and 1781); its sound through aplay is clean.
The text goes in through standard input and never near a shell. Sound is handed to the player as a whole, so
that its length is known before it is heard.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import struct
import subprocess
import tempfile
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edge.config import SpeechConfig
from edge.events import Said
from edge.processes import kill_group, run_group
from edge.speech import TIMEOUT_S, Before, SpeechError, clean, nothing

log = logging.getLogger(__name__)

DRAIN_S = (
    2.0  # what a player needs, after the last sample is handed over, to play it and to end (PulseAudio: 1.7)
)
ESPEAK_REMEDY = "install it: sudo apt-get install espeak-ng"


@dataclass(frozen=True)
class Sound:
    """16-bit mono sound."""

    pcm: bytes
    """little-endian samples"""
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / 2 / self.rate_hz

    @property
    def samples(self) -> NDArray[np.float32]:
        """[n], full scale -1..1."""
        return np.frombuffer(self.pcm, "<i2").astype(np.float32) / np.float32(32768)

    def padded(self, silence_s: float) -> Sound:
        """The same after a silence."""
        return Sound(b"\0\0" * round(silence_s * self.rate_hz) + self.pcm, self.rate_hz)

    def cut(self, longest_s: float) -> Sound:
        """The same, at most so long."""
        return Sound(self.pcm[: 2 * max(0, int(longest_s * self.rate_hz))], self.rate_hz)

    def wav(self) -> bytes:
        """A wav file with a true header."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate_hz)
            out.writeframes(self.pcm)
        return file.getvalue()


def from_pipe(data: bytes) -> Sound:
    """The sound in a wav file that was written to a pipe: its header claims 2 GB, the end of the data counts.
    Raises SpeechError where it is not mono 16-bit sound."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise SpeechError(f"espeak-ng wrote no wav file but {data[:12]!r}")
    at, rate_hz = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt " and at + 16 <= len(data):
            form, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
            if (form, channels, bits) != (1, 1, 16):
                raise SpeechError(f"espeak-ng wrote {channels} channels of {bits} bits, expected one of 16")
        if name == b"data" and rate_hz:
            end = at + min(size, len(data) - at)
            return Sound(data[at : end - (end - at) % 2], rate_hz)
        at += size + size % 2
    raise SpeechError("espeak-ng wrote a wav file without sound")


class Voice:
    """espeak-ng with the settings of the configuration: text to sound."""

    def __init__(self, config: SpeechConfig, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises SpeechError where espeak-ng is missing or does not know the voice."""
        self.timeout_s = timeout_s
        if shutil.which("espeak-ng") is None:
            raise SpeechError(f"espeak-ng is not installed; {ESPEAK_REMEDY}")
        self._argv = ["espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", config.voice]
        self._argv += ["-s", str(config.speed_wpm), "-p", str(config.pitch)]
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False
        self.sound("a")  # an unknown voice is better found now than at the first visitor

    def sound(self, text: str, deadline_s: float | None = None) -> Sound:
        """`text` as sound, until `deadline_s` on the monotonic clock. Raises SpeechError."""
        left_s = self.timeout_s if deadline_s is None else max(0.1, deadline_s - time.monotonic())
        output = self.run(self._argv, clean(text).encode(), left_s)
        if not output:
            raise SpeechError(f"nothing can be spoken of {text[:40]!r}")
        return from_pipe(output)

    def run(self, argv: list[str], data: bytes | IO[bytes], timeout_s: float) -> bytes:
        """The output of a program that close() may end. Raises SpeechError."""
        if self._closed:
            raise SpeechError("speech is closed")
        try:
            finished = run_group(argv, data, timeout_s=timeout_s, started=self._started)
        except OSError as error:  # TimeoutError is one
            raise SpeechError(f"{argv[0]}: {error}") from error
        finally:
            self._running = None
        if finished.code:
            why = finished.complaint or f"it ended with {finished.code}"
            raise SpeechError(f"{argv[0]}: {why} (command: {' '.join(argv)})")
        return finished.output

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        self._running = process
        if self._closed:  # close() came between the start of the program and this line
            kill_group(process.pid)

    def close(self) -> None:
        """Kill what is running, and let nothing run any more."""
        self._closed = True
        self.stop()

    def stop(self) -> None:
        """Kill what is running."""
        if (process := self._running) is not None and process.poll() is None:
            kill_group(process.pid)


class Espeak:
    """Speaks through a player."""

    how = "espeak"

    def __init__(self, voice: Voice, player: list[str], *, preroll_s: float = 0.0) -> None:
        """`player` reads a wav file from its standard input."""
        self._voice, self._player, self._preroll_s = voice, player, preroll_s
        self.before: Before = nothing
        self._stopped = False

    def say(self, text: str) -> Said:
        """See Speech.say; a line that would take longer than the limit ends there."""
        deadline_s = time.monotonic() + self._voice.timeout_s
        whole = self._voice.sound(text, deadline_s).padded(self._preroll_s)
        sound = whole.cut(deadline_s - time.monotonic() - DRAIN_S)
        if len(sound.pcm) < len(whole.pcm):
            log.warning("event=line_cut at_s=%.1f length_s=%.1f", sound.duration_s, whole.duration_s)
        self.before(sound.samples, sound.rate_hz)
        self._stopped, start_s, length_s = False, time.monotonic(), sound.duration_s
        try:
            with _file_of(sound.wav()) as file:
                self._voice.run(self._player, file, deadline_s - start_s)
        except SpeechError:
            if not self._stopped:
                raise
            length_s = min(length_s, time.monotonic() - start_s)
        return Said(clean(text), self.how, round(length_s, 3))

    def stop(self) -> None:
        """See Speech.stop."""
        self._stopped = True
        self._voice.stop()

    def close(self) -> None:
        """See Speech.close."""
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
