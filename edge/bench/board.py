"""The machine that is measured on: what it is, how busy, how warm, and whether its firmware holds it back.

Every reader takes the root of the file system, so that tests can give it a tree of their own.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
# Bit of `vcgencmd get_throttled` and what it says; the same from 16 on for "at some time since the start".
NOW = {0: "too little voltage", 1: "clock capped", 2: "throttled", 3: "near the limit of temperature"}
SINCE = 16


@dataclass(frozen=True)
class Machine:
    """What does not change while it is measured."""

    model: str
    """the board of a Raspberry Pi and its like, else the processor"""
    pi: bool
    """whether it is a Raspberry Pi"""
    cores: int
    """that this process may use"""
    memory_mb: int | None
    """in all; None where the system does not say"""
    versions: dict[str, str]
    """of python, numpy and onnxruntime"""


@dataclass(frozen=True)
class Mood:
    """What does change."""

    load: float | None
    """processes that ran or waited during the last minute"""
    temperature_c: float | None
    """of the processor"""
    throttled: int | None
    """the firmware's bits, None where there is no such firmware"""

    @property
    def held_back(self) -> str:
        """The bits in words; empty where there are none to read."""
        return "" if self.throttled is None else words(self.throttled)


def machine(root: Path = ROOT) -> Machine:
    """The facts, as far as they can be read."""
    board = _text(root / "proc/device-tree/model").rstrip("\0")
    memory = _number(_after(root / "proc/meminfo", "MemTotal").removesuffix("kB"))
    return Machine(
        model=board or _after(root / "proc/cpuinfo", "model name") or platform.machine(),
        pi="Raspberry Pi" in board,
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mb=None if memory is None else round(memory / 1024),
        versions={"python": platform.python_version(),
                  **{name: _version(name) for name in ("numpy", "onnxruntime")}},
    )


def mood(root: Path = ROOT) -> Mood:
    """The state of the moment."""
    load = _text(root / "proc/loadavg").split()
    millis = _number(_text(root / "sys/class/thermal/thermal_zone0/temp"))
    return Mood(_number(load[0]) if load else None, None if millis is None else millis / 1000,
                _throttled(root))


def words(bits: int) -> str:
    """`get_throttled` as a person would say it."""
    now = [what for bit, what in NOW.items() if bits >> bit & 1]
    since = [what for bit, what in NOW.items() if bits >> (bit + SINCE) & 1 and what not in now]
    told = [f"{', '.join(now)} now"] if now else []
    told += [f"{', '.join(since)} since it was started"] if since else []
    return "; ".join(told) or "never held back"


def resident_mb(root: Path = ROOT, *, peak: bool = False) -> float | None:
    """Memory of this process that is in RAM, now or at its most; None where the system does not say."""
    kib = _number(_after(root / "proc/self/status", "VmHWM" if peak else "VmRSS").removesuffix("kB"))
    return None if kib is None else round(kib / 1024, 1)


def _throttled(root: Path) -> int | None:
    """From vcgencmd, which every firmware answers, else from sysfs (which some kernels call outdated)."""
    if root == ROOT and (tool := shutil.which("vcgencmd")):
        try:
            command = [tool, "get_throttled"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
            return int(done.stdout.strip().partition("=")[2], 16)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            pass  # it may not be allowed to this user; then the file is asked
    for file in sorted(root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled")):
        try:
            return int(file.read_text(), 16)
        except (OSError, ValueError):
            continue
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _after(path: Path, key: str) -> str:
    """What follows `key:` in a file of such lines."""
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # a megabyte that the daemon does not need

    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
