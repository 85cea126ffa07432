"""The unit and the scripts that put it into place."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "heychip.service"
SCRIPTS = [SYSTEMD / "install.sh", SYSTEMD / "uninstall.sh"]


def run(script: Path, *arguments: str, destination: Path) -> subprocess.CompletedProcess[str]:
    """A script with DESTDIR, so that nothing of this machine changes."""
    env = {**os.environ, "DESTDIR": str(destination)}
    return subprocess.run(
        ["sh", str(script), *arguments], capture_output=True, text=True, env=env, timeout=60, check=False
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; only the program is one that exists here."""
    unit = tmp_path / "heychip.service"
    unit.write_text(UNIT.read_text().replace("/opt/heychip/bin/heychip", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_what_the_unit_must_say() -> None:
    """The daemon's promises and the unit's settings fit together."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "on-failure")
    assert float(service["WatchdogSec"]) == 30
    assert float(service["TimeoutStopSec"]) > 5  # the daemon's own limit comes first
    assert set(service["RestartPreventExitStatus"].split()) == {"2", "3", "5"}  # 4, a device, may come back
    assert service["SupplementaryGroups"] == "audio video"
    assert service["ExecStart"].startswith("/opt/heychip/bin/heychip run ")
    assert "MemoryDenyWriteExecute" not in service  # sounddevice's callbacks would break
    assert "PrivateDevices" not in service
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_plain_shell(script: Path) -> None:
    """They parse as POSIX shell, stop at the first error, can be executed, and explain themselves."""
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert "\nset -eu\n" in script.read_text()
    assert os.access(script, os.X_OK)
    shown = subprocess.run(["sh", str(script), "--help"], capture_output=True, text=True, check=True).stdout
    assert "--prefix" in shown


def test_install_twice(tmp_path: Path) -> None:
    """A second run changes nothing, and a configuration that somebody has edited stays."""
    assert run(SCRIPTS[0], destination=tmp_path).returncode == 0
    first = tree(tmp_path)
    assert set(first) == {"etc/heychip/heychip.toml", "etc/systemd/system/heychip.service"}
    assert first["etc/systemd/system/heychip.service"] == UNIT.read_bytes()
    assert run(SCRIPTS[0], destination=tmp_path).returncode == 0
    assert tree(tmp_path) == first
    (tmp_path / "etc/heychip/heychip.toml").write_text("# mine\n")
    assert "stays as it is" in run(SCRIPTS[0], destination=tmp_path).stdout
    assert (tmp_path / "etc/heychip/heychip.toml").read_text() == "# mine\n"


def test_install_elsewhere(tmp_path: Path) -> None:
    """--prefix goes into the unit; one that is no plain absolute path is refused, with nothing written."""
    assert run(SCRIPTS[0], "--prefix", "/srv/chip", destination=tmp_path).returncode == 0
    unit = (tmp_path / "etc/systemd/system/heychip.service").read_text()
    assert "ExecStart=/srv/chip/bin/heychip run" in unit
    for wrong in (
        ["--prefix", "srv"],
        ["--prefix", "/srv/a b"],
        ["--prefix", "/a|b"],
        ["--prefix"],
        ["--what"],
    ):
        other = tmp_path / "other"
        assert run(SCRIPTS[0], *wrong, destination=other).returncode == 2
        assert not other.exists()


def test_uninstall(tmp_path: Path) -> None:
    """The unit and the program go, the configuration stays unless --purge; a second run is fine, and a folder
    that is not ours is left alone."""
    run(SCRIPTS[0], destination=tmp_path)
    ours, other = tmp_path / "opt/heychip", tmp_path / "opt/other"
    for folder in (ours, other):
        folder.mkdir(parents=True)
        (folder / "pyvenv.cfg").touch()
    (ours / "bin").mkdir()
    (ours / "bin" / "heychip").touch()
    for _ in range(2):
        assert run(SCRIPTS[1], destination=tmp_path).returncode == 0
        assert not ours.exists()
    assert run(SCRIPTS[1], "--prefix", "/opt/other", destination=tmp_path).returncode == 0
    assert set(tree(tmp_path)) == {"etc/heychip/heychip.toml", "opt/other/pyvenv.cfg"}
    for _ in range(2):
        assert run(SCRIPTS[1], "--purge", destination=tmp_path).returncode == 0
        assert set(tree(tmp_path)) == {"opt/other/pyvenv.cfg"}
