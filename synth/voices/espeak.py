"""espeak-ng: every language, many accents and about eighty timbres; synthetic, and instant.

A voice is an accent and a variant (`en-gb+f2`): the accent decides the phonemes, the variant the throat. It
is called as a program, text on standard input and markup off.
"""

from __future__ import annotations

import functools
import shutil

import numpy as np
from numpy.typing import NDArray

from . import Settings, Voice, finish, refuse_path, same_language
from .process import VoiceError, run_program, samples_of

REMEDY = "espeak-ng is not installed: apt-get install espeak-ng"
RECIPE = 2  # counted up when `say` changes, so that clips of the old way are not taken for the new
WPM = 155  # 175 is its own; at 155 "hey chip" takes the 0.6 s that the neural voices take

# Left out. Measured in four accents, three pitches and two speeds: share of voiced frames of the speech, and
# what two public wake-word models (alexa, hey jarvis) say of it. Those models know every other variant,
# robosoft best of all.
USELESS = frozenset(
    {
        "whisper", "whisperf",  # no voicing at all (0.00; others 0.3 to 0.9)
        "croak", "Demonic",  # a creak (0.27) and two voices an octave apart (0.21)
        "UniRobot", "anikaRobot",  # ring modulation; alexa is not heard in half of the clips
        "fast", "caleb", "klatt6",  # sample for sample the same as the plain voice and as klatt
    }
)  # fmt: skip


@functools.cache
def version() -> str:
    """The version that the program says, such as 1.51."""
    words = run_program(["espeak-ng", "--version"]).decode("utf-8", "replace").split()
    return next((word for word in words if word[:1].isdigit()), "unknown")


@functools.cache
def table(of: str) -> tuple[tuple[str, str, str], ...]:
    """(language tag, sex, file) of each voice that `espeak-ng --voices=of` lists, without those of MBROLA."""
    lines = run_program(["espeak-ng", f"--voices={of}"]).decode("utf-8", "replace").splitlines()[1:]
    rows = []
    for line in lines:
        tag, sex = line[4:19].strip(), line[19:25].strip()[-1:]
        file = next((part for part in line[25:].split("  ") if "/" in part), "").split("(")[0].strip()
        if file and not file.startswith("mb/"):
            rows.append((tag.split()[0], sex, file))
    return tuple(dict.fromkeys(rows))


def accents(lang: str) -> list[str]:
    """The tags of one language's accents, the one that was asked for first."""
    tags = {
        tag
        for tag, _, file in table(lang.split("-", maxsplit=1)[0])
        if same_language(tag, lang) and not file.startswith("!v/")
    }
    return sorted(tags, key=lambda tag: (tag != lang, tag))


def variants() -> list[tuple[str, str]]:
    """(name, sex) of the useful timbres; the empty name is the plain voice."""
    found = [(file.removeprefix("!v/"), sex) for _, sex, file in table("variant") if file.startswith("!v/")]
    return [("", "M"), *sorted(pair for pair in found if pair[0] not in USELESS)]


class Espeak:
    """Satisfies `Engine`."""

    name, family, phonemes, batch = "espeak-ng", "formant", True, 16
    licence = "the program is GPL-3.0-or-later; what it says is free to use"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        refuse_path(self.name, path)
        self.lang = lang

    def available(self) -> str | None:
        """None, or that it is not installed, or that it does not know the language."""
        if shutil.which("espeak-ng") is None:
            return REMEDY
        return (
            None
            if accents(self.lang)
            else f"espeak-ng has no voice for {self.lang!r}: see espeak-ng --voices"
        )

    def voices(self) -> list[Voice]:
        """Accents times variants."""
        return [self._voice(tag, name, sex) for tag in accents(self.lang) for name, sex in variants()]

    def _voice(self, tag: str, variant: str, sex: str) -> Voice:
        extra = {
            "version": f"{version()}.{RECIPE}",
            "speaker": f"espeak-ng/{variant or 'plain'}",
            "sex": sex,
            "accent": tag,
        }
        name = f"{tag}+{variant}" if variant else tag
        return Voice(self.name, name, tag, self.licence, tuple(extra.items()))

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`. Speeds of 0.52 to 2.9; twelve semitones are half of its scale of pitch."""
        wpm = round(WPM * settings.speed)
        pitch = round(50 + settings.pitch * 50 / 12)
        if not 80 <= wpm <= 450 or not 0 <= pitch <= 99:
            raise VoiceError(
                f"espeak-ng: speed {settings.speed:g} or pitch {settings.pitch:g} is out of its range"
            )
        argv = [
            "espeak-ng",
            "-v",
            voice.name,
            "-s",
            str(wpm),
            "-p",
            str(pitch),
            "-b",
            "1",
            "-z",
            "--stdin",
            "--stdout",
        ]
        wav = run_program(argv, text=text.replace("\0", " ") + "\n")
        return finish(*samples_of(wav, f"espeak-ng {voice.name}"))
