"""A voice of Piper in a process of its own: lines in, sound out.

A voice is an ONNX graph that turns phonemes into sound; the phonemes come from the program espeak-ng. So
neither Piper's own program nor any other library under the GPL is loaded, and what a voice file may do to a
process it does to this one, which the daemon ends and starts again.

    python -m edge.speech.piper_child NAME.onnx PACE      each line of the input is a text as JSON
    answers: rate in Hz and number of bytes, two little-endian uint32, then 16-bit samples;
    a rate of 0 begins a complaint; the first answer, without samples, tells that the voice is loaded
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<II")
MARKS = re.compile(r"([,.!?;:…]+)(?=\s|$)")  # read as melody
ESPEAK_S = 5.0


def read_facts(file: Path) -> dict[str, Any]:
    """What stands beside a voice file. Raises ValueError where it is not of a voice that reads phonemes."""
    try:
        facts: dict[str, Any] = json.loads(Path(f"{file}.json").read_text("utf-8"))
        if facts.get("phoneme_type", "espeak") != "espeak":
            raise KeyError("phoneme_type espeak")
        _ = facts["phoneme_id_map"]["^"], facts["audio"]["sample_rate"], facts["espeak"]["voice"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file}.json does not describe a voice of Piper ({error})") from error
    return facts


def phonemes(text: str, lang: str) -> str:
    """IPA with the marks of the text."""
    parts, found = MARKS.split(text), []
    for piece, mark in zip(parts[::2], [*parts[1::2], ""], strict=True):
        line = " ".join(piece.replace("\0", " ").split())
        ipa = ""
        if line:
            argv = ["espeak-ng", "-q", "--ipa", "-b", "1", "-v", lang, "--stdin"]
            told = subprocess.run(
                argv, input=line.encode(), capture_output=True, timeout=ESPEAK_S, check=True
            ).stdout
            ipa = " ".join(told.decode("utf-8", "replace").split())
        found.append(re.sub(r"\([\w-]+\)", "", ipa) + mark[:1])  # (en): a change of language
    return " ".join(found).strip()


def numbers(ipa: str, table: dict[str, list[int]]) -> list[int]:
    """The ids of a line: begin, each symbol followed by padding, end. Symbols that the voice lacks are left
    out. Raises ValueError where nothing is left."""
    ids = [*table["^"], *table["_"]]
    for symbol in unicodedata.normalize("NFD", ipa):
        if symbol in table:
            ids += [*table[symbol], *table["_"]]
    if len(ids) <= 2:
        raise ValueError("there is nothing to say")
    return [*ids, *table["$"]]


class Speaker:
    """A voice that is loaded; of several speakers the first."""

    def __init__(self, file: Path, pace: float) -> None:
        """`pace` stretches every line: 2 is half as fast."""
        import onnxruntime

        self._facts = read_facts(file)
        self.rate_hz = int(self._facts["audio"]["sample_rate"])
        own = self._facts.get("inference", {})
        scales = [own.get("noise_scale", 0.667), pace * own.get("length_scale", 1.0), own.get("noise_w", 0.8)]
        self._scales = np.array(scales, np.float32)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the ears need the other cores
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False  # every line has another length
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=providers)

    def say(self, text: str) -> NDArray[np.int16]:
        """[n] at `rate_hz`."""
        ids = numbers(phonemes(text, self._facts["espeak"]["voice"]), self._facts["phoneme_id_map"])
        feeds: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        if int(self._facts.get("num_speakers", 1)) > 1:
            feeds["sid"] = np.array([0], np.int64)
        sound = np.asarray(self._session.run(None, feeds)[0], np.float32).reshape(-1)
        return np.round(np.clip(np.nan_to_num(sound), -1, 1) * 32767).astype("<i2")


def serve(file: Path, pace: float, lines: BinaryIO, answers: BinaryIO) -> None:
    """Until `lines` end, which they also do where the daemon was killed."""

    def answer(rate_hz: int, data: bytes) -> None:
        answers.write(HEAD.pack(rate_hz, len(data)) + data)
        answers.flush()

    try:
        speaker = Speaker(file, pace)
    except Exception as error:  # onnxruntime raises its own kinds
        answer(0, f"{file}: {error}".encode())
        return
    answer(speaker.rate_hz, b"")
    for line in lines:
        try:
            answer(speaker.rate_hz, speaker.say(json.loads(line)).tobytes())
        except Exception as error:
            answer(0, str(error).encode())


def main(arguments: list[str]) -> None:
    """A process's whole life. Whatever libraries print goes to standard error, not between the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(Path(arguments[0]), float(arguments[1]), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
