"""A real broker (Debian's mosquitto) for tests, a listener on it, and servers that only pretend to be one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from edge.mqtt import Outbox
from edge.mqtt_config import MqttConfig

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (apt-get)")


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], bool], *, why: str = "", for_s: float = 30.0) -> None:
    """Wait until something is so."""
    end_s = time.monotonic() + for_s
    while not true():
        assert time.monotonic() < end_s, f"still not: {why or true}"
        time.sleep(0.01)


class Broker:
    """mosquitto on a port of its own; it may be killed and started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port, self._folder = free_port(), folder
        self._config = folder / "mosquitto.conf"
        closed = any(line.startswith("password") for line in lines)
        own = [f"listener {self.port} 127.0.0.1", f"allow_anonymous {'false' if closed else 'true'}"]
        own += ["user root"] if os.geteuid() == 0 else []  # else it could not read our folder
        self._config.write_text("\n".join([*own, *lines]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Until it takes connections."""
        assert MOSQUITTO
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        eventually(self._listens, why="mosquitto listens")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Client:
    """Somebody else on the broker: hears everything, and says what it is told to."""

    def __init__(self, port: int, *, username: str = "", password: str = "", topic: str = "#") -> None:
        from paho.mqtt.client import Client as Paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.got: list[tuple[str, bytes]] = []
        self.retained: list[tuple[str, bytes]] = []
        self._ready = threading.Event()
        self._client = Paho(CallbackAPIVersion.VERSION2)
        if username:
            self._client.username_pw_set(username, password)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def _on_message(self, _: object, __: object, message: Any) -> None:
        (self.retained if message.retain else self.got).append((message.topic, message.payload))

    def say(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def on(self, topic: str) -> list[str]:
        """What came on a topic."""
        return [payload.decode() for name, payload in self.got if name == topic]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Room:
    """An outbox on a thread, as the daemon runs it."""

    def __init__(self, **config: Any) -> None:
        self.asked: list[tuple[str, str]] = []
        self.outbox = Outbox(
            MqttConfig(host="127.0.0.1", **config), lambda *it: self.asked.append(it), first_retry_s=0.02
        )
        self._stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live)

    def _live(self) -> None:
        try:
            while not self._stop.is_set():
                self.outbox.step()
            self.outbox.close()
        except BaseException as error:
            self.failure = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.failure is None

    def sent_all(self) -> None:
        """Wait until the broker has everything."""
        eventually(lambda: self.outbox.waiting == 0, why="all is sent")


class Pretender:
    """A server that takes connections and treats each with `behave(connection)`, one after the other."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave, self.connections, self._over = behave, 0, False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    self._behave(connection)
                except OSError:  # the other side has gone
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._server.shutdown(socket.SHUT_RDWR)  # which wakes accept
        self._thread.join(20)
        self._server.close()
