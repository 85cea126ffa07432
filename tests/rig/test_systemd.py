"""systemd for real: heychip installed by its own script in a booted machine, and what befalls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from machine import CACHE, Machine, Overlay, missing, source_tree
from service import SERVER, SOURCE, Service, furnish

NEEDS = missing("x86", "systemd-nspawn", "nsenter")
pytestmark = [
    pytest.mark.rig,
    pytest.mark.slow,
    pytest.mark.skipif(bool(NEEDS), reason=f"needs {NEEDS}"),
]
DROP_INS = "/etc/systemd/system/heychip.service.d"
CLOCK = """[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1
Environment=FAKETIME_TIMESTAMP_FILE=/run/rig-clock FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1
ExecStartPre=+/bin/sh -c 'echo +0 > /run/rig-clock; chmod 644 /run/rig-clock'
"""
Told = Callable[[str, float], None]
CONFIG = "/etc/heychip/heychip.toml"
INSTALL = f"PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels {SOURCE}/systemd/install.sh"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The layers of a root in which install.sh has run, under systemd, and which was powered off then."""
    folder = tmp_path_factory.mktemp("install")
    with Overlay(CACHE / "x86", folder) as overlay:
        source_tree(overlay.root / SOURCE.lstrip("/"))
        furnish(overlay.root)
        with Machine(overlay.root, folder) as machine:
            machine.sh("systemctl enable --quiet --now rig-room")
            machine.sh(INSTALL, timeout_s=400)
            Service(machine).listening(120)
    return f"{folder / 'upper'}:{CACHE / 'x86'}"


@pytest.fixture(scope="module")
def machine(installed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that was booted with heychip installed."""
    folder = tmp_path_factory.mktemp("machine")
    with Overlay(installed, folder) as overlay, Machine(overlay.root, folder) as machine:
        yield machine


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Prints how long it took until there was an ear again: for the docs; no test judges by seconds."""

    def tell(what: str, seconds: float) -> None:
        with capsys.disabled():
            print(f"\nsystemd: {what}: listening again after {seconds:.1f} s")

    return tell


@pytest.fixture
def service(machine: Machine) -> Service:
    """The service, listening; its journal is read from here on."""
    service = Service(machine)
    service.listening()
    service.mark()
    return service


def test_it_starts_at_boot_and_hears(service: Service) -> None:
    """After a boot that nobody watched it is active, says what it does to systemd and in /run, and hears."""
    assert service.hears()
    assert service.show("NotifyAccess") == "main"
    assert service.show("StatusText").startswith("LISTENING: heard ")
    service.machine.wait_for("the file", lambda: service.status().get("counts", {}).get("heard"), 15)
    status = service.status()
    assert (status["state"], status["pid"], status["members"][0]) == ("LISTENING", service.pid, "1")
    assert status["last_heard"]["word"] == "hey chip"
    doctor = service.machine.run("/opt/heychip/bin/heychip", "doctor", check=False).stdout
    assert "ok    service: LISTENING" in doctor


def test_systemd_has_nothing_to_say_of_the_unit(service: Service) -> None:
    """The newer systemd of this machine accepts unit, drop-in and udev rule without a word."""
    run = service.machine.run
    verify = run("systemd-analyze", "verify", "heychip.service", check=False)
    assert (verify.returncode, verify.stdout, verify.stderr) == (0, "", "")
    rules = run("udevadm", "verify", "--no-summary", "/etc/udev/rules.d/70-heychip.rules", check=False)
    assert (rules.returncode, rules.stdout, rules.stderr) == (0, "", "")
    assert run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
    assert service.show("RestartSteps") == "4"


def test_a_crash(service: Service, told: Told) -> None:
    """kill -9: it is started again and hears again."""
    pid = service.pid
    service.machine.run("kill", "-KILL", str(pid))
    told("killed", service.again(pid))
    assert service.hears()
    assert "Main process exited, code=killed, status=9/KILL" in service.journal()


def test_a_stray_signal(service: Service, told: Told) -> None:
    """A SIGTERM that is not systemd's ends it cleanly, and it comes back all the same."""
    pid = service.pid
    service.machine.run("kill", "-TERM", str(pid))
    told("ended by a stray SIGTERM", service.again(pid))
    assert "Deactivated successfully" in service.journal()


def test_a_stopped_process(service: Service, told: Told) -> None:
    """SIGSTOP: the watchdog kills it, it is started again and hears again."""
    pid = service.pid
    service.machine.run("kill", "-STOP", str(pid))
    told("stopped (SIGSTOP)", service.again(pid))
    assert service.hears()
    assert "Watchdog timeout (limit 30s)!" in service.journal()


def test_an_audio_thread_that_hangs_in_a_library(service: Service, told: Told) -> None:
    """The audio thread never comes back and holds Python's lock, so the daemon cannot help itself: the
    watchdog kills it, the journal tells where it hung, and the next process hears."""
    pid = service.pid
    service.machine.sh("mkdir -p /run/rig-hang; touch /run/rig-hang/process")
    hung_s = service.machine.wait_for("the watchdog", lambda: "Watchdog timeout" in service.journal(), 60)
    service.machine.sh("rm -r /run/rig-hang")
    told("its audio thread hung, Python's lock held", hung_s + service.again(pid))
    said = service.journal()
    assert "Killing process" in said and "with signal SIGABRT" in said
    assert "Fatal Python error: Aborted" in said and "sitecustomize.py" in said
    assert service.hears()


def test_an_audio_thread_that_hangs_alone(service: Service, told: Told) -> None:
    """The audio thread never comes back while all else goes on: the daemon sees it or the watchdog does,
    which the others do not feed, and the next process hears."""
    pid = service.pid
    service.machine.sh("mkdir -p /run/rig-hang; touch /run/rig-hang/thread")
    hung_s = service.machine.wait_for("an end", lambda: service.pid != pid, 60)
    service.machine.sh("rm -r /run/rig-hang")
    told("its audio thread hung", hung_s + service.again(pid))
    said = service.journal()
    assert "ears: hung for" in said or "Watchdog timeout" in said
    assert service.hears()


def test_a_clock_that_jumps(service: Service) -> None:
    """The time of day goes ten years on and twenty back while it runs: the same process listens on, hears,
    and says since the same moment. A container shares the machine's clock, so it is libfaketime's."""
    machine = service.machine
    machine.sh(
        f"cat > {DROP_INS}/clock.conf <<'END'\n{CLOCK}END\nsystemctl daemon-reload; systemctl restart heychip"
    )
    assert service.hears()
    pid, since = service.pid, service.status()["since_monotonic_s"]
    for jump, year in (("+3650d", 10), ("-3650d", -10)):
        machine.write("/run/rig-clock", f"{jump}\n")
        assert service.hears()
        machine.wait_for("the file", lambda: service.status()["counts"]["heard"] > 1, 15)
        machine.wait_for("a sign of life", lambda y=year: years_off(service.status()["written"]) == y, 15)
        assert (service.pid, service.status()["since_monotonic_s"]) == (pid, since)
    machine.sh(f"rm {DROP_INS}/clock.conf; systemctl daemon-reload; systemctl restart heychip")
    service.listening()


def years_off(written: str) -> int:
    """From now to a time of day that the service wrote, in years."""
    return round((datetime.fromisoformat(written) - datetime.now(UTC)).days / 365)


def test_a_microphone_that_falls_silent(service: Service) -> None:
    """The source gives no more callbacks and no error; once it goes on, the word is heard again."""
    pactl = f"pactl -s {SERVER}"
    service.machine.sh(f"{pactl} suspend-sink room 1; {pactl} suspend-source mic 1")
    service.machine.wait_for("a word about it", lambda: "no sound for" in service.journal(), 60)
    service.machine.sh(f"{pactl} suspend-sink room 0; {pactl} suspend-source mic 0")
    assert service.hears()


def test_reload(service: Service) -> None:
    """`systemctl reload`: a bundle that was copied to /var/lib/heychip/models is taken by the same process; a
    wrong configuration is refused in words, and the old one goes on."""
    pid, machine = service.pid, service.machine
    machine.sh(
        "mkdir -p /var/lib/heychip/models\n"
        f"cp -r {SOURCE}/models/hey_chip /var/lib/heychip/models/mine\n"
        f"cp -p {CONFIG} /root/good.toml; sed -i 's/^# bundles.*/bundles = [\"mine\"]/' {CONFIG}"
    )
    machine.run("systemctl", "reload", "heychip")
    machine.wait_for("the reload", lambda: "event=reload path=" in service.journal(), 60)
    assert service.hears()
    machine.sh(f"echo 'treshold = 1' >> {CONFIG}")
    machine.run("systemctl", "reload", "heychip")
    machine.wait_for("the refusal", lambda: "event=reload_refused" in service.journal(), 60)
    assert "treshold" in service.journal()
    machine.sh(f"cp -p /root/good.toml {CONFIG}")
    assert service.hears()
    assert service.pid == pid


def test_a_wrong_configuration_at_the_start(service: Service) -> None:
    """It is told in words and tried again; mended, it comes back with nobody calling systemctl."""
    machine = service.machine
    machine.sh(f"cp -p {CONFIG} /root/good.toml; echo 'treshold = 1' >> {CONFIG}")
    machine.run("systemctl", "restart", "heychip", check=False)
    machine.wait_for("two tries", lambda: service.restarts >= 2, 60)
    assert "treshold" in service.journal()
    assert "status=3" in service.journal()
    machine.sh(f"cp -p /root/good.toml {CONFIG}")
    assert service.hears()


def test_stop(service: Service) -> None:
    """`systemctl stop` ends it with 0 within the 5 s that the rig's drop-in gives it, and /run is tidy."""
    service.machine.run("systemctl", "stop", "heychip")
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")
    assert service.status() == {}
    service.machine.run("systemctl", "start", "heychip")
    service.listening()


def test_what_it_may_not_do(service: Service) -> None:
    """The same unit with another program: it writes nowhere but in its own folders, opens no device that is
    not named, reaches this machine and its network and nothing beyond, and is in the groups that it needs."""
    machine = service.machine
    machine.sh(
        "mknod -m 666 /dev/tun c 10 200 || true\n"
        "cd /etc/rig; for g in audio video gpio; do echo $g > $g; chgrp $g $g; chmod 640 $g; done\n"
        "sed 's/^Type=.*/Type=oneshot/; s,^ExecStart=.*,ExecStart=/opt/heychip/bin/python /etc/rig/probe.py,;"
        " s/^Restart=.*/Restart=no/; /^WatchdogSec/d' /etc/systemd/system/heychip.service"
        " > /etc/systemd/system/probe.service"
    )
    machine.write("/etc/rig/probe.py", Path(__file__).with_name("probe.py").read_text())
    machine.sh(
        "systemctl stop heychip; systemctl daemon-reload; systemctl start probe; systemctl start heychip"
    )
    found = set(machine.run("journalctl", "-u", "probe", "-o", "cat", "--no-pager").stdout.splitlines())
    writes = {line.split()[1] for line in found if line.startswith("writes ")}
    theirs = {"/tmp", "/var/tmp", "/dev/shm"}  # noqa: S108 - private or in memory
    assert writes == {"/var/lib/heychip", "/var/cache/heychip", "/run/heychip"} | theirs
    assert {line.split()[1] for line in found if line.startswith("opens ")} == {"/dev/null", "/dev/urandom"}
    assert {line.split()[1] for line in found if line.startswith("reads ")} == {"audio", "video", "gpio"}
    assert {line.split()[1] for line in found if line.startswith("sends ")} == {"127.0.0.1", "192.168.77.1"}


def test_installing_again_changes_nothing(service: Service) -> None:
    """A second run of install.sh leaves configuration and system as they are, and the service listening."""
    look = "find /etc /opt/heychip -xdev -type f ! -name '*.pyc' ! -name RECORD ! -name direct_url.json"
    before = service.machine.sh(f"{look} | sort | xargs -d '\\n' md5sum")
    service.machine.sh(INSTALL, timeout_s=400)
    assert service.machine.sh(f"{look} | sort | xargs -d '\\n' md5sum") == before
    assert service.hears()


@pytest.mark.parametrize("how", ["--volatile=overlay", "--volatile=state", "--volatile=no"])
def test_a_card_that_is_never_written(
    installed: str, tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    """The root is read-only: beneath an overlay in memory, as Raspberry Pi OS does it, or with /var in
    memory, or with nothing at all. It starts at boot and hears, and not a byte of the card has changed."""
    folder = tmp_path_factory.mktemp("card")
    with Overlay(installed, folder) as overlay:
        with Machine(overlay.root, folder, "--read-only", how) as machine:
            assert Service(machine).hears()
            assert machine.run("touch", "/usr/x", check=False).returncode == (how != "--volatile=overlay")
        written = [p for p in (folder / "upper").rglob("*") if p.is_file()]
    assert written == []


def test_uninstall(service: Service) -> None:
    """--purge leaves nothing of ours behind, and a second run is fine. The last test of this machine."""
    run = service.machine.run
    for _ in range(2):
        run(f"{SOURCE}/systemd/uninstall.sh", "--purge")
    assert (
        service.machine.sh("find / -xdev -name '*heychip*' ! -path '/usr/src/*' ! -path '/var/log/*'") == ""
    )
    assert run("systemctl", "cat", "heychip", check=False).returncode != 0
    assert run("getent", "group", "heychip-config", check=False).returncode != 0
