"""Speech for where there is no speaker: each line becomes a numbered wav file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.events import Said
from edge.files import write_whole
from edge.speech import Before, SpeechError, clean, nothing
from edge.speech.aloud import Voice
from edge.speech.sound import Sound, recorded

MOST_FILES = 1_000  # some 100 MB: a robot that talks to itself for months must not fill the card


class WavFile:
    """Writes 0001.wav, 0002.wav, … into a folder; numbers go on after what is there."""

    how = "wav"

    def __init__(self, voice: Voice, folder: Path | str) -> None:
        """Raises SpeechError where the folder cannot be made or read."""
        self._voice, self._folder = voice, Path(folder)
        self.before: Before = nothing
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            numbers = [int(p.stem) for p in self._folder.glob("*.wav") if p.stem.isdecimal()]
        except OSError as error:
            raise SpeechError(f"speech.folder {self._folder}: {error.strerror}") from error
        self._last, self._files = max(numbers, default=0), len(numbers)

    def say(self, text: str) -> Said:
        """See Speech.say; blocks only for the writing, not for as long as the line sounds."""
        return self._write(lambda: self._voice.sound(text), clean(text))

    def play(self, file: str) -> Said:
        """See Speech.play: a copy under the next number."""
        return self._write(lambda: recorded(file), f"@{Path(file).name}")

    def _write(self, make: Callable[[], Sound], name: str) -> Said:
        if self._files >= MOST_FILES:
            raise SpeechError(f"speech.folder {self._folder} holds {MOST_FILES} lines; move them away")
        sound = make()
        self.before(sound.samples, sound.rate_hz)
        path = self._folder / f"{self._last + 1:04d}.wav"
        try:
            write_whole(path, sound.wav())
        except OSError as error:
            raise SpeechError(f"{path} cannot be written: {error.strerror}") from error
        self._last, self._files = self._last + 1, self._files + 1
        return Said(name, self.how, round(sound.duration_s, 3), str(path))

    def stop(self) -> None:
        """See Speech.stop: the file is to be whole."""

    def close(self) -> None:
        """See Speech.close."""
        self._voice.close()
