"""heychip as a service of a booted machine, with a room to hear: what the tests of systemd ask and do.

The room is a PulseAudio server of the machine: what is played into its sink `room` is what the microphone
hears; the voice goes to another sink. Only rig.conf, a drop-in, tells the service of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from machine import Machine

SOURCE = "/usr/src/heychip"
SERVER = "unix:/run/rig-room/native"
ROOM = f"""[Unit]
Description=A room with a microphone, a loudspeaker, and no hardware
Before=heychip.service
[Service]
RuntimeDirectory=rig-room
Environment=HOME=/run/rig-room
ExecStart=/usr/bin/pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --disallow-exit \\
  -L "module-native-protocol-unix socket=/run/rig-room/native auth-anonymous=1" \\
  -L "module-null-sink sink_name=speaker rate=48000" \\
  -L "module-null-sink sink_name=room rate=48000 channels=2" \\
  -L "module-remap-source source_name=mic master=room.monitor"
ExecStartPost=/bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; \\
  pactl -s {SERVER} set-default-source mic && \\
  pactl -s {SERVER} set-default-sink speaker && exit 0; done; exit 1'
[Install]
WantedBy=multi-user.target
"""
# systemd itself judges the 5 s. PYTHONPATH holds only HOOK, a way to hang that ships nowhere.
RIG = f"""[Service]
Environment=PULSE_SERVER={SERVER} PYTHONPATH=/etc/rig
TimeoutStopSec=5
"""
HOOK = """import sys

if any(word.endswith("/bin/heychip") for word in sys.orig_argv):
    import ctypes, pathlib, time
    from edge.ears import Ears

    hear = Ears.step

    def step(self):
        if pathlib.Path("/run/rig-hang/thread").exists():
            time.sleep(1e6)
        if pathlib.Path("/run/rig-hang/process").exists():
            ctypes.PyDLL(None).sleep(1000000)  # as a library that hangs while it holds Python's lock
        hear(self)

    Ears.step = step
"""


def furnish(root: Path) -> None:
    """Lay the room, the drop-in and the hook into a root that is not booted yet."""
    files = {
        "etc/systemd/system/rig-room.service": ROOM,
        "etc/systemd/system/heychip.service.d/rig.conf": RIG,
        "etc/rig/sitecustomize.py": HOOK,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


class Service:
    """heychip.service in a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._cursor = ""

    def show(self, name: str) -> str:
        """One property, as `systemctl show` gives it."""
        return self.machine.run("systemctl", "show", "heychip", "-P", name).stdout.strip()

    @property
    def pid(self) -> int:
        """The daemon's process; 0 where there is none."""
        return int(self.show("MainPID"))

    @property
    def restarts(self) -> int:
        """How often systemd has started it again."""
        return int(self.show("NRestarts"))

    def status(self) -> dict[str, Any]:
        """/run/heychip/status.json, or {} where there is none."""
        text = self.machine.run("cat", "/run/heychip/status.json", check=False).stdout
        return dict(json.loads(text)) if text else {}

    def mark(self) -> None:
        """From here on the journal is read."""
        shown = self.machine.run("journalctl", "-n", "0", "--show-cursor", "--no-pager").stdout
        self._cursor = shown.split("cursor:", 1)[1].strip()

    def journal(self) -> str:
        """What the service, and systemd about it, has said since `mark`."""
        after = [f"--after-cursor={self._cursor}"] if self._cursor else []
        return self.machine.run("journalctl", "-u", "heychip", "-o", "cat", "--no-pager", *after).stdout

    def listening(self, most_s: float = 60) -> float:
        """Wait until it is READY and says LISTENING; gives the seconds."""

        def true() -> bool:
            return self.show("ActiveState") == "active" and self.show("StatusText").startswith("LISTENING")

        return self.machine.wait_for("LISTENING\n" + self.journal()[-2000:], true, most_s)

    def hears(self) -> bool:
        """Whether a word that is played in the room is heard. It is played up to three times, since a room
        that has just been made may swallow the first seconds."""
        self.listening()
        for _ in range(3):
            before = self._heard()
            self.machine.sh(
                f"paplay -s {SERVER} --device=room {SOURCE}/models/hey_chip/golden.wav; sleep 2", timeout_s=60
            )
            if self._heard() > before:
                return True
        return False

    def _heard(self) -> int:
        said = self.machine.run("journalctl", "-u", "heychip", "-o", "cat", "--no-pager").stdout
        return said.count("event=heard")

    def again(self, pid: int, most_s: float = 90) -> float:
        """Wait until another process than `pid` listens; gives the seconds."""
        took_s = self.machine.wait_for(
            "a restart", lambda: self.pid not in (0, pid) and self.show("ActiveState") == "active", most_s
        )
        return took_s + self.listening()
