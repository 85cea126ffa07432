"""What the kernel calls its sound cards: names that stay when their numbers change.

PortAudio shows a card's number, which depends on the order in which cards were found. The card's id (of
/proc/asound/cards) stays, except where two cards are equal: `Device` and `Device_1` go by that order too.
What tells equal microphones apart is the socket that each one is plugged into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge.microphone.device import Device

PROC = Path("/proc/asound")
_CARD = re.compile(r"^ *(\d+) \[(\S+)\s*\]:.*\n(.*)", re.MULTILINE)
_SOCKET = re.compile(r"\bat (usb-[^\s,]+)")
_NUMBER = re.compile(r"\(hw:(\d+),\d+\)")
_WANTED = re.compile(r"(?:(?:plug)?hw:)?(?:card=)?([a-z]\w*)(?:,(?:dev=)?\d+)?")


@dataclass(frozen=True)
class Card:
    """One sound card."""

    id: str
    """as in `hw:CARD=id`"""
    socket: str = ""
    """where it is plugged in, for example usb-0000:01:00.0-1.2; nothing for a card that is built in"""


def cards(proc: Path = PROC) -> dict[int, Card]:
    """The cards by the number that they have now; none where there is no ALSA."""
    try:
        text = (proc / "cards").read_text(errors="replace")
    except OSError:
        return {}
    found = {}
    for number, name, more in _CARD.findall(text):
        socket = _SOCKET.search(more)
        found[int(number)] = Card(name, socket[1] if socket else "")
    return found


def with_cards(devices: Iterable[Device], proc: Path = PROC) -> list[Device]:
    """The same devices, each with its card's id and socket where it is one of ALSA's."""
    known = cards(proc)
    return [_with_card(device, known) for device in devices]


def _with_card(device: Device, known: dict[int, Card]) -> Device:
    number = _NUMBER.search(device.name)
    card = known.get(int(number[1])) if number else None
    return replace(device, card=card.id, socket=card.socket) if card else device


def is_called(device: Device, wanted: str) -> bool:
    """Whether `wanted`, in any case of letters, is the id of a device's card (alone or as in hw:CARD=id) or
    the socket that it is plugged into. The whole of it: Device is no part of Device_1, nor 1-1 of 1-1.2."""
    if not device.card:
        return False
    asked = wanted.casefold().strip()
    name = _WANTED.fullmatch(asked)
    return asked == device.socket.casefold() or bool(name and name[1] == device.card.casefold())
