"""Kokoro-82M: 54 neural voices in one ONNX file, and as many more as one blends. About 0.7 s of one core a
clip.

A voice is a table of styles [510, 1, 256], one row for each length of the text; `af_bella+bm_george:0.4` is
0.6 of the first and 0.4 of the second. The model reads phonemes; they come from espeak-ng, written as the
model learned them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import Settings, Voice, finish, same_language
from .kokoro_phonemes import VOCABULARY, front_end
from .process import VoiceError

RATE_HZ = 24_000
STYLES = 256
MOST_PHONEMES = 500
LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
REMEDY = "its model is not here: heychip-synth voices install kokoro"


def default_folder() -> Path:
    """$XDG_DATA_HOME/heychip/kokoro."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "heychip" / "kokoro"


class Kokoro:
    """Satisfies `Engine`."""

    name, family, phonemes, batch = "kokoro", "neural", True, 1
    licence = "Apache-2.0 (model and voices)"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        self.lang, self.folder = lang, Path(path) if path else default_folder()

    def available(self) -> str | None:
        """None, or what is missing: the model, its voices, espeak-ng, or the language."""
        if not model_file(self.folder) or not styles(self.folder):
            return REMEDY
        if shutil.which("espeak-ng") is None:
            return "it reads phonemes, which come from espeak-ng: apt-get install espeak-ng"
        return None if self.voices() else f"kokoro has no voice for {self.lang!r}"

    def voices(self) -> list[Voice]:
        """Those of the language; for English the others, too, which speak it as foreigners."""
        names = sorted(styles(self.folder))
        if not same_language(self.lang, "en"):
            names = [name for name in names if same_language(LANGUAGES.get(name[0], "zz"), self.lang)]
        return [self._voice(name) for name in names]

    def _voice(self, name: str) -> Voice:
        own = LANGUAGES.get(name[0], "")
        tag = own if same_language(own or "zz", self.lang) else self.lang
        facts = {"version": version(self.folder), "speaker": f"kokoro/{name}", "sex": name[1:2].upper(),
                 "accent": own or {"j": "ja", "z": "cmn"}.get(name[0], "unknown")}  # fmt: skip
        return Voice(self.name, name, tag, self.licence, tuple(facts.items()))

    def blend(self, a: Voice, b: Voice, part: float) -> Voice:
        """A new speaker: `part` (0..1) of `b`, the rest of `a`, in the language of `a`."""
        name = f"{a.name}+{b.name}:{part:.2f}"
        facts = dict(a.extra) | {
            "speaker": f"kokoro/{name}",
            "sex": a.get("sex") if part < 0.5 else b.get("sex"),
        }
        return Voice(self.name, name, a.language, self.licence, tuple(facts.items()))

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`. The seed picks a row of styles nearby, so that a text is not always said alike."""
        symbols = front_end(text, voice.language)
        ids = [VOCABULARY[symbol] for symbol in symbols if symbol in VOCABULARY][:MOST_PHONEMES]
        if not ids:
            raise VoiceError(f"kokoro: nothing to say in {text[:60]!r}")
        table = style(self.folder, voice.name)
        row = table[min(len(ids) + settings.seed % 8, len(table) - 1)]
        shift = settings.pitch
        sound = _run(str(self.folder), ids, row, settings.speed / 2 ** (shift / 12))
        return finish(sound, RATE_HZ, shift=shift)


def model_file(folder: Path) -> Path | None:
    """The ONNX file in the folder: the largest, if there are several."""
    found = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_size) if folder.is_dir() else []
    return found[-1] if found else None


@functools.cache
def version(folder: Path) -> str:
    """The beginning of the model's sha256; clips of another model are other clips."""
    note, model = folder / "kokoro.json", model_file(folder)
    if model is None:
        return "none"
    if note.exists():
        facts = json.loads(note.read_text("utf-8"))
        if facts.get("file") == model.name and facts.get("bytes") == model.stat().st_size:
            return str(facts["sha256"])[:12]
    return hashlib.sha256(model.read_bytes()).hexdigest()[:12]


def styles(folder: Path) -> dict[str, Path]:
    """Where the table of each voice is: `voices/NAME.bin` (bare float32), or the archive of the release."""
    found = {path.stem: path for path in sorted(folder.glob("voices/??_*.bin"))}
    for archive in () if found else sorted(folder.glob("voices*.bin")):
        with np.load(archive, allow_pickle=False) as tables:
            found |= dict.fromkeys(tables.files, archive)
    return found


@functools.lru_cache(maxsize=256)
def style(folder: Path, name: str) -> NDArray[np.float32]:
    """float32 [510, 256] of a voice or of a blend."""
    match = re.fullmatch(r"(\w+)\+(\w+):(0?\.\d+|0|1)", name)
    if match:
        part = float(match.group(3))
        blended = (1 - part) * style(folder, match.group(1)) + part * style(folder, match.group(2))
        return np.asarray(blended, np.float32)
    path = styles(folder).get(name)
    if path is None:
        raise VoiceError(f"kokoro has no voice {name!r}: see heychip-synth voices list")
    if path.stem == name:
        return np.fromfile(path, "<f4").reshape(-1, STYLES).astype(np.float32)
    with np.load(path, allow_pickle=False) as tables:
        return np.asarray(tables[name], np.float32).reshape(-1, STYLES)


@functools.lru_cache(maxsize=1)
def _session(folder: str) -> Any:
    """One thread: the pool has a process for every core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = model_file(Path(folder))
    if model is None:
        raise VoiceError(f"kokoro: {REMEDY}")
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
        raise VoiceError(f"kokoro: {model.name} cannot be loaded ({error})") from error


def _run(folder: str, ids: list[int], row: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    session = _session(folder)
    text, look, pace = (one.name for one in session.get_inputs())
    feeds = {text: np.array([[0, *ids, 0]], np.int64), look: row[None], pace: np.array([speed], np.float32)}
    try:
        return np.asarray(session.run(None, feeds)[0], np.float32).reshape(-1)
    except Exception as error:  # as above
        raise VoiceError(f"kokoro: {error}") from error
