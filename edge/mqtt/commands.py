"""What others may ask of us over MQTT: a line to speak, a light to show."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("say", "light")
MOST_BYTES = 4_096  # of one command; a line that is spoken has 500 characters at most


@dataclass(frozen=True)
class Command:
    """Something asked for."""

    kind: str
    """say or light"""
    text: str
    """the line, or the light"""


def parse(prefix: str, topic: str, payload: bytes, *, retained: bool) -> Command | None:
    """The command in a message, or None where there is none to be obeyed: another topic, too long, not UTF-8,
    nothing readable. What the broker kept from earlier is none either: it would be spoken again at every
    start."""
    kind = topic.removeprefix(f"{prefix}/")
    if retained or kind not in KINDS or topic != f"{prefix}/{kind}" or len(payload) > MOST_BYTES:
        return None
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return Command(kind, text) if text else None
