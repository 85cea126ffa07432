"""Other projects' packages, fetched to measure beside; nothing of them is kept in heychip.

Each lies unpacked in a folder of its own in the cache, without what it depends on, so that none of them can
change what heychip itself imports. The models in openwakeword, pyopen-wakeword and pymicro-wakeword are
CC-BY-NC-SA: measure with them, never ship them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "heychip" / "bench"


@dataclass(frozen=True)
class Package:
    """A package of one version."""

    name: str
    """as pip knows it"""
    version: str
    """the one that was read before it was measured"""
    proof: str
    """a file that is there when it is"""

    def folder(self, cache: Path) -> Path:
        """What has to be on the path to import it."""
        return cache / f"{self.name}-{self.version}"

    def is_here(self, cache: Path) -> bool:
        """Whether it was fetched before."""
        return (self.folder(cache) / self.proof).is_file()


OPEN_WAKE_WORD = Package("openwakeword", "0.5.1", "openwakeword/model.py")  # the last that holds its models
PY_OPEN = Package("pyopen-wakeword", "1.1.0", "pyopen_wakeword/openwakeword.py")
PY_MICRO = Package("pymicro-wakeword", "2.5.0", "pymicro_wakeword/microwakeword.py")
PY_MICRO_FEATURES = Package("pymicro-features", "2.0.2", "pymicro_features/__init__.py")
LIVEKIT = Package("livekit-wakeword", "0.3.0", "livekit/wakeword/inference/listener.py")


def fetch(package: Package, cache: Path) -> Path:
    """The package's folder below `cache`, downloaded by pip the first time. Raises UsageError."""
    folder = package.folder(cache)
    if package.is_here(cache):
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                   "--no-deps", "--only-binary=:all:", "--dest", temporary,
                   f"{package.name}=={package.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            said = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
            raise UsageError(f"{package.name} {package.version} cannot be downloaded: {said[0][-300:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(folder)
    return folder
