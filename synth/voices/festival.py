"""festival: diphone and HMM speakers. One program per worker says text after text, for it starts in 0.2 s."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import Settings, Voice, finish, refuse_path, same_language
from .process import TIMEOUT_S, VoiceError, kill_group, run_program, samples_of

REMEDY = "festival is not installed: apt-get install festival festvox-{us-slt-hts,kallpc16k,kdlpc16k}"
RECIPE = 2  # counted up when `say` changes, so that clips of the old way are not taken for the new
LIST = '(mapcar (lambda (v) (format t "%s\\t%l\\n" v (voice.description v))) (voice.list))'

# The same people speak in flite; a split must not have them on both sides.
SPEAKERS = {"kal_diphone": "kal", "ked_diphone": "ked", "cmu_us_slt_arctic_hts": "slt"}
TAGS = {"english": "en-us", "spanish": "es", "italian": "it", "russian": "ru", "catalan": "ca", "czech": "cs",
        "finnish": "fi", "welsh": "cy"}  # fmt: skip


@functools.cache
def listed() -> tuple[tuple[str, str, str], ...]:
    """(name, language tag, sex) of each voice that is installed."""
    out = run_program(["festival", "--pipe"], text=LIST).decode("utf-8", "replace")
    rows = []
    for name, facts in re.findall(r"^(\w+)\t(.*)$", out, re.MULTILINE):
        language, sex = (re.search(rf"\({key} \"?([\w]+)", facts) for key in ("language", "gender"))
        tag = TAGS.get(language.group(1).lower(), language.group(1).lower()) if language else "unknown"
        rows.append((name, tag, sex.group(1)[:1].upper() if sex else ""))
    return tuple(sorted(rows))


@functools.cache
def version() -> str:
    """The version that the program says, such as 2.5.0."""
    found = re.search(rb"(\d+\.\d+(\.\d+)?)", run_program(["festival", "--version"]))
    return found.group(1).decode() if found else "unknown"


class Festival:
    """Satisfies `Engine`."""

    name, family, phonemes, batch = "festival", "festival", False, 12
    licence = "BSD-like (University of Edinburgh, Carnegie Mellon University, HTS working group)"

    def __init__(self, lang: str = "en-us", path: str = "") -> None:
        refuse_path(self.name, path)
        self.lang = lang
        self._child: Child | None = None

    def __getstate__(self) -> dict[str, str]:
        return {"lang": self.lang}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__init__(state["lang"])  # type: ignore[misc]  # a worker starts its own program

    def available(self) -> str | None:
        """None, or that it is not installed, or that it has no voice for the language."""
        if shutil.which("festival") is None:
            return REMEDY
        return (
            None
            if self.voices()
            else f"festival has no voice for {self.lang!r}: apt-get install a festvox package"
        )

    def voices(self) -> list[Voice]:
        """The installed voices of the language."""
        return [self._voice(*row) for row in listed() if same_language(row[1], self.lang)]

    def _voice(self, name: str, tag: str, sex: str) -> Voice:
        extra = {"version": f"{version()}.{RECIPE}", "speaker": SPEAKERS.get(name, name), "sex": sex}
        return Voice(self.name, name, tag, self.licence, tuple(extra.items()))

    def say(self, text: str, voice: Voice, settings: Settings) -> NDArray[np.float32]:
        """See `Engine`. The pitch is shifted with the throat (`finish`)."""
        if "[[" in text:
            raise VoiceError("festival says no phonemes of espeak-ng")
        if not re.fullmatch(r"\w+", voice.name):
            raise VoiceError(f"festival: {voice.name!r} is no name of a voice")
        if self._child is None:
            self._child = Child()
        try:
            wav = self._child.say(text, voice.name, 2 ** (settings.pitch / 12) / settings.speed)
        except BaseException:
            self._child.close()
            self._child = None
            raise
        return finish(*samples_of(wav, f"festival {voice.name}"), shift=settings.pitch)


class Child:
    """A festival that runs until it is closed or forgotten."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="heychip-festival-")
        self._process = subprocess.Popen(
            ["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            process_group=0, cwd=self._folder.name,
        )  # fmt: skip
        if self._process.stdin is None or self._process.stdout is None:
            raise VoiceError("festival: has no pipes")
        self._in, self._out = self._process.stdin, self._process.stdout
        self.close = weakref.finalize(self, _end, self._process, self._folder)

    def say(self, text: str, voice: str, stretch: float) -> bytes:
        """The wav of one text. Raises VoiceError where no sound came in time."""
        wav = Path(self._folder.name) / "said.wav"
        wav.unlink(missing_ok=True)
        words = " ".join(text.split()).replace("\\", " ").replace('"', " ").replace("\0", " ")
        lines = (
            f"(voice_{voice})",
            f"(Parameter.set 'Duration_Stretch {stretch:.4f})",
            # HMM voices go by a parameter of their own; choosing the voice has just set the list anew
            f'(set! hts_engine_params (append hts_engine_params (list (list "-r" {1 / stretch:.4f}))))'
            if voice.endswith("_hts")
            else "",
            f'(utt.save.wave (SynthText "{words}") "said.wav" \'riff)',
            '(begin (format t "said\\n") (fflush nil))',
        )
        self._tell("\n".join(lines) + "\n")
        self._wait(f"festival {voice}")
        if not wav.exists():  # an error of Scheme; it goes on with the next text
            raise VoiceError(f"festival {voice}: could not say {text[:60]!r}")
        return wav.read_bytes()

    def _tell(self, commands: str) -> None:
        try:
            self._in.write(commands.encode("latin-1", "replace"))
            self._in.flush()
        except OSError as error:
            raise VoiceError(f"festival: has ended ({error})") from error

    def _wait(self, where: str) -> None:
        ends, heard = time.monotonic() + TIMEOUT_S, b""
        while b"said\n" not in heard:
            ready, _, _ = select.select([self._out], [], [], max(0.0, ends - time.monotonic()))
            piece = os.read(self._out.fileno(), 4_096) if ready else b""
            if not piece:
                raise VoiceError(f"{where}: " + ("has ended" if ready else f"no answer in {TIMEOUT_S:g} s"))
            heard += piece


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    kill_group(process.pid)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # what it was not told any more
                pipe.close()
    folder.cleanup()
