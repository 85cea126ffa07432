"""[mood]: when what the camera sees is joy, sadness, or nothing to have a mood."""

from __future__ import annotations

from dataclasses import dataclass

from edge import config_check as check


@dataclass(frozen=True)
class MoodConfig:
    """[mood]"""

    frames: int = check.key(10, check.whole(1, 1000))
    """pictures with a face that the average of joy is taken over"""
    joy: float = check.key(0.85, check.number(0.0, 1.0))
    """the average above which it is joy"""
    sad: float = check.key(0.10, check.number(0.0, 1.0))
    """the average below which it is sadness"""
    hysteresis: float = check.key(0.05, check.number(0.0, 0.5))
    """how far the average must come back over the limit before joy or sadness is over"""
    dwell_s: float = check.key(3.0, check.number(0, 3600))
    """how long a mood stays at least"""
    nobody_frames: int = check.key(3, check.whole(1, 1000))
    """pictures in a row without a face before it is nobody"""
    dark_frames: int = check.key(3, check.whole(1, 1000))
    """pictures in a row that are too dark before it is dark"""
    frozen_frames: int = check.key(30, check.whole(0, 100_000))
    """pictures in a row that are the same, pixel by pixel, before the camera is frozen; 0 for never"""

    def problems(self) -> list[str]:
        """What no key shows alone."""
        if self.sad + self.hysteresis < self.joy - self.hysteresis:
            return []
        found = f"sad {self.sad} and joy {self.joy} with hysteresis {self.hysteresis}"
        return [f"mood: {found} leave no calm between them; expected sad + hysteresis < joy - hysteresis"]
