"""Mock pins that write each change to a file, so that it can be seen what became of a light when its program
was killed. As a program: lights everything, and ends as it is told to."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin


def mock_pins(pin_class: type = MockPWMPin) -> MockFactory:
    """From now on, all pins are mock pins that know PWM."""
    Device.pin_factory = MockFactory(pin_class=pin_class)
    return Device.pin_factory


class NotedPin(MockPWMPin):
    """Writes what it does to `file`, without a buffer."""

    file = -1

    def _note(self) -> None:
        number = int(self.info.name.removeprefix("GPIO"))
        row = {"pin": number, "function": self._function, "state": float(self._state)}
        os.write(self.file, (json.dumps(row) + "\n").encode())

    def _change_state(self, value: Any) -> bool:
        changed = super()._change_state(value)
        self._note()
        return changed

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        self._note()


def noted_pins(file: Path) -> None:
    """Pins that write to `file`, and begin where an earlier program left them."""
    NotedPin.file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    mock_pins(NotedPin)


def lit(file: Path, *, active_high: bool = True) -> set[int]:
    """The pins of all lights that are on: an output at its active level. An input gives no light."""
    last = {}
    for line in file.read_text().splitlines():
        row = json.loads(line)
        last[row["pin"]] = row
    return {
        pin
        for pin, row in last.items()
        if row["function"] == "output" and (row["state"] > 0 if active_high else row["state"] < 1)
    }


def main(notes: Path, config: Path, how: str) -> None:
    """Light everything, say so on standard output, and end as `how` says."""
    from edge.commands.lights import lights_of
    from edge.lights import open_lights
    from edge.signals import Signals

    noted_pins(notes)
    signals = Signals()
    if how == "signal":
        signals.catch()
    lights = open_lights(lights_of(str(config)))
    with nullcontext() if how.endswith("without with") else lights:
        lights.privacy(True)
        lights.show("white", None, 0.0)
        lights.show("heard", None, 0.0)
        lights.step(0.0)
        print("lit", flush=True)
        if how.startswith("exception"):
            raise RuntimeError("as where something is wrong")
        if how.startswith("sys.exit"):
            sys.exit(3)
        if how == "os._exit":
            os._exit(1)
        if how == "thread":
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            return
        while not signals.end:
            lights.step(0.0)
            time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
