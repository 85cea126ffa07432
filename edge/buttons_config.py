"""[[buttons]]: which button is on which pin, and what a press of it is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge import config_check as check
from edge.lights_config import pin

HELD = "held"


@dataclass(frozen=True)
class ButtonConfig:
    """[[buttons]]: one button"""

    name: str = check.key("", check.text(empty=False))
    """what rules call it"""
    pin: int = check.key(-1, pin)
    """as BCM numbers it (GPIO23 is 23)"""
    pull_up: bool = check.key(True, check.flag)
    """true: the button goes from the pin to ground; false: to 3.3 V"""
    bounce_s: float = check.key(0.02, check.number(0, 1))
    """what follows a press within this time is its contacts bouncing"""
    hold_s: float = check.key(0.0, check.number(0, 60))
    """held for so long, it is also "NAME held"; 0 never"""
    optional: bool = check.key(False, check.flag)
    """go on without it where there are no pins"""

    @property
    def presses(self) -> tuple[str, ...]:
        """The names that it sends: its own, and NAME held where it may be held."""
        return (self.name, f"{self.name} {HELD}") if self.hold_s else (self.name,)


Buttons = tuple[ButtonConfig, ...]


def read_buttons(tables: object, problems: list[str]) -> Buttons:
    """All [[buttons]]; mistakes go to `problems`."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(
            f"buttons: found {check.show(tables)}, expected tables; begin each button with [[buttons]]"
        )
        return ()
    buttons = []
    for number, table in enumerate(tables, 1):
        where, before = f"buttons number {number}: ", len(problems)
        button = check.read_table(ButtonConfig, table, where=where, base=Path(), problems=problems)
        if len(problems) == before:
            problems += [f"{where}{name}: missing" for name in ("name", "pin") if name not in table]
        buttons.append(button)
    names = Counter(name for button in buttons for name in button.presses if button.name)
    return_twice = [name for name, count in names.items() if count > 1]
    problems += [f'buttons: two presses have the name "{name}"' for name in return_twice]
    return tuple(buttons)
