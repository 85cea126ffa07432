"""The user's own recordings of the phrase: a folder of them, or a folder with a folder for each speaker."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import WavError
from synth.decode import load_audio
from synth.ingest import find_audio

from . import Settings, Voice
from .process import VoiceError

REMEDY = "name the folder that holds recordings of the phrase: --engine folder=PATH"


class Folder:
    """Satisfies `Engine`, but says the same whatever it is told: it is for the phrase alone."""

    name, family, phonemes, batch = "folder", "people", False, 16
    licence = "the user's own recordings"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        self.lang, self.root = lang, Path(path).expanduser() if path else None

    def available(self) -> str | None:
        """None, or that no folder was named, or that it holds no recordings."""
        if self.root is None or not self.root.is_dir():
            return REMEDY if self.root is None else f"{self.root}: no such folder; {REMEDY}"
        return None if recordings(self.root) else f"{self.root}: holds no recordings; {REMEDY}"

    def voices(self) -> list[Voice]:
        """One for each speaker."""
        speakers = recordings(self.root) if self.root else {}
        return [self._voice(name, files) for name, files in speakers.items()]

    def _voice(self, name: str, files: tuple[Path, ...]) -> Voice:
        digest = hashlib.sha256()
        for file in files:
            digest.update(
                f"{file.name}/{file.stat().st_size}/{file.stat().st_mtime_ns}\n".encode("utf-8", "replace")
            )
        extra = {
            "version": digest.hexdigest()[:12],
            "speaker": f"folder/{name}",
            "recordings": str(len(files)),
        }
        return Voice(self.name, name, self.lang, self.licence, tuple(extra.items()))

    def say(
        self,
        text: str,  # noqa: ARG002  # recordings say what they say
        voice: Voice,
        settings: Settings,
    ) -> NDArray[np.float32]:
        """Recording number `seed` of the speaker, as it is; speed and pitch are left to the augmentation."""
        files = recordings(self.root).get(voice.name, ()) if self.root else ()
        if not files:
            raise VoiceError(f"folder: no recordings of {voice.name!r} any more")
        try:
            return load_audio(files[settings.seed % len(files)])
        except WavError as error:
            raise VoiceError(str(error)) from error


@functools.cache
def recordings(root: Path) -> dict[str, tuple[Path, ...]]:
    """Recordings by speaker: the folder's own are of `.`, the others of the folder they are in."""
    found: dict[str, list[Path]] = {}
    for file in sorted(find_audio(root).files):
        inside = file.resolve().relative_to(root.resolve())
        found.setdefault(inside.parts[0] if len(inside.parts) > 1 else ".", []).append(file)
    return {name: tuple(files) for name, files in sorted(found.items())}
