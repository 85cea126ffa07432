"""A room with a microphone and no hardware: a private PulseAudio server with a null sink and its monitor.

What is played into `room` is heard by the source `mic`, which ALSA's `default` and `pulse` devices record.
Needs pulseaudio, pulseaudio-utils and libasound2-plugins; everything it writes is in one folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

RATE_HZ = 48_000


def missing() -> str:
    """What this machine lacks for the rig, or ""."""
    lacking = [name for name in ("pulseaudio", "paplay", "pactl") if shutil.which(name) is None]
    plugins = any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    return ", ".join(lacking + ([] if plugins else ["libasound2-plugins"]))


class PulseRoom:
    """The server, as a context manager. `env` is what a program needs to be in the room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o700)
        (folder / "pulse").mkdir(mode=0o700, exist_ok=True)
        self.env = os.environ | {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_SERVER": f"unix:{folder / 'native'}",
            "PULSE_COOKIE": str(folder / "cookie"),
        }
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until its microphone is there."""
        modules = (
            f"module-native-protocol-unix socket={self.folder / 'native'} auth-anonymous=1",
            f"module-null-sink sink_name=room rate={RATE_HZ} channels=2",
            "module-remap-source source_name=mic master=room.monitor",
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        for module in modules:
            command += ["-L", module]
        with (self.folder / "pulseaudio.log").open("ab") as log:
            self._server = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while self._pactl("set-default-source", "mic", check=False) != 0:
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError((self.folder / "pulseaudio.log").read_text(errors="replace"))
            time.sleep(0.1)

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
            (self.folder / "native").unlink(missing_ok=True)

    def play(self, wav: Path) -> None:
        """Play a recording in the room, to its end."""
        subprocess.run(["paplay", "--device=room", str(wav)], env=self.env, check=True, timeout=60)

    def suspend(self) -> None:
        """Let the microphone hang: no callbacks, no error, as a source that is suspended does."""
        self._pactl("suspend-sink", "room", "1")
        self._pactl("suspend-source", "mic", "1")

    def _pactl(self, *command: str, check: bool = True) -> int:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(["pactl", *command], env=self.env, check=check, timeout=20, **quiet).returncode

    def __enter__(self) -> PulseRoom:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
