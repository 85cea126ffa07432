"""Buttons on gpiozero's mock pins."""

import threading
from collections.abc import Iterator

import gpiozero
import lamps
import pytest
from gpiozero.pins.mock import MockFactory

from edge.buttons import MOST_WAITING, open_buttons
from edge.buttons_config import ButtonConfig
from edge.errors import DeviceError

PHOTO = ButtonConfig(name="photo", pin=23)


@pytest.fixture(autouse=True)
def pins() -> Iterator[MockFactory]:
    before = gpiozero.Device.pin_factory
    yield lamps.mock_pins()
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def test_a_press(pins: MockFactory) -> None:
    """A press is noted at once, and told once, from whoever steps; the release is nothing."""
    told: list[tuple[str, str]] = []
    buttons = open_buttons([PHOTO], lambda name: told.append((name, threading.current_thread().name)))
    another = threading.Thread(target=pins.pin(23).drive_low, name="gpiozero's")
    another.start()
    another.join()
    pins.pin(23).drive_high()
    assert told == []
    buttons.step()
    buttons.step()
    assert told == [("photo", "MainThread")]
    buttons.close()


def test_the_other_way_round(pins: MockFactory) -> None:
    """A button to 3.3 V is pulled down, and pressed when high."""
    told: list[str] = []
    buttons = open_buttons([ButtonConfig(name="bell", pin=24, pull_up=False)], told.append)
    assert pins.pin(24).pull == "down"
    pins.pin(24).drive_high()
    buttons.step()
    assert told == ["bell"]
    buttons.close()


def test_held(pins: MockFactory) -> None:
    """A button that may be held sends its name, and then NAME held, once."""
    told: list[str] = []
    held = threading.Event()
    config = ButtonConfig(name="photo", pin=23, hold_s=0.01)
    buttons = open_buttons([config, ButtonConfig(name="bell", pin=24)], told.append)
    pins.pin(23).drive_low()
    for _ in range(500):
        buttons.step()
        if len(told) == 2 or held.wait(0.02):
            break
    pins.pin(24).drive_low()
    buttons.step()
    pins.pin(23).drive_high()
    buttons.step()
    assert told == ["photo", "photo held", "bell"] == [*config.presses, "bell"]
    buttons.close()


def test_bouncing_is_for_gpiozero(pins: MockFactory) -> None:
    """The time for which contacts bounce is given to the pin."""
    buttons = open_buttons([ButtonConfig(name="photo", pin=23, bounce_s=0.05)], lambda _: None)
    assert pins.pin(23).bounce == 0.05
    buttons.close()


def test_a_contact_that_chatters(pins: MockFactory) -> None:
    """Of presses that nobody takes, the newest 16 are kept."""
    told: list[str] = []
    buttons = open_buttons([PHOTO], told.append)
    for _ in range(1_000):
        pins.pin(23).drive_low()
        pins.pin(23).drive_high()
    buttons.step()
    assert len(told) == MOST_WAITING
    buttons.close()


def test_closed(pins: MockFactory) -> None:
    """After close, the pin is free and nothing is told."""
    told: list[str] = []
    buttons = open_buttons([PHOTO], told.append)
    buttons.close()
    buttons.close()
    with gpiozero.Button(23):
        pins.pin(23).drive_low()
    buttons.step()
    assert told == []


def test_one_that_cannot_be_had(caplog: pytest.LogCaptureFixture) -> None:
    """A pin that is in use is named with its button; where that is optional, the others work."""
    with gpiozero.LED(23):
        with pytest.raises(DeviceError, match=r'button "photo", pin 23'):
            open_buttons([ButtonConfig(name="bell", pin=24), PHOTO], lambda _: None)
        told: list[str] = []
        optional = ButtonConfig(name="photo", pin=23, optional=True)
        buttons = open_buttons([optional, ButtonConfig(name="bell", pin=24)], told.append)
        gpiozero.Device.pin_factory.pin(24).drive_low()
        buttons.step()
        assert told == ["bell"]
        assert [record.getMessage().split()[0] for record in caplog.records] == ["event=no_button"]
        buttons.close()


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without buttons, gpiozero is not asked for."""
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    buttons = open_buttons([], lambda _: None)
    buttons.step()
    buttons.close()
    assert gpiozero.Device.pin_factory is None
    monkeypatch.undo()
