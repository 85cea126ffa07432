"""Word to the service manager (systemd's sd_notify protocol), without a dependency.

Where there is no service manager, or its socket is gone, nothing happens: telling how we are must never hurt.
"""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


class Notifier:
    """Sends state to the socket that NOTIFY_SOCKET names: a path, or a name that begins with @ (abstract)."""

    def __init__(self, address: str | None = None) -> None:
        """`address` is that of the environment unless given; one that is empty or odd means silence."""
        address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._address = address if address[:1] in {"/", "@"} else ""
        self._status = ""
        self._warned = False

    def ready(self) -> None:
        """Start-up is over."""
        self.send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self.send(f"STATUS={line}")

    def watchdog(self) -> None:
        """A sign of life."""
        self.send("WATCHDOG=1")

    def stopping(self) -> None:
        """Shutdown has begun."""
        self.send("STOPPING=1")

    def send(self, message: str) -> bool:
        """Send one message; False where it could not be delivered. Never raises, never blocks."""
        if not self._address:
            return False
        name = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.connect(name)
                out.sendall(message.encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            if not self._warned:
                self._warned = True
                log.warning("event=notify_failed socket=%r why=%r", self._address, str(error))
            return False
        return True
