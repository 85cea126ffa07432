"""No lights: where none are configured, or where there are no pins and they are optional."""

from __future__ import annotations

from edge.colours import Colour


class NoPins:
    """Shows nothing."""

    def rgb(self, _: Colour, /) -> None:
        """Nothing."""

    def led(self, _: str, __: bool, /) -> None:
        """Nothing."""

    def privacy(self, _: bool, /) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
