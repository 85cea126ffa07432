"""Word to the service manager, over real sockets."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, socket.socket]:
    """An address as systemd gives it, and the socket behind it."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    request.addfinalizer(server.close)
    server.settimeout(5)
    if request.param == "path":
        server.bind(str(tmp_path / "notify"))
        return str(tmp_path / "notify"), server
    name = f"heychip-test-{tmp_path.name}-{id(server)}"
    server.bind("\0" + name)
    return "@" + name, server


def test_f10_messages_arrive(listening: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """Path and abstract sockets both get each word; the status only when it changed, and on one line."""
    address, server = listening
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notifier = Notifier()
    notifier.ready()
    notifier.status("listening\nREADY=0")
    notifier.status("listening READY=0")
    notifier.watchdog()
    notifier.stopping()
    got = [server.recv(200).decode() for _ in range(4)]
    assert got == ["READY=1", "STATUS=listening READY=0", "WATCHDOG=1", "STOPPING=1"]


def test_f10_full_socket_never_blocks(listening: tuple[str, socket.socket]) -> None:
    """A manager that does not read costs messages, not time."""
    notifier = Notifier(listening[0])
    assert not all(notifier.send("WATCHDOG=1") for _ in range(20_000))


@pytest.mark.parametrize(
    "address", ["", "relative", "/no/such/socket", "@no-such-name", "/dev/null", "/" + "a" * 300]
)
def test_f10_no_manager_is_no_matter(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, unwritable, odd or too long: nothing is raised, and nothing claims to have been sent."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not Notifier().send("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not Notifier().send("READY=1")
