"""One connection to a broker, through paho-mqtt: made, driven turn by turn, and thrown away when it ends.

paho's own loops keep a thread each (`loop_start`) and keep what was not acknowledged across connections in
places that nobody can count. So this uses its interface for programs with a loop of their own (`loop_read`,
`loop_write`, `loop_misc`), with a new client for each connection, and what was not acknowledged is told to
whoever opens the next.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.errors import HeychipError
from edge.mqtt.commands import KINDS, MOST_BYTES
from edge.mqtt_config import MqttConfig

CONNECT_S = 3.0  # for each address of the broker, and again for TLS; the daemon waits longer for its threads
ANSWER_S = 10.0  # for the broker to say that we are welcome
KEEPALIVE_S = 30
MOST_PACKET = MOST_BYTES + 2_048  # a topic and a few properties with it; MQTT 5 tells the broker
QOS = 1  # each message is acknowledged, so that none is lost when the broker goes away


def paho_problem() -> str:
    """Why paho-mqtt cannot be used, with the remedy, or nothing. Debian 12 has a version from before 2.0."""
    try:
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: F401 - new in 2.0
    except ImportError as error:
        return f"paho-mqtt 2.1 or newer is not installed for this Python ({error}); pip install heychip[mqtt]"
    return ""


class BrokerError(HeychipError):
    """The connection cannot be made, or has ended; the text says why."""


class Session:
    """`turn` it until it raises BrokerError."""

    def __init__(
        self, config: MqttConfig, *, message: Callable[[str, bytes, bool], None], quiet: bool = False
    ) -> None:
        """Blocks while the name is looked up and the connection made; see CONNECT_S. `message` is told what
        arrives: topic, payload, whether the broker had kept it. `quiet`: nobody is told that we are online,
        and nothing arrives. Raises BrokerError."""
        self._config, self._message, self._quiet = config, message, quiet
        self._since_s = time.monotonic()
        self.welcome = False
        self.answers: dict[int, str] = {}
        """of each message that was answered since somebody looked: its number, and why it was refused or "".
        """
        self._lost = ""
        self._client = self._make()
        five = config.version == "5"
        extra: dict[str, Any] = {"properties": _limits()} if five else {}
        try:
            self._client.connect(config.host, config.port_number, KEEPALIVE_S, **extra)
        except (OSError, ValueError) as error:  # UnicodeError, of a name that is none, is a ValueError
            raise BrokerError(str(error) or type(error).__name__) from error

    def _make(self) -> Any:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        config = self._config
        five = config.version == "5"
        # One name for all our connections: a broker that has not noticed that the last one is gone, as after
        # a power cut, ends it now, and does not say in a minute that we are offline.
        name = f"{config.prefix}-{socket.gethostname()}"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{name}-{os.getpid()}" if self._quiet else name,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else True,  # what was asked while we were away is not asked any more
        )
        client.connect_timeout = CONNECT_S
        if config.username:
            client.username_pw_set(config.username, _password(config.password_file))
        if config.tls:
            try:
                import ssl  # 2 MB, where nobody may want it

                client.tls_set_context(ssl.create_default_context(cafile=config.ca_file or None))
            except OSError as error:
                raise BrokerError(f"{config.ca_file or 'the certificates of the system'}: {error}") from error
        if not self._quiet:
            client.will_set(config.status_topic, "offline", qos=QOS, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        return client

    def _on_connect(self, client: Any, _: object, __: object, reason: Any, ___: object) -> None:
        if reason.is_failure:
            self._lost = f"refused: {reason}"
            return
        self.welcome = True
        if self._quiet:
            return
        client.publish(self._config.status_topic, "online", qos=QOS, retain=True)
        if self._config.commands:
            client.subscribe([(f"{self._config.prefix}/{kind}", QOS) for kind in KINDS])

    def _on_disconnect(self, _: object, __: object, ___: object, reason: Any, ____: object) -> None:
        self._lost = self._lost or f"ended: {reason}"

    def _on_publish(self, _: object, __: object, number: int, reason: Any, ___: object) -> None:
        self.answers[number] = str(reason) if reason.is_failure else ""

    def _on_message(self, _: object, __: object, message: Any) -> None:
        self._message(message.topic, message.payload, bool(message.retain))

    def send(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Give the broker a message; gives its number, which will be in `answers`. Raises BrokerError."""
        try:
            return int(self._client.publish(topic, payload, qos=QOS, retain=retain).mid)
        except Exception as error:  # what paho makes of a broker that talks nonsense has no root
            raise BrokerError(repr(error)) from error

    def turn(self, wait_s: float, waker: socket.socket) -> None:
        """What there is to read and write; waits for it, or for something to read in `waker`, no longer than
        `wait_s`. Raises BrokerError where the connection has ended."""
        try:
            self._turn(wait_s, waker)
        except BrokerError:
            raise
        except Exception as error:  # as above
            raise BrokerError(f"it does not speak MQTT: {error!r}") from error
        if not self.welcome and not self._lost and time.monotonic() - self._since_s > ANSWER_S:
            self._lost = f"no answer for {ANSWER_S:.0f} s"
        if self._lost:
            raise BrokerError(self._lost)

    def _turn(self, wait_s: float, waker: socket.socket) -> None:
        client = self._client
        link = client.socket()
        if link is None:
            raise BrokerError(self._lost or "ended")
        poll = select.poll()  # select() cannot do numbers of 1024 and more
        poll.register(waker, select.POLLIN)
        poll.register(link, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        waiting = hasattr(link, "pending") and link.pending() > 0  # of a socket with TLS
        ready = dict(poll.poll(0 if waiting else round(wait_s * 1000)))
        state = ready.get(link.fileno(), 0)
        if waiting or state & ~select.POLLOUT:
            client.loop_read()
        if client.socket() is not None and state & select.POLLOUT:
            client.loop_write()
        if client.socket() is not None:
            client.loop_misc()

    def close(self) -> None:
        """Say goodbye, without waiting. Never raises."""
        try:
            if self.welcome and not self._lost and not self._quiet:
                self._client.publish(self._config.status_topic, "offline", qos=0, retain=True)
            self._client.disconnect()  # closes the socket where there is nobody to tell
            link = self._client.socket()
            if link is not None:
                link.close()
        except Exception:  # noqa: S110 - it is over, and whoever opened it knows why
            pass


def _password(file: str) -> str | None:
    """The first line. Raises BrokerError."""
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise BrokerError(f"mqtt.password_file: {file}: {error}") from error


def _limits() -> Any:
    """How long a message we take, which a broker of MQTT 5 heeds."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    limits: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = MOST_PACKET
    return limits
