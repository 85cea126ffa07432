"""The unit and the scripts that put it into place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "heychip.service"
PLACED = "etc/systemd/system/heychip.service"
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


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_how_open_the_unit_is() -> None:
    """`systemd-analyze security` scores it 1.6 or better, where 10 is wide open and a bare unit has 9.2."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd is older than 250")
    (score,) = re.findall(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert float(score) <= 1.6


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    """Every setting of a unit file, and its values in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if not line.startswith("#") and "=" in line:
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_what_the_unit_must_say() -> None:
    """The daemon's promises and the unit's settings fit together."""
    unit = settings()
    assert (unit["Type"], unit["NotifyAccess"], unit["Restart"]) == (["notify"], ["main"], ["always"])
    assert unit["WatchdogSec"] == ["30"]
    assert float(unit["TimeoutStopSec"][0]) > 5  # the daemon's own limit comes first
    assert unit["RestartPreventExitStatus"] == ["2"]  # all else may be mended while it waits
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["ExecStart"][0].startswith("/opt/heychip/bin/heychip run ")
    assert unit["DynamicUser"] == ["yes"]
    assert "MemoryDenyWriteExecute" not in unit  # sounddevice's callbacks would break
    assert "PrivateDevices" not in unit
    assert unit["DevicePolicy"] == ["closed"]
    wanted = {"char-alsa", "char-video4linux", "char-media", "char-dma_heap", "char-gpiochip", "/dev/gpiomem"}
    assert {device.split()[0] for device in unit["DeviceAllow"]} == wanted


def test_every_group_of_the_unit_is_made() -> None:
    """A unit that names a group which is missing does not start: sysusers.conf has each of them."""
    lines = [line.split() for line in (SYSTEMD / "sysusers.conf").read_text().splitlines()]
    made = {line[1] for line in lines if line and line[0] == "g"}
    assert made == set(settings()["SupplementaryGroups"][0].split())


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_groups_are_made_once_and_never_changed(tmp_path: Path) -> None:
    """The real systemd-sysusers, on a root that has gpio already: its number stays, the others are added."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "group").write_text("root:x:0:\ngpio:x:997:pi\n")
    for _ in range(2):
        make = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sysusers.conf")]
        subprocess.run(make, check=True, capture_output=True, timeout=60)
        groups = (tmp_path / "etc" / "group").read_text()
        assert "gpio:x:997:pi\n" in groups
        assert [line.split(":")[0] for line in groups.splitlines()].count("heychip-config") == 1


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="systemd-tmpfiles is not installed")
def test_what_a_power_cut_leaves_is_swept_at_boot(tmp_path: Path) -> None:
    """A process that dies in the middle of write_whole leaves a temporary file: the real systemd-tmpfiles
    takes it away at boot, never later, and nothing else."""
    state = tmp_path / "var/lib/private/heychip"
    die = "import os, sys; from edge.files import write_whole; os.fsync = lambda _: os._exit(9); "
    for folder in (state, state / "models", state / "memory" / "2026-11"):
        folder.mkdir(parents=True)
        (folder / "events.jsonl").write_text("{}")
        (folder / ".keep").touch()
        write = [sys.executable, "-c", die + "write_whole(sys.argv[1], b'new')", str(folder / "events.jsonl")]
        assert subprocess.run(write, cwd=SYSTEMD.parent, timeout=60, check=False).returncode == 9
        assert len(list(folder.glob(".events.jsonl.*"))) == 1
    before = tree(tmp_path)
    sweep = ["systemd-tmpfiles", f"--root={tmp_path}", "--remove", str(SYSTEMD / "tmpfiles.conf")]
    subprocess.run(sweep, check=True, timeout=60)
    assert tree(tmp_path) == before
    subprocess.run([*sweep, "--boot"], check=True, timeout=60)
    assert tree(tmp_path) == {name: data for name, data in before.items() if ".events.jsonl." not in name}
    assert len(tree(tmp_path)) == 6


def test_a_udev_rule_says_one_thing_a_line() -> None:
    """Each rule matches before it sets, and names groups that sysusers.conf makes."""
    rules = [r for r in (SYSTEMD / "udev.rules").read_text().splitlines() if r and not r.startswith("#")]
    assert len(rules) == 3
    for rule in rules:
        parts = rule.split(", ")
        matches = ["==" in part for part in parts]
        assert matches == sorted(matches, reverse=True) and matches[0] and not matches[-1]
        assert all(group in ("video", "gpio") for group in re.findall(r'GROUP="(\w+)"', rule))


def test_the_wait_between_tries_grows_where_systemd_can(tmp_path: Path) -> None:
    """backoff.conf is laid from systemd 254 on; an older one would complain of its keys at every boot."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for version, laid in (("252 (252.39-1~deb12u2)", False), ("254 (254)", True), ("257.9", True)):
        (programs / "systemctl").write_text(f"#!/bin/sh\necho 'systemd {version}'\n")
        (programs / "systemctl").chmod(0o755)
        env = {**os.environ, "DESTDIR": str(tmp_path / version), "PATH": f"{programs}:{os.environ['PATH']}"}
        subprocess.run(["sh", str(SCRIPTS[0])], env=env, check=True, capture_output=True, timeout=60)
        assert (tmp_path / version / f"{PLACED}.d/backoff.conf").exists() is laid
    waits = settings(SYSTEMD / "backoff.conf")
    first_s, last_s = float(waits["RestartSec"][0]), float(waits["RestartMaxDelaySec"][0])
    assert first_s < float(settings()["RestartSec"][0]) < last_s


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
    assert set(first) - {f"{PLACED}.d/backoff.conf"} == {  # which only a newer systemd is given
        "etc/heychip/heychip.toml",
        PLACED,
        "etc/sysusers.d/heychip.conf",
        "etc/tmpfiles.d/heychip.conf",
        "etc/udev/rules.d/70-heychip.rules",
    }
    assert first[PLACED] == UNIT.read_bytes()
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
    assert "ExecStopPost=-/srv/chip/bin/heychip lights --off" in unit
    for wrong in (
        ["--prefix", "srv"],
        ["--prefix", "/srv/a b"],
        ["--prefix", "/a|b"],
        ["--prefix", "/home/pi/heychip"],
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
    mine = tmp_path / f"{PLACED}.d" / "mine.conf"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert run(SCRIPTS[1], destination=tmp_path).returncode == 0
    kept = {"etc/heychip/heychip.toml", "opt/other/pyvenv.cfg", f"{PLACED}.d/mine.conf"}
    assert set(tree(tmp_path)) == kept
    for _ in range(2):
        assert run(SCRIPTS[1], "--purge", destination=tmp_path).returncode == 0
        assert set(tree(tmp_path)) == {"opt/other/pyvenv.cfg"}
