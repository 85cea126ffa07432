"""A line becomes sound: the backends of speech, and the one function that opens the best that works here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.config import SpeechConfig
from edge.errors import DeviceError
from edge.events import Said

if TYPE_CHECKING:
    from edge.speech.aloud import Voice

log = logging.getLogger(__name__)

MAX_CHARS = 500
TIMEOUT_S = 10.0  # say() never blocks longer


Before = Callable[[NDArray[np.float32], int], None]
"""Told what is about to sound: samples [n], full scale -1..1, and their rate in Hz."""


def nothing(_: NDArray[np.float32], __: int) -> None:
    """Nobody wants to know."""


class SpeechError(DeviceError):
    """A line that could not be spoken, or a backend that cannot speak here."""


class Speech(Protocol):
    """A backend. `how` is its name in the events: espeak, piper, wav or silent."""

    how: str
    before: Before
    """called by say(), when all but the sound itself is done"""

    def say(self, text: str) -> Said:
        """Speak a line; blocks until it is spoken, at most `TIMEOUT_S`. Raises SpeechError."""
        ...

    def play(self, file: str) -> Said:
        """Play a recording as it is; else as say()."""
        ...

    def stop(self) -> None:
        """End the line that sounds, if one does; may be called from another thread. say() returns."""
        ...

    def close(self) -> None:
        """Stop speaking at once; may be called from another thread while say() blocks."""
        ...


def clean(text: str) -> str:
    """One line of at most `MAX_CHARS` characters, cut at a word, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= MAX_CHARS:
        return line
    head, _, _ = line[: MAX_CHARS + 1].rpartition(" ")
    return head or line[:MAX_CHARS]


def open_speech(config: SpeechConfig) -> Speech:
    """The backend that the configuration names; for "auto" the first of the table that works, logging why the
    ones before it do not. Raises SpeechError where a named backend cannot work."""
    if config.backend != "auto":
        return _TABLE[config.backend](config)
    for name, opener in _TABLE.items():
        if name == "piper" and not with_piper(config):
            continue
        try:
            speech = opener(config)
        except SpeechError as error:
            log.warning("event=speech_fallback backend=%s why=%r", name, str(error))
            continue
        log.info("event=speech backend=%s", name)
        return speech
    raise AssertionError("the last row of the table always works")


def _espeak(config: SpeechConfig) -> Speech:
    from edge.speech.aloud import Aloud, find_player
    from edge.speech.espeak import Voice

    voice = Voice(config)
    return Aloud(voice, find_player(need_device=config.backend == "auto"), preroll_s=config.preroll_s)


def _piper(config: SpeechConfig) -> Speech:
    from edge.speech.aloud import Aloud, find_player
    from edge.speech.piper import Piper

    player = find_player(need_device=config.backend == "auto")
    return Aloud(Piper(config), player, preroll_s=config.preroll_s)


def _wav(config: SpeechConfig) -> Speech:
    from edge.speech.wav_file import WavFile

    if not config.folder:
        raise SpeechError("speech.folder names no folder for recordings")
    return WavFile(voice_of(config), config.folder)


def _silent(config: SpeechConfig) -> Speech:
    from edge.speech.silent import Silent

    return Silent(config.speed_wpm)


def with_piper(config: SpeechConfig) -> bool:
    """Whether Piper is asked for: as the backend, or by one of its voices where no other voice is."""
    return config.backend == "piper" or bool(config.piper and config.backend != "espeak")


def voice_of(config: SpeechConfig) -> Voice:
    """What makes the sound of a line: Piper where it is asked for, else espeak-ng. Raises SpeechError where
    it cannot."""
    if with_piper(config):
        from edge.speech.piper import Piper

        return Piper(config)
    from edge.speech import espeak

    return espeak.Voice(config)


_TABLE: dict[str, Callable[[SpeechConfig], Speech]] = {
    "piper": _piper,
    "espeak": _espeak,
    "wav": _wav,
    "silent": _silent,
}
