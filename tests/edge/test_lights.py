"""Lights on gpiozero's mock pins: what is shown, fades, passes, and what happens where there is no pin."""

import logging
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import gpiozero
import lamps
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from edge.errors import DeviceError
from edge.lights import FADING_S, RESTING_S, open_lights
from edge.lights_config import LightsConfig, light_problem

RGB = LightsConfig(rgb=(17, 27, 22), fade_s=0.0)
ALL = LightsConfig(rgb=(17, 27, 22), leds=(("heard", 5), ("ready", 6)), privacy=13, fade_s=0.0)


@pytest.fixture(autouse=True)
def pins() -> Iterator[MockFactory]:
    before = gpiozero.Device.pin_factory
    yield lamps.mock_pins()
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def levels(pins: MockFactory, *numbers: int) -> tuple[float, ...]:
    return tuple(float(pins.pin(number).state) for number in numbers)


def test_dark_at_first(pins: MockFactory) -> None:
    """All lights are out when they are opened, on outputs."""
    with open_lights(ALL):
        assert levels(pins, 17, 27, 22, 5, 6, 13) == (0,) * 6
        assert {pins.pin(n).function for n in (17, 27, 22, 5, 6, 13)} == {"output"}


def test_a_colour_for_a_time(pins: MockFactory) -> None:
    """A colour that is shown for a time gives way to the one before it."""
    with open_lights(RGB) as lights:
        lights.show("blue", None, 0.0)
        lights.show((255, 0, 0), 2.0, 1.0)
        lights.step(1.0)
        assert levels(pins, 17, 27, 22) == (1, 0, 0)
        lights.step(2.9)
        assert levels(pins, 17, 27, 22) == (1, 0, 0)
        lights.step(3.0)
        assert levels(pins, 17, 27, 22) == (0, 0, 1)


def test_blend(pins: MockFactory) -> None:
    """Joy 0 is the sad colour, joy 1 the joyful one, and what is no number is sad."""
    with open_lights(RGB) as lights:
        seen = []
        for joy in (0.0, 1.0, 7.0, float("nan"), -3.0):
            lights.blend(joy)
            lights.step(0.0)
            seen.append(tuple(round(255 * level) for level in levels(pins, 17, 27, 22)))
    assert seen == [(0, 0, 64), (255, 70, 0), (255, 70, 0), (0, 0, 64), (0, 0, 64)]


def test_a_blend_waits_behind_a_colour(pins: MockFactory) -> None:
    """While a colour is shown for a time, a mood changes what comes after it."""
    with open_lights(RGB) as lights:
        lights.show("green", 1.0, 0.0)
        lights.blend(1.0)
        lights.step(0.5)
        assert levels(pins, 17, 27, 22) == (0, 1, 0)
        lights.step(1.5)
        assert levels(pins, 17)[0] == 1


def test_it_fades(pins: MockFactory) -> None:
    """From one colour to the next in fade_s, in small steps, and the main thread is asked to come often."""
    config = LightsConfig(rgb=(17, 27, 22), fade_s=1.0)
    with open_lights(config) as lights:
        lights.show("white", None, 0.0)
        assert lights.nap_s == RESTING_S
        reds = []
        for i in range(27):
            lights.step(i * FADING_S)
            reds.append(levels(pins, 17)[0])
            assert lights.nap_s == (FADING_S if reds[-1] < 1 else RESTING_S)
    assert reds[0] == 0
    assert reds[-1] == 1
    assert all(0 < after - before < 0.13 for before, after in pairwise(reds[:26]))


def test_a_fade_that_is_overtaken(pins: MockFactory) -> None:
    """A new colour fades from where the last fade had come to, without a jump."""
    with open_lights(LightsConfig(rgb=(17, 27, 22), fade_s=1.0)) as lights:
        lights.show("red", None, 0.0)
        lights.step(0.0)
        lights.step(0.6)
        halfway = levels(pins, 17)[0]
        lights.show("off", None, 0.6)
        lights.step(0.6)
        assert 0 < halfway < 1
        assert levels(pins, 17)[0] == halfway
        lights.step(1.6)
        assert levels(pins, 17)[0] == 0


def test_plain_lights(pins: MockFactory) -> None:
    """A plain light is shown by its name, for a time or until all goes off; the camera's light stays."""
    with open_lights(ALL) as lights:
        lights.privacy(True)
        lights.show("heard", 1.0, 0.0)
        lights.show("ready", None, 0.0)
        lights.step(0.5)
        assert levels(pins, 5, 6) == (1, 1)
        lights.step(1.0)
        assert levels(pins, 5, 6) == (0, 1)
        lights.show("off", None, 1.0)
        lights.step(1.1)
        assert levels(pins, 5, 6, 13) == (0, 0, 1)


def test_common_anode(pins: MockFactory) -> None:
    """Where the lights go to 3.3 V, off is high and on is low."""
    config = LightsConfig(rgb=(17, 27, 22), privacy=13, active_high=False, fade_s=0)
    with open_lights(config) as lights:
        assert levels(pins, 17, 27, 22, 13) == (1, 1, 1, 1)
        lights.show("red", None, 0.0)
        lights.step(0.0)
        lights.privacy(True)
        assert levels(pins, 17, 27, 22, 13) == (0, 1, 1, 0)


def test_common_anode_of_the_rgb_led_alone(pins: MockFactory) -> None:
    """An RGB LED may have a common anode while the camera's light goes to ground."""
    with open_lights(LightsConfig(rgb=(17, 27, 22), privacy=13, common_anode=True)) as lights:
        lights.privacy(True)
        assert levels(pins, 17, 27, 22, 13) == (1, 1, 1, 1)


def test_brightness_and_balance(pins: MockFactory) -> None:
    """All three parts are made darker together, and each on its own."""
    config = LightsConfig(rgb=(17, 27, 22), brightness=0.5, balance=(1.0, 0.5, 0.2), fade_s=0)
    with open_lights(config) as lights:
        lights.show("white", None, 0.0)
        lights.step(0.0)
        assert levels(pins, 17, 27, 22) == pytest.approx((0.5, 0.25, 0.1))


def test_what_cannot_be_shown(pins: MockFactory, caplog: pytest.LogCaptureFixture) -> None:
    """A colour that is none is told, once, and nothing changes."""
    with open_lights(ALL) as lights:
        for wrong in ("blurple", "#12", (1, 2), ("a", "b", "c"), "x" * 10_000):
            lights.show(wrong, None, 0.0)  # type: ignore[arg-type]
        lights.step(0.0)
        assert levels(pins, 17, 27, 22) == (0, 0, 0)
    assert [r.getMessage()[:40] for r in caplog.records] == ["event=light_not_shown colour=blurple why"]


def test_a_rule_is_told_before(pins: MockFactory) -> None:
    """What a rule wants to show is known to be right or wrong before it happens."""
    assert light_problem(ALL, "heard") == light_problem(ALL, "#123456") == light_problem(RGB, "off") == ""
    assert 'did you mean "heard"?' in light_problem(ALL, "herd")
    assert "names no pin" in light_problem(LightsConfig(), "red")
    plain = LightsConfig(leds=(("heard", 5),))
    assert light_problem(plain, "off") == ""
    assert "one of your leds (heard)" in light_problem(plain, "red")


def test_without_pins_nothing_happens() -> None:
    """Where no light is configured, gpiozero is not asked for, and everything may be called."""
    gpiozero.Device.pin_factory = None
    with open_lights(LightsConfig()) as lights:
        lights.blend(1.0)
        lights.privacy(True)
        lights.step(0.0)
    assert gpiozero.Device.pin_factory is None
    gpiozero.Device.pin_factory = MockFactory()


def test_no_board(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Away from a Raspberry Pi, lights that are wanted are an error with a remedy, optional ones a warning.
    """
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio-of-another-world")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    with pytest.raises(DeviceError, match=r"cannot be reached.*python3-lgpio"):
        open_lights(RGB)
    with open_lights(LightsConfig(rgb=(17, 27, 22), optional=True)) as lights:
        lights.blend(1.0)
        lights.step(0.0)
        lights.privacy(True)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    monkeypatch.undo()
    lamps.mock_pins()


def test_a_pin_that_is_taken() -> None:
    """A pin that another device has is named with its light, and what was taken is given back."""
    with gpiozero.LED(13), pytest.raises(DeviceError, match=r"lights\.privacy: pin 13"):
        open_lights(ALL)
    with open_lights(ALL):
        pass


class Dying(MockPWMPin):
    """A pin that fails when it is written to."""

    dead = False

    def _set_state(self, value: Any) -> None:
        if Dying.dead:
            raise OSError(5, "Input/output error")
        super()._set_state(value)


def test_a_pin_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Pins that fail are told once a minute; `step` raises nothing; only a camera does not start unseen."""
    lamps.mock_pins(Dying)
    lights = open_lights(ALL)
    Dying.dead = True
    try:
        for i in range(20):
            lights.show(["red", "blue"][i % 2], None, float(i))
            lights.step(float(i))
        assert [r.getMessage().split()[0] for r in caplog.records] == ["event=light_failed"]
        with pytest.raises(DeviceError, match="the camera's light"):
            lights.privacy(True)
        lights.close()
    finally:
        Dying.dead = False
    with open_lights(ALL) as lights:  # what failed was given back all the same
        lights.privacy(True)
        assert levels(gpiozero.Device.pin_factory, 13) == (1,)
