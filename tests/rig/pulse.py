"""A room with a microphone and no hardware: a private PulseAudio server with a null sink and its monitor.

What is played into `room` is heard by the source `mic`, which ALSA's `default` and `pulse` devices record.
Needs pulseaudio, pulseaudio-utils and libasound2-plugins; everything it writes is in one folder.
"""

from __future__ import annotations

import os
import shutil
import signal
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
        self._modules: dict[str, str] = {}

    def start(self, *, empty: bool = False) -> None:
        """Start the server and wait until its microphone is there, unless it is to be `empty`."""
        socket = f"module-native-protocol-unix socket={self.folder / 'native'} auth-anonymous=1"
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        command += ["-L", socket]
        with (self.folder / "pulseaudio.log").open("ab") as log:
            self._server = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._ready():
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise RuntimeError((self.folder / "pulseaudio.log").read_text(errors="replace"))
            time.sleep(0.1)
        self._modules = {}
        if not empty:
            self.plug(default=True)

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

    def suspend(self, yes: bool = True) -> None:
        """Let the microphone hang: no callbacks, no error, as a source that is suspended does. Or go on."""
        self.pactl("suspend-sink", "room", str(int(yes)))
        self.pactl("suspend-source", "mic", str(int(yes)))

    def freeze(self, yes: bool = True) -> None:
        """Stop the server where it stands, as a machine does that swaps; or let it go on."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def unplug(self, sink: str = "room", source: str = "mic") -> None:
        """Take a microphone away, with all that it was made of."""
        for name in (source, sink):
            self.pactl("unload-module", self._modules.pop(name))

    def plug(self, sink: str = "room", source: str = "mic", *, default: bool = False) -> None:
        """Connect a microphone `source` that hears what is played into `sink`."""
        options = {"sink_name": sink, "rate": RATE_HZ, "channels": 2}
        self.load(sink, "module-null-sink", **options)
        self.load(source, "module-remap-source", source_name=source, master=f"{sink}.monitor")
        if default:
            self.pactl("set-default-source", source)

    def load(self, name: str, module: str, **options: object) -> None:
        """Load a module of the server, to be known by a name of ours."""
        written = [f"{key}={value}" for key, value in options.items()]
        self._modules[name] = self.pactl("load-module", module, *written)

    def pactl(self, *command: str) -> str:
        """What `pactl` answers."""
        asked = ["pactl", *command]
        run = subprocess.run(asked, env=self.env, check=True, timeout=20, capture_output=True, text=True)
        return run.stdout.strip()

    def _ready(self) -> bool:
        run = subprocess.run(["pactl", "info"], env=self.env, check=False, timeout=20, capture_output=True)
        return run.returncode == 0

    def __enter__(self) -> PulseRoom:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
