"""A sound device, as a backend lists it."""

from __future__ import annotations

from dataclasses import dataclass

PULSE = "pulse:"  # before the name of a source of PulseAudio (or of PipeWire in its place)


@dataclass(frozen=True)
class Device:
    """A sound device as a backend lists it."""

    index: int
    """its number now; it may be another after the next boot, so nothing is chosen by it"""
    name: str
    api: str
    """ALSA, Core Audio and so on"""
    inputs: int
    """channels that it records, at most"""
    outputs: int
    """channels that it plays, at most"""
    rate_hz: int
    """its own rate"""
    default_input: bool = False
    default_output: bool = False
    card: str = ""
    """the id of its card, where it is one of ALSA's"""
    socket: str = ""
    """what its card is plugged into, where that is USB"""

    @property
    def place(self) -> str:
        """` CARD=Device usb-0000:01:00.0-1.2`, or less where less is known."""
        return (f" CARD={self.card}" if self.card else "") + (f" {self.socket}" if self.socket else "")

    def __str__(self) -> str:
        return f"{self.name} ({self.api}, {self.inputs} in, {self.rate_hz} Hz){self.place}"
