"""A camera in a process of its own: what hangs or crashes there costs pictures and no sound.

libav cannot be called back from a driver that hangs, a wedged libcamera is only cured by a new process, and
either may crash on a bad day. The ears live in this process and may not be ended for that; so the child is
ended instead, and each new try begins with a fresh one. It is served by `edge.camera.serve`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge.config import CameraConfig
from edge.errors import DeviceError
from edge.events import Frame
from edge.logs import stderr_number
from edge.processes import end_group, environment

CAPTURE_S = 5.0
OPEN_S = 20.0  # a Pi that has just been switched on reads libcamera from a slow card
CLOSE_S = 1.5
MAX_BYTES = 200_000_000  # of a picture; no camera of a Pi gives as much
HEADER_BYTES = 4096
ASK = b"?"
STUCK = "its process hangs in the kernel and cannot be ended; only a restart of this machine helps"

_left: list[subprocess.Popen[bytes]] = []  # children that outlived their kill: a new one would hang, too


class ApartCamera:
    """See edge.camera.Camera. Opened, asked and closed by one thread."""

    def __init__(self, name: str, argv: Sequence[str], *, open_s: float = OPEN_S) -> None:
        """`argv` is the child's command. DeviceError where it does not come up within `open_s`."""
        self.name, self.ended = name, False
        _left[:] = [one for one in _left if one.poll() is None]
        if _left:
            raise DeviceError(f"{name}: {STUCK}")
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr_number(),
                start_new_session=True, env=_environment(),
            )  # fmt: skip
        except OSError as error:
            raise DeviceError(f"{name}: no process for the camera can be started: {error}") from error
        told = self._answer(time.monotonic() + open_s, f"did not open within {open_s:g} s")
        self.name = str(told.get("name", name))

    @property
    def pid(self) -> int | None:
        """The child's number while it is there."""
        return self._process.pid if self._process else None

    def capture(self) -> Frame:
        """The next picture. DeviceError after 5 s without one, and where the child tells of one or ended."""
        if self._process is None or self._process.stdin is None:
            raise DeviceError(f"{self.name}: is closed")
        with contextlib.suppress(OSError):  # it may have ended; what it said last is told below
            os.write(self._process.stdin.fileno(), ASK)
        until_s = time.monotonic() + CAPTURE_S
        late = f"gave no picture for {CAPTURE_S:.0f} s; look whether it is plugged in well"
        told = self._answer(until_s, late)
        try:
            shape, kind = tuple(int(n) for n in told["shape"]), np.dtype(str(told["dtype"]))
            size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        except (KeyError, TypeError, ValueError) as error:
            raise self._gone(f"its process answered with {str(told)[:80]}") from error
        if not 0 <= size <= MAX_BYTES or kind.hasobject:
            raise self._gone(f"a picture of {shape} {kind} is none")
        data = self._read(size, until_s, late)
        self.ended = bool(told.get("ended"))
        return Frame(np.frombuffer(data, kind).reshape(shape), str(told.get("source", self.name)))

    def close(self) -> None:
        """Lets the child give the camera back and end; one that does not is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):  # the end of its input is its sign to close
            if pipe is not None:
                pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(CLOSE_S)
        _end(process)

    def _answer(self, until_s: float, late: str) -> dict[str, Any]:
        """The child's next line of JSON. Raises the DeviceError that it tells of."""
        line = bytearray()
        while not line.endswith(b"\n"):  # a byte at a time: what follows is the picture's
            line += self._read(1, until_s, late)
            if len(line) > HEADER_BYTES:
                raise self._gone(f"its process said {bytes(line[:40])!r}")
        try:
            told: dict[str, Any] = dict(json.loads(line))
        except (ValueError, TypeError) as error:
            raise self._gone(f"its process said {bytes(line[:40])!r}") from error
        if "error" in told:
            self.close()
            raise DeviceError(str(told["error"]))
        return told

    def _read(self, count: int, until_s: float, late: str) -> bytearray:
        """So many bytes of what the child writes; DeviceError with `late` where they do not come in time."""
        process = self._process
        if process is None or process.stdout is None:
            raise DeviceError(f"{self.name}: is closed")
        data, at, number = bytearray(count), 0, process.stdout.fileno()
        while at < count:
            if not select.select([number], [], [], max(0.0, until_s - time.monotonic()))[0]:
                raise self._gone(late)
            got = os.readv(number, [memoryview(data)[at:]])
            if not got:
                raise self._gone("its process ended")
            at += got
        return data

    def _gone(self, why: str) -> DeviceError:
        """Ends the child at once; the error to raise."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            if process.returncode is None:
                why += f"; {STUCK}"
            elif process.returncode not in {0, -9}:
                why += f" with status {process.returncode}"
        return DeviceError(f"{self.name}: {why}")


def _end(process: subprocess.Popen[bytes]) -> None:
    end_group(process)
    if process.returncode is None:
        _left.append(process)


def served(config: CameraConfig) -> ApartCamera:
    """The camera of a configuration, served by a child. DeviceError where it cannot be opened."""
    argv = [sys.executable, "-P", "-m", "edge.camera.serve", json.dumps(asdict(config))]
    return ApartCamera(config.backend, argv)


def _environment() -> dict[str, str]:
    """The child imports the same `edge` as we."""
    ours = environment()
    root = str(Path(__file__).resolve().parents[2])
    ours["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [ours.get("PYTHONPATH")])])
    return ours
