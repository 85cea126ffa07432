"""The checks of `heychip doctor` for lights, buttons and the broker. None of them raises, takes a pin, or
tells others that anything is on or off.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from edge.checkup import Check
from edge.config import Config
from edge.errors import DeviceError
from edge.mqtt import session
from edge.mqtt_config import MqttConfig, readable_by_all

ANSWER_S = 5.0


def pins(config: Config) -> Check:
    """Whether the pins can be reached; that each light is on its pin, only eyes can see."""
    lights = [(name.removeprefix("lights."), pin) for name, pin in config.lights.pins]
    buttons = [(f"button {button.name}", button.pin) for button in config.buttons]
    if not lights and not buttons:
        return Check("pins", "ok", "not asked for")
    from edge.pins import board

    named = ", ".join(f"{name} {pin}" for name, pin in [*lights, *buttons])
    try:
        found = f"{board()}: {named}"
    except DeviceError as error:
        optional = config.lights.optional or not lights
        optional &= all(button.optional for button in config.buttons)
        why, _, remedy = str(error).partition("; on a Raspberry Pi: ")
        return Check("pins", "note" if optional else "bad", why, remedy, error.exit_code)
    return Check("pins", "ok", found, "with the service stopped, `heychip lights` shows each light in turn")


def broker(config: Config) -> Iterator[Check]:
    """Whether the MQTT broker is there and lets us in."""
    mqtt = config.mqtt
    if not mqtt.host:
        yield Check("mqtt", "ok", "not asked for")
        return
    if mqtt.password_file and readable_by_all(mqtt.password_file):
        found, remedy = f"every user may read {mqtt.password_file}", f"chmod 640 {mqtt.password_file}"
        yield Check("password", "note", found, remedy)
    if why := session.paho_problem():
        found, _, remedy = why.rpartition("; ")
        yield Check("mqtt", "note" if mqtt.optional else "bad", found, remedy, DeviceError.exit_code)
        return
    where = f"{mqtt.host}, port {mqtt.port_number}, MQTT {mqtt.version}{', TLS' if mqtt.tls else ''}"
    if why := _refused(mqtt):
        remedy = "heychip runs without it, keeps the newest 100 messages and tries again"
        yield Check("mqtt", "note", f"{where}: {why}", remedy)
    else:
        yield Check("mqtt", "ok", where)


def _refused(mqtt: MqttConfig) -> str:
    """Why the broker does not let us in, or nothing."""
    end_s = time.monotonic() + ANSWER_S
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            trial = session.Session(mqtt, message=lambda *_: None, quiet=True)
            try:
                while not trial.welcome:
                    trial.turn(0.2, ours)
                    if time.monotonic() > end_s:
                        return f"no answer for {ANSWER_S:.0f} s"
            finally:
                trial.close()
        except session.BrokerError as error:
            return str(error)
    return ""
