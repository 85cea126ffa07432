"""Lights on the pins of a Raspberry Pi, through gpiozero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.colours import Colour
from edge.errors import DeviceError
from edge.lights_config import LightsConfig
from edge.pins import pin_factory


class GpioPins:
    """An RGB LED by PWM, plain LEDs, and the camera's light; all out at first."""

    def __init__(self, config: LightsConfig) -> None:
        """Raises DeviceError, with no pin taken, where one cannot be had."""
        factory = pin_factory()
        self._rgb: list[Any] = []
        self._leds: dict[str, Any] = {}
        self._privacy: Any = None
        from gpiozero import LED, PWMLED

        same = {"active_high": config.active_high, "initial_value": False, "pin_factory": factory}
        of_rgb = {**same, "active_high": config.active_high and not config.common_anode}
        try:
            for name, pin in config.pins:
                with _told(f"{name}: pin {pin}"):
                    kind, _, own = name.removeprefix("lights.").partition(".")
                    if kind == "leds":
                        self._leds[own] = LED(pin, **same)
                    elif kind == "privacy":
                        self._privacy = LED(pin, **same)
                    else:
                        self._rgb.append(PWMLED(pin, **of_rgb))
        except DeviceError:
            self.close()
            raise

    def rgb(self, light: Colour) -> None:
        """See Pins."""
        with _told("the RGB LED"):
            for led, share in zip(self._rgb, light, strict=False):
                led.value = share

    def led(self, name: str, on: bool) -> None:
        """See Pins."""
        with _told(f"the light {name}"):
            self._leds[name].value = on

    def privacy(self, on: bool) -> None:
        """See Pins."""
        if self._privacy is not None:
            with _told("the camera's light"):
                self._privacy.value = on

    def close(self) -> None:
        """Each on its own: one that fails must not leave the others lit."""
        every = [*self._rgb, *self._leds.values(), *([self._privacy] if self._privacy else [])]
        self._rgb, self._leds, self._privacy = [], {}, None
        failed = [why for led in every for why in _put_out(led)]
        if failed:
            raise DeviceError("; ".join(failed))


def _put_out(led: Any) -> Iterator[str]:
    """Out and given back; gives what went wrong."""
    for call in (led.off, led.close):
        try:
            call()
        except Exception as error:
            yield f"{call.__name__} of {led!r}: {error}"


@contextmanager
def _told(what: str) -> Iterator[None]:
    """gpiozero's and lgpio's errors share no root; ours says which light it was."""
    try:
        yield
    except Exception as error:
        raise DeviceError(f"{what}: {error or type(error).__name__}") from error
