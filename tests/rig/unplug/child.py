"""`heychip run` as a child process in a room, looked after as systemd would; all it tells, with its time."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

REPOSITORY = Path(__file__).parents[3]
CONFIG = """
[microphone]
backend = "{backend}"
device = "{device}"
optional = true
[listen]
bundles = ["{bundle}"]
[speech]
backend = "silent"
"""


@dataclass(frozen=True)
class Told:
    """One thing that the child told, and when (monotonic)."""

    at_s: float
    kind: str
    """event, log, notify or exit"""
    what: str
    row: dict[str, Any]


class Child:
    """The daemon with a microphone on a sound server. Where it ends it is started again after `restart_s`."""

    def __init__(
        self,
        folder: Path,
        env: dict[str, str],
        *,
        backend: str = "sounddevice",
        device: str = "default",
        restart_s: float,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.told: list[Told] = []
        self._restart_s, self._ending, self._lock = restart_s, False, Lock()
        self._config = folder / "heychip.toml"
        bundle = REPOSITORY / "models" / "hey_chip"
        self._config.write_text(CONFIG.format(backend=backend, device=device, bundle=bundle))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._env = env | one | {"PYTHONPATH": str(REPOSITORY), "NOTIFY_SOCKET": str(folder / "notify")}
        self._env.pop("JOURNAL_STREAM", None)
        self.process = self._start()
        Thread(target=self._notified, daemon=True).start()
        Thread(target=self._look_after, daemon=True).start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "edge.cli", "run", "--config", str(self._config), "--json"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=self._env, stdout=pipe, stderr=pipe, text=True, cwd=REPOSITORY
        )
        for stream, kind in ((process.stdout, "event"), (process.stderr, "log")):
            Thread(target=self._follow, args=(stream, kind), daemon=True).start()
        return process

    def _follow(self, stream: IO[str], kind: str) -> None:
        for line in stream:
            row = json.loads(line) if kind == "event" else {}
            what = row.get("event", line.rstrip())
            self._tell(kind, row.get("state", what) if what == "state" else what, row)

    def _notified(self) -> None:
        while not self._ending:
            message = self._socket.recv(4096).decode()
            self._tell("notify", message)

    def _look_after(self) -> None:
        while True:
            code = self.process.wait()
            self._tell("exit", str(code))
            if self._ending:
                return
            time.sleep(self._restart_s)
            with self._lock:  # or the new one would be nobody's
                if self._ending:
                    return
                self.process = self._start()

    def _tell(self, kind: str, what: str, row: dict[str, Any] | None = None) -> None:
        self.told.append(Told(time.monotonic(), kind, what, row or {}))

    def since(self, after_s: float, kind: str) -> list[Told]:
        """What was told of a kind after a moment."""
        return [told for told in self.told if told.kind == kind and told.at_s > after_s]

    def wait(self, kind: str, what: str, *, after_s: float = 0.0, timeout_s: float = 40.0) -> Told:
        """The first thing told that begins so, or for a log line holds it. Raises TimeoutError with all that
        was told."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            for told in self.since(after_s, kind):
                if told.what.startswith(what) or (kind == "log" and what in told.what):
                    return told
            time.sleep(0.05)
        raise TimeoutError(f"no {kind} {what!r} in {timeout_s:g} s\n" + self.story())

    def story(self) -> str:
        """All that was told, one line each."""
        first_s = self.told[0].at_s if self.told else 0.0
        rows = [t for t in self.told if t.what != "WATCHDOG=1"]
        return "\n".join(f"{t.at_s - first_s:7.2f} {t.kind:6} {t.what}" for t in rows)

    def end(self) -> tuple[int, float]:
        """SIGTERM; gives the exit code and how many seconds it took, and kills it after 15."""
        with self._lock:
            self._ending = True
        start_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return code, time.monotonic() - start_s

    def kill(self) -> None:
        """At last, whatever state it is in."""
        with self._lock:
            self._ending = True
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Voice:
    """Somebody in the room who says the word again and again, whatever becomes of the sound server."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._on = say, True
        self._thread = Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self) -> None:
        while self._on:
            try:
                self._say()
            except (subprocess.SubprocessError, OSError):
                time.sleep(0.1)

    def hush(self) -> None:
        """No more."""
        self._on = False
        self._thread.join()
