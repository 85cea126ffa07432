"""[memory]: whether, and how much, of what the field sounds like is kept. Nothing is without a folder."""

from __future__ import annotations

from dataclasses import dataclass

from edge import config_check as check


@dataclass(frozen=True)
class MemoryConfig:
    """[memory]"""

    folder: str = check.key("", check.text(), place="file")
    """where the recordings go; nothing is kept where it is empty"""
    before_s: float = check.key(3.0, check.number(2.0, 30))
    """of each recording, before the decision; all that a decision depends on lasts 2 s"""
    after_s: float = check.key(1.0, check.number(0, 10))
    near: float = check.key(1.0, check.number(0, 20))
    """logits below the threshold at which a near-miss begins; 0 keeps none"""
    most_mb: float = check.key(200.0, check.number(1, 1_000_000))
    most_files: int = check.key(1_000, check.whole(1, 100_000))
