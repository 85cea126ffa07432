"""[photos]: where the pictures go that rules take, and how many of them are kept."""

from __future__ import annotations

from dataclasses import dataclass

from edge import config_check as check


@dataclass(frozen=True)
class PhotosConfig:
    """[photos]"""

    folder: str = check.key("", check.text(), place="file")
    plain: bool = check.key(True, check.flag)
    """the picture as the camera gave it"""
    annotated: bool = check.key(True, check.flag)
    """the picture with what was seen in it drawn over it"""
    most_mb: float = check.key(500.0, check.number(1, 1_000_000))
    most_files: int = check.key(2_000, check.whole(2, 100_000))
    """then the oldest go"""
