"""Other programs at arm's length: started from a list of arguments, never through a shell."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import time
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError

TIMEOUT_S = 20.0


class VoiceError(UsageError):
    """A voice that did not speak, an engine that is not there: what, where and the remedy."""


class EngineLostError(VoiceError):
    """An engine that will say nothing more, whatever it is asked: the run stops, and its clips are kept."""


_stop: Connection | None = None


def stop_at(pipe: Connection) -> None:
    """In a worker: the run goes on until `pipe` is closed at its other end."""
    global _stop  # noqa: PLW0603  # one for the process
    _stop = pipe


def pause(seconds: float) -> None:
    """Waits so long; in a worker no longer than the run goes on. Raises EngineLostError when it ends."""
    if _stop is None:
        time.sleep(seconds)
    elif _stop.poll(seconds):
        raise EngineLostError("the run has been stopped")


def run_program(argv: list[str], *, text: str = "", timeout_s: float = TIMEOUT_S, fine: int = 0) -> bytes:
    """Standard output of `argv` given `text` (UTF-8) on standard input.

    The program runs in its own process group, which is killed whole when it takes longer than `timeout_s`.
    Raises VoiceError naming the program when it is missing, hangs, or ends with anything but 0 (or `fine`).
    """
    name = argv[0]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C at the terminal is for us, not for a clip that is half spoken
        )
    except OSError as error:
        raise VoiceError(f"{name}: cannot be started ({error.strerror or error})") from error
    try:
        out, err = process.communicate(text.encode("utf-8", "replace"), timeout=timeout_s)
    except BaseException as error:  # also Ctrl-C: leave no program behind
        kill_group(process.pid)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise VoiceError(f"{name}: no answer in {timeout_s:g} s") from error
        raise
    if process.returncode not in (0, fine):
        said = err.decode("utf-8", "replace").strip().splitlines()
        raise VoiceError(
            f"{name}: ended with {process.returncode}" + (f" ({said[-1][:200]})" if said else "")
        )
    return out


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads; one that has already gone is fine."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def samples_of(wav: bytes, where: str) -> tuple[NDArray[np.float32], int]:
    """Mono float32 [n] and the rate in Hz of the PCM16 wav that an engine printed.

    Only what the engines write is understood. A streamed header's lengths are lies (espeak-ng writes
    0x7ffff000 to a pipe), so the bytes that came decide. Raises VoiceError; recordings by people go through
    `edge.wav` instead.
    """
    if len(wav) < 12 or wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise VoiceError(f"{where}: gave no wav but {len(wav)} bytes ({wav[:12]!r})")
    place, form = 12, None
    while place + 8 <= len(wav):
        tag, size = wav[place : place + 4], int.from_bytes(wav[place + 4 : place + 8], "little")
        body = wav[place + 8 : place + 8 + size]
        if tag == b"fmt " and len(body) >= 16:
            form = struct.unpack("<HHIIHH", body[:16])
        if tag == b"data":
            if form is None or form[5] != 16 or form[1] < 1 or not 4_000 <= form[2] <= 192_000:
                raise VoiceError(f"{where}: gave a wav of an unknown kind {form}")
            pcm = np.frombuffer(body[: len(body) // (2 * form[1]) * 2 * form[1]], "<i2")
            return (pcm.reshape(-1, form[1])[:, 0] / np.float32(32_768)).astype(np.float32), int(form[2])
        place += 8 + size + (size & 1)
    raise VoiceError(f"{where}: gave a wav without samples")
