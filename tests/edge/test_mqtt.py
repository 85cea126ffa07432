"""The outbox, with a real broker: what is sent and asked for, and what becomes of it when the broker goes."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import Broker, Client, Room, eventually, free_port, needs_mosquitto

from edge.config import load_config
from edge.errors import ConfigError, DeviceError
from edge.mqtt import MOST_WAITING, NoOutbox, Outbox, open_outbox
from edge.mqtt.session import Session
from edge.mqtt_config import MqttConfig

VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as one:
        yield one


@needs_mosquitto
@VERSIONS
def test_what_is_published_arrives(broker: Broker, version: str) -> None:
    """Messages arrive in order, whatever is in them, also those of before there was a connection."""
    texts = ["first", "ಕನ್ನಡ 🎉", "", 'quotes " and \\', "\udcff alone", "x" * 60_000]
    with Client(broker.port) as other, Room(port=broker.port, version=version) as room:
        for text in texts:
            room.outbox.publish("chip/heard", text)
        room.sent_all()
        eventually(lambda: len(other.on("chip/heard")) == len(texts))
        assert other.on("chip/heard") == [text.encode("utf-8", "replace").decode() for text in texts]
        assert (room.outbox.sent, room.outbox.dropped, room.outbox.refused) == (6, 0, 0)


@needs_mosquitto
def test_f12_the_broker_is_killed_and_started_again(broker: Broker) -> None:
    """F12: what is published while the broker is away arrives when it is back, in order; of more than 100,
    the newest 100."""
    with Room(port=broker.port) as room:
        room.outbox.publish("chip/heard", "before")
        room.sent_all()
        broker.kill()
        for i in range(130):
            room.outbox.publish("chip/heard", str(i))
        eventually(lambda: room.outbox.waiting == MOST_WAITING)
        assert room.outbox.dropped == 30
        broker.start()
        with Client(broker.port) as other:  # it may come later than the first of them
            eventually(lambda: other.on("chip/heard")[-1:] == ["129"], why="the last has come")
            came = other.on("chip/heard")
            assert came == [str(i) for i in range(130 - len(came), 130)]
        room.sent_all()
        assert room.outbox.sent == 1 + MOST_WAITING


@needs_mosquitto
def test_f12_all_of_100_arrive(broker: Broker, tmp_path: Path) -> None:
    """F12: each of 100 messages of the time without a broker arrives, when it is back and somebody listens.
    """
    with Room(port=broker.port) as room:
        eventually(lambda: room.outbox._welcomed)
        room.outbox._first_retry_s = room.outbox._retry_s = 3600.0  # so that the other one is there first
        broker.kill()
        for i in range(MOST_WAITING):
            room.outbox.publish("chip/heard", str(i))
        eventually(lambda: room.outbox._session is None)
        broker.start()
        with Client(broker.port) as other:
            room.outbox._next_s = 0.0
            eventually(lambda: len(other.on("chip/heard")) >= MOST_WAITING)
            assert other.on("chip/heard") == [str(i) for i in range(MOST_WAITING)]


@needs_mosquitto
@VERSIONS
def test_status(broker: Broker, version: str) -> None:
    """Whoever comes later is told that we are online, that we ended and, by the broker, that we are gone."""
    topic = "chip/status"
    with Room(port=broker.port, prefix="chip", version=version) as room:
        eventually(lambda: room.outbox._welcomed)
        with Client(broker.port) as other:
            eventually(lambda: (topic, b"online") in other.retained)
    with Client(broker.port) as other:
        eventually(lambda: (topic, b"offline") in other.retained)
        with Room(port=broker.port, prefix="chip", version=version) as room:
            eventually(lambda: (topic, b"online") in other.got)
            room.outbox._session._client.socket().shutdown(2)  # as where the network fails
            eventually(lambda: (topic, b"offline") in other.got, why="the broker tells our last will")


@needs_mosquitto
@VERSIONS
def test_back_before_the_broker_noticed(broker: Broker, version: str) -> None:
    """After a power cut the broker still holds the old connection; it ends with the new one, and what the
    broker tells last is that we are online."""
    config = MqttConfig(host="127.0.0.1", port=broker.port, version=version)
    waker, _ = socket.socketpair()
    old = Session(config, message=lambda *_: None)
    while not old.welcome:
        old.turn(0.1, waker)
    with Client(broker.port) as other, Room(port=broker.port, version=version) as room:
        room.outbox.publish("chip/heard", "again")
        room.sent_all()
        eventually(lambda: other.on("chip/heard") == ["again"])
        assert other.on("heychip/status") == ["offline", "online"]
    waker.close()


@needs_mosquitto
def test_retain(broker: Broker) -> None:
    """The configuration says whether a message is kept by the broker, and a message may differ."""
    with Room(port=broker.port, retain=True) as room:
        room.outbox.publish("chip/kept", "a")
        room.outbox.publish("chip/passing", "b", retain=False)
        room.sent_all()
        with Client(broker.port, topic="chip/#") as other:
            eventually(lambda: other.retained == [("chip/kept", b"a")])
            assert other.got == []


@needs_mosquitto
@VERSIONS
def test_f12_commands(broker: Broker, version: str) -> None:
    """F12: what can be done is done; what is too long, no text, empty or from an earlier day is counted, and
    the next one is heard all the same."""
    with Client(broker.port) as other:
        other.say("heychip/say", "from yesterday", retain=True)
        with Room(port=broker.port, version=version) as room:
            eventually(lambda: room.outbox.malformed == 1, why="the retained one is counted")
            nonsense: list[bytes | str] = [b"\xff\xfe", b"", b" \n ", b"\0\1", "x" * 5_000]
            for payload in nonsense:
                other.say("heychip/say", payload)
            other.say("heychip/say", b"x" * 10_000_000)
            other.say("heychip/listen", "off")
            other.say("heychip/light", "#ff8000")
            other.say("heychip/say", "  Hello,\n\0 {label} $(reboot) 🎉 ")
            eventually(lambda: len(room.asked) == 2)
            assert room.asked == [("light", "#ff8000"), ("say", "Hello, {label} $(reboot) 🎉")]
            # MQTT 5 has the broker keep the one of 10 MB, and the empty one is no more than the others
            too_long = 0 if version == "5" else 1
            eventually(lambda: room.outbox.malformed == 1 + len(nonsense) + too_long)
        other.say("heychip/say", b"", retain=True)


@needs_mosquitto
def test_no_commands(broker: Broker) -> None:
    """Where commands are not wanted, none is subscribed to."""
    with Client(broker.port) as other, Room(port=broker.port, commands=False) as room:
        eventually(lambda: ("heychip/status", b"online") in other.got)
        other.say("heychip/say", "hello")
        room.outbox.publish("chip/heard", "after")
        room.sent_all()
        eventually(lambda: other.on("chip/heard") == ["after"])
        assert room.asked == []


@needs_mosquitto
@VERSIONS
def test_a_password(tmp_path: Path, version: str, caplog: pytest.LogCaptureFixture) -> None:
    """The password is the first line of its file; without it the broker refuses us, which is told once."""
    (tmp_path / "secret").write_text("open sesame\nand a comment\n")
    subprocess.run(["mosquitto_passwd", "-c", "-b", tmp_path / "users", "chip", "open sesame"], check=True)
    with Broker(tmp_path, f"password_file {tmp_path / 'users'}") as broker:
        with Room(port=broker.port, version=version) as room:
            eventually(lambda: "refused" in caplog.text)
            assert "uthori" in caplog.text  # "Not authorized", and in MQTT 5 perhaps "Bad user name"
        known = {"username": "chip", "password_file": str(tmp_path / "secret")}
        with Room(port=broker.port, version=version, **known) as room:
            room.outbox.publish("chip/heard", "hello")
            room.sent_all()
            assert room.outbox.sent == 1
        gone = {"username": "chip", "password_file": str(tmp_path / "gone")}
        caplog.clear()
        with Room(port=broker.port, version=version, **gone):
            eventually(lambda: "password_file" in caplog.text)
    assert "sesame" not in caplog.text


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that vouches for itself, in a folder."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt-get)")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out",
         tmp_path / "cert.pem"], check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path


@needs_mosquitto
def test_tls(certificate: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Over TLS to a broker that we have reason to trust, and not to another."""
    lines = (f"keyfile {certificate / 'key.pem'}", f"certfile {certificate / 'cert.pem'}")
    with Broker(certificate, *lines) as broker:
        with Room(port=broker.port, tls=True, ca_file=str(certificate / "cert.pem")) as room:
            room.outbox.publish("chip/heard", "hello")
            room.sent_all()
            assert room.outbox.sent == 1
        with Room(port=broker.port, tls=True) as room:
            room.outbox.publish("chip/heard", "hello")
            eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
            assert room.outbox.sent == 0


def test_f12_no_broker(caplog: pytest.LogCaptureFixture) -> None:
    """F12: without a broker 100 messages wait, the oldest are dropped and counted, and one line is logged."""
    with Room(port=free_port()) as room:
        for i in range(250):
            room.outbox.publish("chip/heard", str(i))
        eventually(lambda: room.outbox._retry_s > 0.2, why="tried a few times, later each time")
        assert (room.outbox.waiting, room.outbox.dropped) == (MOST_WAITING, 150)
    away = [r for r in caplog.records if "event=mqtt_away" in r.getMessage()]
    assert len(away) == 1
    assert "waiting=" in away[0].getMessage()


def test_what_cannot_be_published(caplog: pytest.LogCaptureFixture) -> None:
    """A topic that is none, or a message of more than 64 kB, is counted and told once, and raises nothing."""
    outbox = Outbox(MqttConfig(host="127.0.0.1"), lambda *_: None)
    for topic in ("", " ", "a/#", "a/+/b", "a\0b", "\udcff", "x" * 2_000):
        outbox.publish(topic, "text")
    outbox.publish("chip/heard", "x" * 70_000)
    assert (outbox.refused, outbox.waiting) == (8, 0)
    assert len(caplog.records) == 1
    outbox.close()
    outbox.publish("chip/heard", "after the end")


def test_c8_a_password_that_all_may_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C8: a file with a password that every user may read is a warning with the remedy; `_file` in the
    configuration is none."""
    secret, file = tmp_path / "secret", tmp_path / "heychip.toml"
    secret.write_text("open sesame")
    file.write_text('[mqtt]\nhost = "there"\nusername = "me"\npassword_file = "secret"\n')
    for mode, told in ((0o644, 1), (0o640, 0)):
        secret.chmod(mode)
        caplog.clear()
        config = load_config(file)
        assert config.warnings == ()
        open_outbox(config.mqtt).close()
        assert len(caplog.records) == told
        assert "sesame" not in caplog.text
        assert not told or f"chmod 640 {secret}" in caplog.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('username = "me"', "mqtt.host: expected the broker's name, since there is username"),
        ('host = "b"\npassword_file = "gone"', "mqtt.username: expected one, since there is password_file"),
        ('host = "b"\nusername = "me"\npassword_file = "gone"', "mqtt.password_file: no such file: /"),
        ('host = "b"\nca_file = "gone"', "mqtt.tls: expected true, since there is ca_file"),
        ('host = "b"\nprefix = "a/#"', "mqtt.prefix: expected a topic without + and #"),
        ('host = "b"\nversion = 5', "mqtt.version: found 5, expected one of 5, 3.1.1"),
        ('host = "b"\npassword = "sesame"', 'mqtt.password: unknown key, did you mean "password_file"?'),
    ],
)
def test_mistakes(tmp_path: Path, text: str, expected: str) -> None:
    """Each mistake of [mqtt] is told."""
    (tmp_path / "heychip.toml").write_text(f"[mqtt]\n{text}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "heychip.toml")
    assert expected in "\n".join(raised.value.problems)


def test_none_configured() -> None:
    """Without a host there is an outbox that takes everything, and paho is not asked for."""
    outbox = open_outbox(MqttConfig())
    assert isinstance(outbox, NoOutbox)
    outbox.publish("chip/heard", "hello")
    outbox.step()
    outbox.close()


def test_without_paho(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where paho-mqtt is missing, or Debian 12's from before 2.0, the message names the remedy; optional, it
    is a warning."""
    monkeypatch.setitem(sys.modules, "paho.mqtt.enums", None)
    with pytest.raises(DeviceError, match=r"pip install heychip\[mqtt\]"):
        open_outbox(MqttConfig(host="127.0.0.1"))
    assert isinstance(open_outbox(MqttConfig(host="127.0.0.1", optional=True)), NoOutbox)
    assert "paho-mqtt 2.1 or newer is not installed" in caplog.text


def test_it_ends_at_once_while_it_waits() -> None:
    """Waiting for the next try does not keep the daemon from ending."""
    with Room(port=free_port()) as room:
        room.outbox._next_s = time.monotonic() + 1_000
    assert room.outbox._session is None
