"""[prior]: whether, and how far, what the eyes see moves the thresholds of the ears."""

from __future__ import annotations

from dataclasses import dataclass

from edge import config_check as check


@dataclass(frozen=True)
class PriorConfig:
    """[prior]; docs/prior.md tells where the numbers come from"""

    on: bool = check.key(False, check.flag)
    facing: float = check.key(-1.0, check.number(-10, 0))
    """logits added to every threshold while a face looks this way"""
    nobody: float = check.key(2.0, check.number(0, 10))
    """logits added to every threshold while the room is empty"""
    hold_s: float = check.key(3.0, check.number(0, 60))
    """how long a face counts after it was last seen: detectors blink, and people look away and come back"""
    stale_s: float = check.key(5.0, check.number(0.2, 60))
    """pictures older than this tell nothing: the camera hangs, is hot or gone"""
