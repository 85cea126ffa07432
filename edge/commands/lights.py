"""`heychip lights`: shows each light in turn, to see that it is wired right; `--off` puts all of them out."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.lights import Lights
    from edge.lights_config import LightsConfig

EACH_S = 1.0


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "lights",
        help="show each light in turn, or put all out",
        description="Shows each light of the configuration for a second, the way from sad to joyful, and the "
        "camera's light, and says which it should be. Not while the service runs: it has the pins.",
    )
    parser.add_argument("--config", metavar="FILE", help="default: the file that `heychip run` would take")
    parser.add_argument("--off", action="store_true", help="put all out, as after a program was killed")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0. Raises ConfigError, and DeviceError where the pins cannot be had."""
    from edge.lights import open_lights

    config = lights_of(args.config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # Python would end without putting them out
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
    with open_lights(config) as lights:  # which puts them out
        if not args.off:
            show(lights, config)
    return 0


def lights_of(path: str | None) -> LightsConfig:
    """[lights] alone, so that a mistake elsewhere in the file leaves no light on. Raises ConfigError."""
    from edge import config_check as check
    from edge.config import PLACES
    from edge.errors import ConfigError
    from edge.lights_config import LightsConfig

    file = Path(path) if path else next((place for place in PLACES if place.exists()), PLACES[-1])
    table, problems = check.read_toml(file).get("lights", {}), list[str]()
    if not isinstance(table, dict):
        raise ConfigError(file, [f"lights: found {check.show(table)}, expected a section [lights]"])
    config = check.read_table(LightsConfig, table, where="lights.", base=file.parent, problems=problems)
    if problems:
        raise ConfigError(file, problems)
    return config


def show(lights: Lights, config: LightsConfig) -> None:
    """One after the other."""
    if not config.pins:
        print("heychip: [lights] names no pin; nothing to show", file=sys.stderr)
    named = [*(("red", "green", "blue", "white") if config.rgb else ()), *(name for name, _ in config.leds)]
    for name in named:
        print(f"{name}", flush=True)
        lights.show(name, EACH_S, time.monotonic())
        _for_s(lights, EACH_S)
    if config.rgb:
        print("from sad to joyful", flush=True)
        for joy in range(11):
            lights.blend(joy / 10)
            _for_s(lights, EACH_S / 4)
    if config.privacy >= 0:
        print("the camera's light", flush=True)
        lights.privacy(True)
        _for_s(lights, EACH_S)


def _for_s(lights: Lights, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while (now_s := time.monotonic()) < end_s:
        lights.step(now_s)
        time.sleep(min(lights.nap_s, end_s - now_s))
