"""A voice engine for tests: hums, at once, and fails on request. It is not in `ENGINES`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import Settings, Voice
from .process import VoiceError


class Hum:
    """Satisfies `Engine`. A text of n letters is a tone of 0.06 n s; its pitch is the voice's number.

    Voices called `bad...` fail, `mute...` give silence, `short...` give nothing, `raise...` raise a foreign
    error, and `die...` end their process. Every call is noted in the folder `notes`, if one is given.
    """

    name, licence, batch = "hum", "none", 3

    def __init__(
        self,
        names: tuple[str, ...] = ("a", "b", "c", "d"),
        *,
        name: str = "hum",
        family: str = "hum",
        phonemes: bool = False,
        notes: str = "",
        delay_s: float = 0.0,
    ) -> None:
        self.name, self.family, self.phonemes, self.notes, self.delay_s = (
            name,
            family,
            phonemes,
            notes,
            delay_s,
        )
        self._names = names

    def available(self) -> str | None:
        """Always."""
        return None

    def voices(self) -> list[Voice]:
        """Those it was made with; `speaker=name` gives two voices one speaker."""
        found = []
        for name in self._names:
            speaker, _, own = name.rpartition("=")
            extra = (("version", "1"), ("speaker", speaker or f"{self.name}/{own}"))
            found.append(Voice(self.name, own, "en-us", self.licence, extra))
        return found

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`."""
        if self.notes:
            (Path(self.notes) / f"{os.getpid()}-{time.monotonic_ns()}").write_text(
                f"{voice.name}\t{text}", "utf-8"
            )
        time.sleep(self.delay_s)
        if voice.name.startswith("bad"):
            raise VoiceError("hum: cannot say it")
        if voice.name.startswith("raise"):
            raise ZeroDivisionError("as asked")
        if voice.name.startswith("die"):
            os._exit(3)
        if voice.name.startswith(("mute", "short")):
            return np.zeros(10 if voice.name.startswith("short") else 16_000, np.float32)
        hertz = (100 + 10 * (sum(voice.name.encode()) % 20)) * 2 ** (settings.pitch / 12)
        time_s = np.arange(int(960 * max(len(text), 2) / settings.speed)) / 16_000
        return (0.3 * np.sin(2 * np.pi * hertz * time_s + settings.seed)).astype(np.float32)
