"""`heychip doctor` and `heychip devices` on pins and the broker."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import lamps
import pytest
from brokers import Broker, Client, eventually, free_port, needs_mosquitto

from edge.buttons_config import ButtonConfig
from edge.checkup_pins import broker, pins
from edge.commands.devices import pins as pin_lines
from edge.config import Config
from edge.lights_config import LightsConfig
from edge.mqtt_config import MqttConfig

LIGHTS = LightsConfig(rgb=(17, 27, 22), privacy=13)
BUTTONS = (ButtonConfig(name="photo", pin=23),)


@pytest.fixture
def board() -> Iterator[None]:
    before = gpiozero.Device.pin_factory
    lamps.mock_pins()
    yield
    gpiozero.Device.pin_factory = before


@pytest.fixture
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "none-of-this-world")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)


def test_pins_are_there(board: None) -> None:
    """The board, and each light and button with its pin; none of them is taken."""
    told = pins(Config(lights=LIGHTS, buttons=BUTTONS))
    assert told.state == "ok"
    assert "Raspberry Pi" in told.found
    assert told.found.endswith("rgb red 17, rgb green 27, rgb blue 22, privacy 13, button photo 23")
    with gpiozero.LED(13):
        pass


def test_no_pins(no_board: None) -> None:
    """Bad where they are wanted, a note where they are optional, nothing where nobody asks."""
    told = pins(Config(lights=LIGHTS))
    assert (told.state, told.code) == ("bad", 4)
    assert "none-of-this-world" in told.found
    assert "python3-lgpio" in told.remedy
    optional = LightsConfig(rgb=(17, 27, 22), optional=True)
    assert pins(Config(lights=optional)).state == "note"
    assert pins(Config(lights=optional, buttons=BUTTONS)).state == "bad"
    assert pins(Config()).state == "ok"


def test_devices(board: None, tmp_path: Path) -> None:
    """`heychip devices` names the board where the kernel has pins, and nothing where it has none."""
    assert pin_lines(tmp_path) == []
    (tmp_path / "gpiochip0").touch()
    assert "Raspberry Pi" in pin_lines(tmp_path)[1]


def test_devices_without_a_way_to_the_pins(no_board: None, tmp_path: Path) -> None:
    """And where the kernel has pins that cannot be reached, why."""
    (tmp_path / "gpiochip0").touch()
    assert "none-of-this-world" in pin_lines(tmp_path)[1]


@needs_mosquitto
def test_the_broker(tmp_path: Path) -> None:
    """A broker that lets us in is fine, and nobody hears of us; one that is away is a note with why."""
    with Broker(tmp_path) as real, Client(real.port) as other:
        config = Config(mqtt=MqttConfig(host="127.0.0.1", port=real.port))
        assert [check.state for check in broker(config)] == ["ok"]
        other.say("a/sign", "after")
        eventually(lambda: other.got[-1:] == [("a/sign", b"after")])
        assert len(other.got) == 1
    away = next(iter(broker(Config(mqtt=MqttConfig(host="127.0.0.1", port=free_port())))))
    assert away.state == "note"
    assert "refused" in away.found
    assert [check.found for check in broker(Config())] == ["not asked for"]


@needs_mosquitto
@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="mosquitto is not installed (apt-get)")
def test_a_broker_that_does_not_know_us(tmp_path: Path) -> None:
    """A password that every user may read is a note of its own."""
    (tmp_path / "users").write_text("")
    (tmp_path / "secret").write_text("sesame")
    (tmp_path / "secret").chmod(0o644)
    with Broker(tmp_path, f"password_file {tmp_path / 'users'}") as real:
        mqtt = MqttConfig(host="127.0.0.1", port=real.port, username="chip",
                          password_file=str(tmp_path / "secret"))  # fmt: skip
        first, second = broker(Config(mqtt=mqtt))
    assert (first.state, first.remedy) == ("note", f"chmod 640 {tmp_path / 'secret'}")
    assert second.state == "note"
    assert "refused" in second.found


def test_without_paho(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without paho-mqtt it is bad, or a note where it is optional."""
    monkeypatch.setitem(sys.modules, "paho.mqtt.enums", None)  # as in a paho-mqtt of before 2.0
    for optional, state in ((False, "bad"), (True, "note")):
        mqtt = MqttConfig(host="127.0.0.1", optional=optional)
        told = list(broker(Config(mqtt=mqtt)))
        assert [(check.state, check.remedy) for check in told] == [(state, "pip install heychip[mqtt]")]
