"""What passes between rooms: small frozen dataclasses, times in seconds of the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000  # what the front end hears
STEP = 1_280  # samples between two decisions
HOP_S = STEP / RATE_HZ  # 0.08 s


@dataclass(frozen=True)
class Chunk:
    """A piece of sound as a microphone gave it."""

    samples: NDArray[np.float32]
    """[n, channels], full scale is -1..1"""
    rate_hz: int
    """samples per second"""
    gap_s: float = 0.0
    """seconds of sound that were lost just before this chunk"""


@dataclass(frozen=True)
class Heard:
    """A word was heard."""

    time_s: float
    """stream time of the decision: the end of the hop at which the threshold was passed"""
    word: str
    """the word of the bundle"""
    member: str
    """the member that was furthest above its threshold"""
    score: float
    """how far above, as a logit"""
    members: tuple[str, ...] = ()
    """all members that were above their thresholds at this hop"""


@dataclass(frozen=True)
class Frame:
    """One picture."""

    pixels: NDArray[np.uint8]
    """[height, width, 3], RGB"""
    source: str
    """a file's path or a camera's name"""


@dataclass(frozen=True)
class Seen:
    """What a classifier says of one picture, or, from `mood`, of a steady row of pictures."""

    label: str
    """the most likely label"""
    score: float
    """its probability, 0..1"""
    source: str = ""
    """the picture or camera it was seen in"""
    top: tuple[tuple[str, float], ...] = ()
    """the most likely labels with their probabilities, best first"""


@dataclass(frozen=True)
class Said:
    """A line that was spoken."""

    text: str
    """the line"""
    how: str
    """the backend that spoke it: espeak, wav or silent"""
    duration_s: float
    """how long it sounded"""
    file: str = ""
    """the recording that was written, if one was"""


Event = dict[str, Any]
"""One line of the event log: always `event` and `time_s`, then what belongs to it."""
