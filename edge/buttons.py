"""Buttons: a press is noted on gpiozero's own thread, and told from the main one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from edge import logs
from edge.buttons_config import ButtonConfig
from edge.errors import DeviceError

log = logging.getLogger(__name__)

MOST_WAITING = 16  # presses that nobody took yet; a contact that chatters cannot fill the memory


def open_buttons(configs: Sequence[ButtonConfig], press: Callable[[str], None]) -> Buttons:
    """Those that can be had. `press` is told their names, by `step`. Raises DeviceError where one that is not
    optional cannot be had; one that is optional is said to be missing, once."""
    buttons = Buttons(press)
    for config in configs:
        try:
            buttons.add(config)
        except DeviceError as error:
            if not config.optional:
                buttons.close()
                raise
            log.warning(logs.line("no_button", name=config.name, why=str(error)))
    return buttons


class Buttons:
    """See above. No thread of ours: gpiozero calls, we only enqueue."""

    def __init__(self, press: Callable[[str], None]) -> None:
        self._press = press
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)  # append and popleft are atomic
        self._buttons: list[Any] = []

    def add(self, config: ButtonConfig) -> None:
        """Watch one more. Raises DeviceError."""
        from edge.pins import pin_factory

        factory = pin_factory()
        from gpiozero import Button

        try:
            button = Button(
                config.pin,
                pull_up=config.pull_up,
                bounce_time=config.bounce_s or None,
                hold_time=config.hold_s or 1.0,
                pin_factory=factory,
            )
        except Exception as error:  # gpiozero's and lgpio's share no root
            raise DeviceError(f'the button "{config.name}", pin {config.pin}: {error}') from error
        # gpiozero gives a callback the button where it takes an argument; these take none.
        names = [(lambda name=name: self._waiting.append(name)) for name in config.presses]
        button.when_pressed = names[0]
        if config.hold_s:
            button.when_held = names[1]
        self._buttons.append(button)

    def step(self) -> None:
        """Tell what was pressed since the last time."""
        while self._waiting:
            self._press(self._waiting.popleft())

    def close(self) -> None:
        """Give the pins back. A second call does nothing."""
        buttons, self._buttons = self._buttons, []
        for button in buttons:
            try:
                button.close()
            except Exception as error:
                log.error(logs.line("button_not_closed", why=repr(error)))
