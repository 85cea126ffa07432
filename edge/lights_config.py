"""[lights]: which light is on which pin, and its colours. Pins are numbered as BCM does (GPIO17 is 17)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge import colours
from edge import config_check as check

if TYPE_CHECKING:
    from edge.buttons_config import ButtonConfig

LAST_PIN = 27  # of the 40-pin header
pin = check.whole(0, LAST_PIN)

Pins = tuple[int, ...]
Named = tuple[tuple[str, int], ...]


def rgb_pins(value: object) -> Pins:
    """Three pins, or none."""
    if not isinstance(value, list) or len(value) not in (0, 3):
        raise check.Wrong("expected three pins, red, green and blue, like [17, 27, 22]")
    return tuple(pin(one) for one in value)


def named_pins(value: object) -> Named:
    """A table of names and pins: { heard = 5, ready = 6 }."""
    if not isinstance(value, dict):
        raise check.Wrong("expected names and pins, like { heard = 5, ready = 6 }")
    for name in value:
        if name.casefold() in colours.NAMES or not name.strip():
            raise check.Wrong(f'expected names of your own; "{name}" is a colour')
    return tuple((name, pin(one)) for name, one in value.items())


def optional_pin(value: object) -> int:
    """A pin, or -1 for none."""
    return -1 if value == -1 and not isinstance(value, bool) else int(pin(value))


def balance(value: object) -> tuple[float, float, float]:
    """Three numbers 0..1."""
    part = check.number(0, 1)
    if not isinstance(value, list) or len(value) != 3:
        raise check.Wrong("expected three numbers from 0 to 1, like [1.0, 0.6, 0.8]")
    red, green, blue = (part(one) for one in value)
    return red, green, blue


@dataclass(frozen=True)
class LightsConfig:
    """[lights]"""

    rgb: tuple[int, ...] = check.key((), rgb_pins)
    """the pins of an RGB LED: red, green, blue"""
    leds: tuple[tuple[str, int], ...] = check.key((), named_pins)
    """plain LEDs by name"""
    privacy: int = check.key(-1, optional_pin)
    """the pin of the light that tells that the camera is on; -1 is none"""
    active_high: bool = check.key(True, check.flag)
    """false where all lights go from 3.3 V to their pins"""
    common_anode: bool = check.key(False, check.flag)
    """true where the RGB LED goes from 3.3 V to its pins, and the others from their pins to ground"""
    sad: str = check.key("#000089", colours.colour)
    """the colour of joy 0; as on the AIY kit, which gave its LED (0, 0, 64)"""
    joyful: str = check.key("#ff8f00", colours.colour)
    """the colour of joy 1; as on the AIY kit, which gave its LED (255, 70, 0)"""
    fade_s: float = check.key(0.7, check.number(0, 60))
    """how long the RGB LED takes from one colour to the next"""
    brightness: float = check.key(1.0, check.number(0, 1))
    """of the RGB LED"""
    balance: tuple[float, float, float] = check.key((1.0, 1.0, 1.0), balance)
    """how much of red, green and blue makes white: cheap LEDs have too much green and blue"""
    optional: bool = check.key(False, check.flag)
    """go on without lights where there are no pins"""

    @property
    def pins(self) -> list[tuple[str, int]]:
        """Each light by the name of its key, with its pin."""
        rgb = zip(("rgb red", "rgb green", "rgb blue"), self.rgb, strict=False)
        plain = [(f"leds.{name}", number) for name, number in self.leds]
        privacy = [("privacy", self.privacy)] if self.privacy >= 0 else []
        return [(f"lights.{name}", number) for name, number in [*rgb, *plain, *privacy]]


def light_problem(config: LightsConfig, value: str) -> str:
    """What is wrong with what a rule wants to show: nothing, or what was expected."""
    names = [name for name, _ in config.leds]
    if value in names:
        return ""
    if not config.rgb and value != "off":
        known = f"one of your leds ({', '.join(names)}) or off" if names else "lights; [lights] names no pin"
        return f"expected {known}{check.nearest(value, names)}"
    try:
        colours.parse(value)
    except ValueError as error:
        return str(error) + check.nearest(value, [*names, *colours.NAMES])
    return ""


def pin_problems(lights: LightsConfig, buttons: Iterable[ButtonConfig]) -> list[str]:
    """Every pin that two things want, with the names of both."""
    taken: dict[int, str] = {}
    problems = []
    pressed = [(f'the button "{button.name}"', button.pin) for button in buttons]
    for name, number in [*lights.pins, *pressed]:
        if number in taken:
            problems.append(f"{name}: pin {number} is taken by {taken[number]}")
        taken.setdefault(number, name)
    return problems


def share_of(joy: float) -> float:
    """Joy as a share 0..1; what is no number is 0."""
    return min(1.0, max(0.0, joy)) if math.isfinite(joy) else 0.0
