"""A machine for the rig: a Debian root in which a real systemd is booted, by systemd-nspawn.

The root is made once by tests/rig/build.sh and never written to: what a machine writes lands in a folder of
its own, an overlay, so that a second machine can be booted from what the first one has installed.
Needs root, systemd-container and overlayfs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", REPOSITORY / ".cache")) / "rig"
BOOT_S = 90.0
ENV = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]


def missing(root: str, *tools: str) -> str:
    """What a rig with this root lacks here, or ""."""
    if not os.environ.get("HEYCHIP_RIG"):
        return "minutes and gigabytes: `sudo make rig` builds and runs it"
    if os.geteuid() != 0:
        return "root (containers are mounted and booted)"
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    if lacking:
        return f"{', '.join(lacking)}; `make rig` installs what it needs"
    return "" if (CACHE / root / "usr/bin/python3").exists() else f"{CACHE / root}; `make rig` builds it"


class Overlay:
    """What is written over `lower` goes into `folder`, as a context manager; `root` is both together."""

    def __init__(self, lower: Path | str, folder: Path) -> None:
        self.lower, self.folder, self.root = lower, folder, folder / "root"

    def __enter__(self) -> Overlay:
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={self.lower},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], check=True)
        return self

    def __exit__(self, *error: object) -> None:
        subprocess.run(["umount", str(self.root)], check=True)


class Machine:
    """Booted by `with`; `run` is a command in it. What its console says is in `folder`/console.log."""

    def __init__(self, root: Path, folder: Path, *options: str) -> None:
        self._name = f"heychip-{os.getpid()}-{folder.name}"[:60]
        self._log = folder / "console.log"
        wheels = f"{CACHE / 'wheels' / 'x86_64'}:/wheels"
        self._command = ["systemd-nspawn", "--directory", str(root), "--machine", self._name]
        self._command += ["--register=no", "--keep-unit", "--bind-ro", wheels, *options]
        # Without bpf, the devices and networks that a unit forbids are not forbidden.
        self._command += ["--system-call-filter=bpf @keyring", "--boot"]
        self._leader = ""

    def __enter__(self) -> Machine:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"TERM": "dumb", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        try:
            self.wait_for("it to boot", self._booted, BOOT_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _booted(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self._log.read_text(errors="replace")[-3000:])
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._leader = children[0] if children else ""
        if not self._leader or Path(f"/proc/{self._leader}/comm").read_text() != "systemd\n":
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(
        self, *command: str, check: bool = True, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """A command as root in the machine, with its output as text."""
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
        inside = ["nsenter", "--target", self._leader, *spaces, "env", "-i", *ENV]
        done = subprocess.run(
            [*inside, *command], capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sh(self, script: str, *, check: bool = True, timeout_s: float = 120) -> str:
        """The standard output of a few lines of shell in the machine."""
        return self.run("sh", "-ec", script, check=check, timeout_s=timeout_s).stdout

    def write(self, place: str, text: str) -> None:
        """A file in the machine."""
        Path(f"/proc/{self._leader}/root", place.lstrip("/")).write_text(text)

    def wait_for(self, what: str, true: Callable[[], object], most_s: float) -> float:
        """Until `true()`; gives the seconds that it took. RuntimeError after `most_s`."""
        began_s = time.monotonic()
        while not true():
            if time.monotonic() - began_s > most_s:
                raise RuntimeError(f"waited {most_s:.0f} s for {what}")
            time.sleep(0.1)
        return time.monotonic() - began_s

    def __exit__(self, *error: object) -> None:
        """Power off as a machine does, or pull the plug where it will not."""
        if self._leader and self._process.poll() is None:
            self.run("systemctl", "poweroff", "--no-block", check=False)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def source_tree(folder: Path) -> Path:
    """A copy of what git knows of this repository, as somebody who cloned it has it; gives `folder`."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return folder
