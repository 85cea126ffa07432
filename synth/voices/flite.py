"""flite: four English speakers, small and instant (statistical and diphone voices of CMU)."""

from __future__ import annotations

import functools
import re
import shutil

import numpy as np
from numpy.typing import NDArray

from . import Settings, Voice, finish, refuse_path, same_language
from .process import VoiceError, run_program, samples_of

REMEDY = "flite is not installed: apt-get install flite"

# name -> (sex, accent, its own pitch in Hz as measured; 0: it takes no pitch, so the sound is shifted
# instead). Left out: `kal` (8 kHz, half of the sound is missing) and `awb_time` (knows only the time of day).
SPEAKERS = {"kal16": ("M", "en-us", 97), "awb": ("M", "en-gb-scotland", 126), "rms": ("M", "en-us", 0),
            "slt": ("F", "en-us", 184)}  # fmt: skip


@functools.cache
def version() -> str:
    """The version that the program says, such as 2.2."""
    found = re.search(rb"flite-([\w.]+)", run_program(["flite", "--version"], fine=1))
    return found.group(1).decode() if found else "unknown"


class Flite:
    """Satisfies `Engine`."""

    name, family, phonemes, batch = "flite", "flite", False, 12
    licence = "BSD-like (Carnegie Mellon University)"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        refuse_path(self.name, path)
        self.lang = lang

    def available(self) -> str | None:
        """None, or that it is not installed, or that it speaks English only."""
        if not same_language(self.lang, "en"):
            return f"flite speaks English, not {self.lang}"
        return None if shutil.which("flite") else REMEDY

    def voices(self) -> list[Voice]:
        """Those of its built-in voices that are useful."""
        listed = run_program(["flite", "-lv"]).decode("utf-8", "replace").split(":")[-1].split()
        return [self._voice(name) for name in SPEAKERS if name in listed]

    def _voice(self, name: str) -> Voice:
        sex, accent, _ = SPEAKERS[name]
        extra = {"version": version(), "speaker": name.removesuffix("16"), "sex": sex, "accent": accent}
        return Voice(self.name, name, accent, self.licence, tuple(extra.items()))

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`."""
        own_hz = SPEAKERS[voice.name][2] if voice.name in SPEAKERS else 0
        shift = 0.0 if own_hz else settings.pitch
        stretch = 2 ** (shift / 12) / settings.speed
        argv = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={stretch:.4f}"]
        if own_hz and settings.pitch:
            argv += ["--setf", f"int_f0_target_mean={own_hz * 2 ** (settings.pitch / 12):.2f}"]
        if "[[" in text:
            raise VoiceError("flite says no phonemes of espeak-ng")
        # -t reads its argument as text whatever it begins with
        wav = run_program([*argv, "-t", text.replace("\0", " "), "-o", "/dev/stdout"])
        return finish(*samples_of(wav, f"flite {voice.name}"), shift=shift)
