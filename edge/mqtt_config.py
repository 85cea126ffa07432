"""[mqtt]: the broker, if there is one. The password stands in a file of its own."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from edge import config_check as check

MOST_TOPIC_BYTES = 1_024  # MQTT allows 65,535; nobody needs that


@dataclass(frozen=True)
class MqttConfig:
    """[mqtt]"""

    host: str = check.key("", check.text())
    """the broker's name or address; nothing is sent where it is empty"""
    port: int = check.key(0, check.whole(0, 65_535))
    """0 is 1883, and 8883 with tls"""
    prefix: str = check.key("heychip", check.text(empty=False))
    """what our own topics begin with: PREFIX/status, PREFIX/say, PREFIX/light"""
    username: str = check.key("", check.text())
    password_file: str = check.key("", check.text(), place="file")
    """a file whose first line is the password, readable by the service only"""
    tls: bool = check.key(False, check.flag)
    ca_file: str = check.key("", check.text(), place="file")
    """who vouches for the broker, where it is nobody that the system knows"""
    retain: bool = check.key(False, check.flag)
    """whether the broker keeps the last message of each topic for whoever comes later"""
    commands: bool = check.key(True, check.flag)
    """whether we do what PREFIX/say and PREFIX/light ask for"""
    version: str = check.key("5", check.choice("5", "3.1.1"))
    """of the protocol; 3.1.1 for brokers from before 2019"""
    optional: bool = check.key(False, check.flag)
    """go on without it where paho-mqtt is not installed; a broker that is away is waited for in any case"""

    @property
    def port_number(self) -> int:
        """The port, the default one resolved."""
        return self.port or (8883 if self.tls else 1883)

    @property
    def status_topic(self) -> str:
        """Where it says online or offline, retained."""
        return f"{self.prefix}/status"


def topic_problem(topic: str) -> str:
    """What is wrong with a topic to publish to: nothing, or what was expected."""
    if not topic or not topic.strip():
        return "expected a topic like chip/heard"
    if any(c in topic for c in "+#"):
        return "expected a topic without + and #, which are for subscribing"
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in topic):
        return "expected a topic without control characters"
    if len(topic.encode()) > MOST_TOPIC_BYTES:
        return f"expected a topic of at most {MOST_TOPIC_BYTES:,} bytes"
    return ""


def readable_by_all(file: str) -> bool:
    """Whether every user of the machine may read a file."""
    try:
        return bool(Path(file).stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def mqtt_problems(config: MqttConfig) -> list[str]:
    """The mistakes that one key alone does not show."""
    if not config.host:
        given = [name for name in ("username", "password_file", "ca_file") if getattr(config, name)]
        return [f"mqtt.host: expected the broker's name, since there is {name}" for name in given[:1]]
    problems = [f"mqtt.prefix: {wrong}" for wrong in (topic_problem(config.prefix),) if wrong]
    if config.password_file and not config.username:
        problems.append("mqtt.username: expected one, since there is password_file")
    files = {"password_file": config.password_file, "ca_file": config.ca_file}
    problems += [f"mqtt.{n}: no such file: {f}" for n, f in files.items() if f and not Path(f).is_file()]
    if config.ca_file and not config.tls:
        problems.append("mqtt.tls: expected true, since there is ca_file")
    return problems
