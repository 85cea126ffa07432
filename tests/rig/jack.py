"""A sound server that gives its own rate and no other: jackd with a dummy card, and a voice in front of it.

PortAudio asks it for 16 kHz in vain (the real -9997). Needs jackd2; the server has a name of its own, so that
several may run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

RATE_HZ = 44_100
NUMBERS = count()  # a server's name must be short
PLAYER = Path(__file__).with_name("jack_voice.py")


def missing() -> str:
    """What this machine lacks for the rig, or ""."""
    return ", ".join(name for name in ("jackd", "jack_connect", "jack_lsp") if shutil.which(name) is None)
ASK = """
import sys, sounddevice
try:
    sounddevice.check_input_settings(device="system", samplerate=int(sys.argv[1]), channels=1)
except sounddevice.PortAudioError as error:
    print(error.args[1])
"""


class JackRoom:
    """The server. `env` is what a program needs to be in the room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {
            "HOME": str(folder),
            "JACK_DEFAULT_SERVER": f"hc{os.getpid()}n{next(NUMBERS)}",
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "PULSE_SERVER": f"unix:{folder / 'nobody'}",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it has its ports."""
        name = self.env["JACK_DEFAULT_SERVER"]
        command = ["jackd", "-n", name, "-r", "--no-mlock", "-d", "dummy", "-r", str(RATE_HZ), "-p", "1024"]
        with (self.folder / "jackd.log").open("ab") as log:
            self._server = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while "system:capture_1" not in self.ports():
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError((self.folder / "jackd.log").read_text(errors="replace"))
            time.sleep(0.1)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """End the server in peace, so that it leaves nothing behind in shared memory."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
            self._server = None

    def ports(self) -> list[str]:
        """The names of all ports."""
        command = ["jack_lsp", "-s", self.env["JACK_DEFAULT_SERVER"]]
        run = subprocess.run(command, env=self.env, check=False, timeout=10, capture_output=True, text=True)
        return run.stdout.split()

    def refuses(self, rate_hz: int) -> str:
        """PortAudio's error code where it cannot record at this rate, or ""."""
        command = [sys.executable, "-c", ASK, str(rate_hz)]
        run = subprocess.run(command, env=self.env, check=True, capture_output=True, text=True)
        return run.stdout.strip()

    def say(self, wav: Path) -> None:
        """Play a recording into whoever records."""
        command = [sys.executable, str(PLAYER), str(wav)]
        subprocess.run(command, env=self.env, check=True, timeout=8, capture_output=True)
