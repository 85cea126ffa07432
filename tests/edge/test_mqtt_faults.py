"""Brokers that are none: slow ones, mute ones, web servers, noise. What is heard does not change."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from brokers import Broker, Client, Pretender, Room, eventually, needs_mosquitto

from edge.bundle import load_bundle
from edge.events import Heard
from edge.listener import Listener
from edge.mqtt import MOST_WAITING, session
from edge.replay import samples_of

GOLDEN = Path(__file__).parents[2] / "models" / "hey_chip" / "golden.wav"
WELCOME = {"3.1.1": b"\x20\x02\x00\x00", "5": b"\x20\x03\x00\x00\x00"}
BIG = struct.pack("BBBBB", 0x30, 0xFF, 0xFF, 0xFF, 0x7F)  # a message of 256 MB begins


def until_gone(connection: socket.socket) -> None:
    """Read what comes and say nothing."""
    with suppress(OSError):
        while connection.recv(4_096):
            pass


def at_once(connection: socket.socket) -> None:
    """Close at once."""


def web(connection: socket.socket) -> None:
    """A web server."""
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>")


def ssh(connection: socket.socket) -> None:
    """Another server, which speaks first."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    connection.recv(100)


def noise(connection: socket.socket) -> None:
    """Bytes at random."""
    connection.sendall(random.Random(connection.fileno()).randbytes(5_000))
    connection.recv(100)


def huge(connection: socket.socket) -> None:
    """A message that claims 256 MB, and a little of it."""
    connection.sendall(BIG + b"x" * 100_000)


def welcome(connection: socket.socket) -> None:
    """Say that a client is welcome, in the version that it speaks."""
    asked = connection.recv(4_096)
    connection.sendall(WELCOME["5" if asked[8:9] == b"\5" else "3.1.1"])


def then_noise(connection: socket.socket) -> None:
    """A welcome, and then bytes at random."""
    welcome(connection)
    connection.sendall(random.Random(7).randbytes(5_000))
    connection.recv(100)


def wrong_packets(connection: socket.socket) -> None:
    """A welcome, and then packets that contradict themselves: cut topics, topics that are not UTF-8,
    acknowledgements of what was never sent."""
    welcome(connection)
    acknowledged = (b"\x40\x02\xff\xff", b"\x40\x01\x00", b"\x90\x00", b"\x62\x02\x00\x01", b"\xd0\x05hello")
    for packet in (*acknowledged, b"\x30\x03\x00\x63a", b"\x32\x05\x00\x03\xff\xfe\xfd"):
        connection.sendall(packet)
    connection.recv(100)


def drop_by_drop(connection: socket.socket) -> None:
    """A welcome, byte by byte, and then a PINGRESP, for ever."""
    for byte in WELCOME["3.1.1"] + b"\xd0\x00" * 500:
        connection.sendall(bytes([byte]))
        time.sleep(0.001)


def deaf(connection: socket.socket) -> None:
    """A welcome, and then it neither reads nor answers."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    welcome(connection)
    time.sleep(0.5)


MAD = [at_once, web, ssh, noise, huge, then_noise, wrong_packets, drop_by_drop, deaf, until_gone]


def hear() -> list[Heard]:
    """What is heard in the golden recording, and a second of silence before and after it."""
    still = np.zeros(16_000, np.float32)
    listener = Listener([load_bundle("hey_chip")])
    sound = np.concatenate([still, samples_of(GOLDEN), still])
    return [heard for at in range(0, len(sound), 1_280) for heard in listener.step(sound[at : at + 1_280])]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("behave", MAD, ids=lambda f: f.__name__)
def test_f12_nonsense(
    behave: Callable[[socket.socket], None], version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F12: whatever is at the other end, the room goes on, keeps its newest 100 messages and tries again."""
    monkeypatch.setattr(session, "ANSWER_S", 0.2)
    with Pretender(behave) as server, Room(port=server.port, version=version) as room:
        for i in range(300):
            room.outbox.publish("chip/heard", str(i))
        eventually(lambda: server.connections >= 3, why="it tries again")
        assert room.outbox.waiting == MOST_WAITING
        assert room.outbox.dropped == 200
        assert room.outbox.sent == 0


def test_f12_the_same_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """F12: while the outbox fights with each of them, and the ears publish what they hear, they hear the very
    same as without."""
    monkeypatch.setattr(session, "ANSWER_S", 0.2)
    alone = hear()
    assert alone
    for behave in MAD:
        with Pretender(behave) as server, Room(port=server.port) as room:
            eventually(lambda server=server: server.connections > 0)
            heard = hear()
            for one in heard:
                room.outbox.publish("chip/heard", one.word)
            assert room.outbox.waiting == len(heard)
        assert heard == alone


@needs_mosquitto
def test_f12_a_slow_broker(tmp_path: Path) -> None:
    """F12: through a line that passes a few bytes at a time, all arrives, in order."""
    with Broker(tmp_path) as broker:

        def trickle(connection: socket.socket) -> None:
            with socket.create_connection(("127.0.0.1", broker.port)) as far:
                for one, other in ((connection, far), (far, connection)):
                    threading.Thread(target=pass_on, args=(one, other), daemon=True).start()
                gone.wait(60)

        gone = threading.Event()
        with Client(broker.port) as other, Pretender(trickle) as line, Room(port=line.port) as room:
            for i in range(MOST_WAITING):
                room.outbox.publish("chip/heard", f"{i}:" + "x" * 100)
            room.sent_all()
            assert [text.split(":")[0] for text in other.on("chip/heard")] == [str(i) for i in range(100)]
            gone.set()


def pass_on(one: socket.socket, other: socket.socket) -> None:
    """A few bytes at a time."""
    with suppress(OSError):
        while data := one.recv(50):
            time.sleep(0.002)
            other.sendall(data)


def test_f12_a_flood(tmp_path: Path) -> None:
    """F12: a thousand commands in one breath are taken a hundred at a time; the rest is counted."""

    def flood(connection: socket.socket) -> None:
        welcome(connection)
        topic = b"heychip/light"
        body = struct.pack(">H", len(topic)) + topic + b"red"
        connection.sendall((bytes([0x30, len(body)]) + body) * 1_000)
        until_gone(connection)

    with Pretender(flood) as server, Room(port=server.port, version="3.1.1") as room:
        eventually(lambda: len(room.asked) + room.outbox.malformed >= 1_000)
        assert set(room.asked) == {("light", "red")}
