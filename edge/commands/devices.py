"""`heychip devices`: what can be listened with and spoken through."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.errors import DeviceError
from edge.microphone import Device, list_devices


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "devices",
        help="list microphones, speakers and pins",
        description="Lists sound devices, * the default. "
        "Put a part of a name or a CARD=... into "
        "[microphone] device; where two are equal, the usb-... that one is plugged into.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, also where there are none. Raises DeviceError where they cannot be listed."""
    devices = list_devices()
    if args.json:
        for device in devices:
            print(json.dumps(asdict(device)))
        return 0
    if not devices:
        print("heychip: no sound devices; connect one, or install libasound2-plugins", file=sys.stderr)
    for title, kept in (("microphones", inputs(devices)), ("speakers", outputs(devices))):
        if kept:
            print(f"{title}:")
            print("\n".join(kept))
    print("\n".join(pins()), end="")
    return 0


def pins(chips: Path = Path("/dev")) -> list[str]:
    """A few lines on the pins for lights and buttons, where there are any."""
    if not any(chips.glob("gpiochip*")):
        return []
    from edge.pins import board

    try:
        return ["pins:", f"  {board()}; `heychip lights` shows which light is on which", ""]
    except DeviceError as error:
        return ["pins:", f"  {error}", ""]


def inputs(devices: list[Device]) -> list[str]:
    """A line for each device that records."""
    return [_line(d, d.inputs, d.default_input) for d in devices if d.inputs]


def outputs(devices: list[Device]) -> list[str]:
    """A line for each device that plays."""
    return [_line(d, d.outputs, d.default_output) for d in devices if d.outputs]


def _line(device: Device, channels: int, default: bool) -> str:
    mark = "*" if default else " "
    return f"{mark} {device.name}  [{device.api}, {channels} ch, {device.rate_hz} Hz]{device.place}"
