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
class Face:
    """One face in a picture."""

    box: tuple[float, float, float, float]
    """left, top, right, bottom, in pixels of the picture"""
    score: float
    """how sure it is that this is a face, 0..1"""
    joy: float
    """0..1, from no smile at all to a laugh"""
    points: tuple[tuple[float, float], ...] = ()
    """x, y of both eyes, left before right as in the picture, of the nose and of the middle of the mouth"""

    @property
    def size(self) -> float:
        """The longer side in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


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
    faces: tuple[Face, ...] = ()
    """the faces in it, largest first, where faces were looked for"""
    dark: bool = False
    """too dark to say anything of it"""


@dataclass(frozen=True)
class Mood:
    """The mood of what the camera sees has become another."""

    name: str
    """joy, sad or calm; or, where there is no mood to be read: nobody, dark, frozen"""
    joy: float
    """the moving average of joy, 0..1; 0 where there is no face"""
    faces: int = 0
    """how many faces were in the last picture"""
    source: str = ""
    """the camera"""


@dataclass(frozen=True)
class Pressed:
    """A button was pressed."""

    button: str
    """its name in the configuration"""


@dataclass(frozen=True)
class Started:
    """The daemon has started."""


@dataclass(frozen=True)
class Said:
    """A line that was spoken."""

    text: str
    """the line"""
    how: str
    """the backend that spoke it: espeak, piper, wav or silent"""
    duration_s: float
    """how long it sounded"""
    file: str = ""
    """the recording that was written, if one was"""


Event = dict[str, Any]
"""One line of the event log: always `event` and `time_s`, then what belongs to it."""
