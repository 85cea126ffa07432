"""A worker as seen from the benchmark: started, asked, ended."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_S, ANSWER_S = 180.0, 300.0  # by the clock: a busy machine takes its time


class ChildError(Exception):
    """The worker could not be opened, failed, or answers no more; the message says which."""


class Child:
    """One listening program in its own process. `started` says what opening it took."""

    def __init__(self, engine: str, model: str, cache: Path, *, realtime: bool = False) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.worker", engine, model, str(cache),
             *(["--realtime"] if realtime else [])], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            env={**os.environ, **alone, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # so that Ctrl-C is ours to handle
        )
        self._rest = b""
        self.started = self._answer(START_S)

    def ask(self, file: Path) -> dict[str, Any]:
        """Listen to a file. Raises ChildError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{file}\n".encode())
            self._process.stdin.flush()
        except OSError:
            raise ChildError(self._end()) from None
        return self._answer(ANSWER_S)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not yet written has nobody to go to
                    continue

    def _answer(self, within_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if not select.select([pipe], [], [], within_s)[0]:
                self.close()
                raise ChildError(f"did not answer within {within_s:.0f} s")
            piece = os.read(pipe, 65536)
            if not piece:
                raise ChildError(self._end())
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        row: dict[str, Any] = json.loads(line)
        if "error" in row:
            self.close()
            raise ChildError(row["error"])
        return row

    def _end(self) -> str:
        """Why it is gone."""
        code = self._process.wait()
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().splitlines()[-1:] or ["said nothing"]
        self.close()
        return f"its process ended with status {code}: {last[0][:300]}"
