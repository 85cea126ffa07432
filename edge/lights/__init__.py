"""Lights: one for the mood, plain ones by name, and one that tells that the camera is on.

Ears and eyes only say what is to be shown; the main thread's `step` fades and switches, so that a pin that
fails or is slow touches nobody. The privacy light alone is switched at once, by whoever opens the camera.

All goes out when `close` is called, at the end of a `with`, and when Python ends, whatever ended it. What
Python can do nothing about (`kill -9`, a crash of a library) is for `heychip lights --off`, which the
service runs whenever it has stopped: on a Raspberry Pi pins stay as they were when a program dies.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from edge import colours, logs
from edge.colours import BLACK, Colour
from edge.errors import DeviceError
from edge.lights_config import LightsConfig, light_problem, share_of

log = logging.getLogger(__name__)

FADING_S = 0.04  # how often `step` is to be called while a light fades,
RESTING_S = 0.2  # and else
OFF = "off"


class Pins(Protocol):
    """A backend. Each method raises DeviceError where a pin fails."""

    def rgb(self, light: Colour, /) -> None:
        """Linear light 0..1 for red, green and blue."""
        ...

    def led(self, name: str, on: bool, /) -> None:
        """A plain light."""
        ...

    def privacy(self, on: bool, /) -> None:
        """The camera's light."""
        ...

    def close(self) -> None:
        """All out, and the pins given back. A second call does nothing."""
        ...


def _gpiozero(config: LightsConfig) -> Pins:
    from edge.lights.gpio import GpioPins

    return GpioPins(config)


def _none(_: LightsConfig) -> Pins:
    from edge.lights.none import NoPins

    return NoPins()


BACKENDS: tuple[tuple[str, Callable[[LightsConfig], Pins]], ...] = (("gpiozero", _gpiozero), ("none", _none))


def open_lights(config: LightsConfig) -> Lights:
    """The lights that `config` names, all out. Without any, one that shows nothing. Raises DeviceError where
    pins are named and cannot be had, unless they are optional: then it is said once, and nothing is shown."""
    if not config.pins:
        return Lights(config, _none(config))
    for name, opened in BACKENDS:
        try:
            pins = opened(config)
        except DeviceError as error:
            if not config.optional:
                raise
            log.warning(logs.line("no_lights", backend=name, why=str(error)))
            continue
        return Lights(config, pins)
    raise AssertionError("the last row of the table always works")


class Lights:
    """See above. `show`, `blend` and `privacy` may be called from any thread; the first two never raise."""

    def __init__(self, config: LightsConfig, pins: Pins) -> None:
        self._config, self._pins = config, pins
        self._lock = threading.RLock()  # ears and eyes ask, the main thread steps
        self._sparing = logs.Sparing()
        self._sad, self._joyful = (colours.linear(colours.parse(c)) for c in (config.sad, config.joyful))
        self._base = BLACK  # what the RGB LED shows when nothing is shown for a time
        self._passing: tuple[Colour, float] | None = None  # and what it shows until then
        self._leds: dict[str, float] = {}  # plain lights that are on, and until when
        self._fade = _Fade()
        self._lit: tuple[Colour, frozenset[str]] = (BLACK, frozenset())
        self._closed = False
        atexit.register(self.close)  # what ends without close() ends dark, too

    def __enter__(self) -> Lights:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, colour: str | tuple[int, int, int], for_s: float | None, now_s: float) -> None:
        """A colour (a name, #rrggbb, or red, green and blue of 0..255), or the name of a plain light. For
        `for_s` seconds, then what was there before; where it is None, until the next. "off" is all dark but
        the camera's light. `now_s` is the clock of `step`."""
        until_s = float("inf") if for_s is None else now_s + for_s
        with self._lock:
            if isinstance(colour, str) and any(colour == name for name, _ in self._config.leds):
                self._leds[colour] = until_s
                return
            light = self._parse(colour)
            if light is None:
                return
            if colour == OFF:
                self._leds.clear()
            if for_s is None:
                self._base, self._passing = light, None
            else:
                self._passing = light, until_s

    def _parse(self, colour: str | tuple[int, int, int]) -> Colour | None:
        problem = light_problem(self._config, colour) if isinstance(colour, str) else ""
        try:
            if not problem:
                return colours.linear(colours.parse(colour) if isinstance(colour, str) else _of_bytes(colour))
        except (ValueError, TypeError) as error:
            problem = str(error)
        if self._sparing.allow("colour", time.monotonic()):
            log.warning(logs.line("light_not_shown", colour=str(colour)[:60], why=problem))
        return None

    def blend(self, joy: float) -> None:
        """Between the colours of sad (0) and joyful (1), until the next."""
        with self._lock:
            self._base = colours.mix(self._sad, self._joyful, share_of(joy))

    def privacy(self, on: bool) -> None:
        """The camera's light, at once. Raises DeviceError where it is to be on and cannot, so that no camera
        runs unseen."""
        with self._lock:
            if self._closed and on:
                raise DeviceError("the camera's light cannot be switched on: the lights are closed")
            if not self._closed:
                self._pins.privacy(on)

    def step(self, now_s: float) -> None:
        """Show what is to be seen at `now_s`, of a clock that never goes back. Never raises."""
        with self._lock:
            if self._closed:
                return
            if self._passing and now_s >= self._passing[1]:
                self._passing = None
            self._leds = {name: until_s for name, until_s in self._leds.items() if now_s < until_s}
            wanted = self._passing[0] if self._passing else self._base
            light = self._fade.step(wanted, self._config.fade_s, now_s)
            self._light(light, frozenset(self._leds), now_s)

    def _light(self, light: Colour, leds: frozenset[str], now_s: float) -> None:
        lit, lit_leds = self._lit
        try:
            if light != lit:
                self._pins.rgb(self._duty(light))
            for name in leds ^ lit_leds:
                self._pins.led(name, name in leds)
        except DeviceError as error:  # tried again at the next step
            if self._sparing.allow("pins", now_s):
                log.warning(logs.line("light_failed", why=str(error)))
            return
        self._lit = light, leds

    def _duty(self, light: Colour) -> Colour:
        (red, green, blue), part = light, self._config.balance
        most = self._config.brightness
        return most * part[0] * red, most * part[1] * green, most * part[2] * blue

    @property
    def nap_s(self) -> float:
        """How long the main thread may wait before the next `step`."""
        return FADING_S if self._fade.fading else RESTING_S

    def close(self) -> None:
        """All out. Never raises; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._pins.close()
            except Exception as error:  # the process ends, or another takes the pins: nothing else is to fail
                log.error(logs.line("lights_not_closed", why=repr(error)))
        atexit.unregister(self.close)


class _Fade:
    """From what is shown to what is wanted."""

    def __init__(self) -> None:
        self._from = self._shown = self._to = BLACK
        self._since_s = 0.0
        self.fading = False

    def step(self, wanted: Colour, fade_s: float, now_s: float) -> Colour:
        """Linear light at `now_s`."""
        if wanted != self._to:
            self._from, self._to, self._since_s = self._shown, wanted, now_s
        share = (now_s - self._since_s) / fade_s if fade_s else 1.0
        self._shown = colours.mix(self._from, self._to, share)
        self.fading = self._shown != self._to
        return self._shown


def _of_bytes(colour: tuple[int, int, int]) -> Colour:
    red, green, blue = (min(1.0, max(0.0, float(c) / 255)) for c in colour)
    return red, green, blue
