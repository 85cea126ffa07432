"""Messages to and from a broker, in a room of its own: a broker that is away, slow or mad touches nobody.

`publish` only puts into an outbox of 100; `step`, on a thread of the daemon, connects, sends and receives.
Looking up a name and connecting can block for seconds (see edge.mqtt.session), which is why this is no part
of the main thread. What was not acknowledged when a connection ended goes to the next one, in order; so a
message may come twice, and none is lost but the oldest of more than 100.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge import logs
from edge.errors import DeviceError
from edge.mqtt.commands import parse
from edge.mqtt.session import BrokerError, Session, paho_problem
from edge.mqtt_config import MqttConfig, readable_by_all, topic_problem

log = logging.getLogger(__name__)

MOST_WAITING = 100
MOST_IN_FLIGHT = 10  # sent, and not yet acknowledged
MOST_MESSAGE = 65_536  # bytes
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
STEADY_S = 10.0  # a connection that held for so long was a good one
WAIT_S = 0.5
GOODBYE_S = 1.0  # for what waits, when all ends


@dataclass
class _Letter:
    topic: str
    payload: bytes
    retain: bool
    number: int = 0
    """the broker's, while it is in flight"""


def open_outbox(config: MqttConfig, command: Callable[[str, str], None] | None = None) -> Outbox | NoOutbox:
    """The outbox for a broker; connects later. `command(kind, text)` is told what is asked for ("say" or
    "light"), from within `step`. Without a broker in `config`, one that takes everything and sends nothing.
    Raises DeviceError where paho-mqtt is missing, unless it is optional."""
    if not config.host:
        return NoOutbox()
    if why := paho_problem():
        if not config.optional:
            raise DeviceError(f"[mqtt] {why}")
        log.warning(logs.line("no_mqtt", why=why))
        return NoOutbox()
    if config.password_file and readable_by_all(config.password_file):
        remedy = f"chmod 640 {config.password_file}"
        log.warning(logs.line("mqtt_password", why="every user may read it", remedy=remedy))
    return Outbox(config, command or (lambda _, __: None))


class NoOutbox:
    """Where there is no broker."""

    done = True

    def publish(self, _: str, __: str, retain: bool | None = None) -> None:
        """Nothing."""

    def step(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Outbox:
    """A room of the daemon, but for `publish`, which is for the others and never waits or raises."""

    done = False

    def __init__(
        self,
        config: MqttConfig,
        command: Callable[[str, str], None],
        *,
        now_s: Callable[[], float] = time.monotonic,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        """`now_s` is a clock that never goes back."""
        self._config, self._command, self._now_s = config, command, now_s
        self._first_retry_s = self._retry_s = first_retry_s
        self._next_s, self._since_s = 0.0, 0.0
        self._session: Session | None = None
        self._welcomed = False
        self._lock = threading.Lock()
        self._waiting: deque[_Letter] = deque()
        self._in_flight: deque[_Letter] = deque()
        self._arrived: deque[tuple[str, bytes, bool]] = deque()
        self._sparing = logs.Sparing(600.0)
        self._waker, self._wakes = socket.socketpair()
        for end in (self._waker, self._wakes):
            end.setblocking(False)
        self.sent = self.dropped = self.refused = self.malformed = 0

    @property
    def waiting(self) -> int:
        """How many messages the broker has not acknowledged."""
        return len(self._waiting) + len(self._in_flight)

    def publish(self, topic: str, message: str, retain: bool | None = None) -> None:
        """Send a message, sometime. Where 100 wait, the oldest that was not sent yet is dropped and counted.
        One that cannot be sent (see topic_problem, or more than 64 kB) is counted as refused."""
        payload = message.encode("utf-8", "replace")
        problem = topic_problem(topic) or ("" if len(payload) <= MOST_MESSAGE else "a message of over 64 kB")
        if problem:
            self.refused += 1
            self._say("mqtt_refused", topic=topic[:80], why=problem, total=self.refused)
            return
        with self._lock:
            self._waiting.append(_Letter(topic, payload, self._config.retain if retain is None else retain))
            self._trim()
        self._wake()

    def _trim(self) -> None:
        while self.waiting > MOST_WAITING and self._waiting:
            self._waiting.popleft()
            self.dropped += 1

    def _wake(self) -> None:
        with suppress(OSError):  # full: it is awake; closed: it is over
            self._wakes.send(b"\0")

    def step(self) -> None:
        """Connect where it is time to, send, receive; or wait, half a second at most. Raises nothing but what
        `command` raises. Only connecting takes longer."""
        if self._session is None:
            left_s = self._next_s - self._now_s()
            if left_s > 0:
                time.sleep(min(WAIT_S, left_s))
                return
            self._connect()
        else:
            self._turn(self._session, WAIT_S)
        while self._arrived:
            self._obey(*self._arrived.popleft())

    def _connect(self) -> None:
        self._since_s = self._now_s()
        try:
            self._session = Session(self._config, message=self._note)
        except BrokerError as error:
            self._away(str(error))

    def _note(self, topic: str, payload: bytes, retained: bool) -> None:
        if len(self._arrived) < MOST_WAITING:
            self._arrived.append((topic, payload, retained))
        else:
            self.malformed += 1

    def _obey(self, topic: str, payload: bytes, retained: bool) -> None:
        command = parse(self._config.prefix, topic, payload, retained=retained)
        if command is None:
            self.malformed += 1
            self._say("mqtt_ignored", topic=topic[:80], bytes=len(payload), total=self.malformed)
            return
        self._command(command.kind, command.text)

    def _turn(self, session: Session, wait_s: float) -> None:
        try:
            self._send(session)
            session.turn(wait_s, self._waker)
            self._hush()
            self._collect(session)
        except BrokerError as error:
            self._away(str(error))
            return
        if session.welcome and not self._welcomed:
            self._welcomed = True
            log.info(logs.line("mqtt", broker=self._config.host, waiting=self.waiting))

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            while self._waker.recv(4_096):
                pass

    def _send(self, session: Session) -> None:
        while session.welcome and len(self._in_flight) < MOST_IN_FLIGHT:
            with self._lock:
                if not self._waiting:
                    return
                letter = self._waiting.popleft()
                self._in_flight.append(letter)
            letter.number = session.send(letter.topic, letter.payload, retain=letter.retain)

    def _collect(self, session: Session) -> None:
        """Forget what arrived."""
        answers, session.answers = session.answers, {}
        with self._lock:
            over = [letter for letter in self._in_flight if letter.number in answers]
            self._in_flight = deque(letter for letter in self._in_flight if letter.number not in answers)
        for letter in over:
            if why := answers[letter.number]:
                self.refused += 1
                self._say("mqtt_refused", topic=letter.topic, why=why, total=self.refused)
            else:
                self.sent += 1

    def _away(self, why: str) -> None:
        """The connection has ended or was never made: once more, later, and later each time."""
        if self._session is not None:
            self._session.close()
        held = self._welcomed and self._now_s() - self._since_s >= STEADY_S
        self._session, self._welcomed = None, False
        with self._lock:
            self._waiting.extendleft(reversed(self._in_flight))
            self._in_flight.clear()
            self._trim()
        self._retry_s = self._first_retry_s if held else self._retry_s
        self._next_s = self._now_s() + self._retry_s
        self._say("mqtt_away", broker=self._config.host, why=why, retry_s=self._retry_s, waiting=self.waiting)
        self._retry_s = min(LAST_RETRY_S, 2 * self._retry_s)

    def _say(self, event: str, **values: object) -> None:
        """At most once in ten minutes for each kind."""
        if self._sparing.allow(event, time.monotonic()):
            log.warning(logs.line(event, **values))

    def close(self) -> None:
        """Send what waits, where the broker takes it within a second, and say goodbye."""
        end_s = time.monotonic() + GOODBYE_S
        while self._session is not None and self._welcomed and self.waiting and time.monotonic() < end_s:
            self._turn(self._session, 0.05)
        if self._session is not None:
            self._session.close()
            self._session = None
        if self.waiting:
            log.warning(logs.line("mqtt_unsent", waiting=self.waiting))
        self._waker.close()
        self._wakes.close()
