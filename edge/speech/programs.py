"""The programs that make or play a line: one at a time, ended with all that it started."""

from __future__ import annotations

import subprocess
from typing import IO

from edge.processes import kill_group, run_group
from edge.speech import SpeechError


class Programs:
    """Runs one program at a time, which another thread may end."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(self, argv: list[str], data: bytes | IO[bytes], timeout_s: float) -> bytes:
        """The output of a program that close() may end. Raises SpeechError."""
        if self._closed:
            raise SpeechError("speech is closed")
        try:
            finished = run_group(argv, data, timeout_s=timeout_s, started=self._started)
        except OSError as error:  # TimeoutError is one
            raise SpeechError(f"{argv[0]}: {error}") from error
        finally:
            self._running = None
        if finished.code:
            why = finished.complaint or f"it ended with {finished.code}"
            raise SpeechError(f"{argv[0]}: {why} (command: {' '.join(argv)})")
        return finished.output

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        self._running = process
        if self._closed:  # close() came between the start of the program and this line
            kill_group(process.pid)

    def close(self) -> None:
        """Kill what is running, and let nothing run any more."""
        self._closed = True
        self.stop()

    def stop(self) -> None:
        """Kill what is running."""
        if (process := self._running) is not None and process.poll() is None:
            kill_group(process.pid)
