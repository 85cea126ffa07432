"""What the daemon is put together from, so that tests and other programs may put it together otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.camera import Camera
from edge.events import Frame, Heard, Seen
from edge.microphone import Microphone
from edge.own_voice import OwnVoice
from edge.speech import Speech

if TYPE_CHECKING:
    from edge.mood import Moods
    from edge.prior import Prior
    from edge.remember import Remember

Samples = NDArray[np.float32]


class Resampling(Protocol):
    """See edge.resample.Resampler."""

    def step(self, x: Samples, /) -> Samples: ...

    def flush(self) -> Samples: ...

    def reset(self) -> None: ...


class Listening(Protocol):
    """See edge.listener.Listener: 16 kHz samples [n] to what was heard, times counted from the last reset."""

    def step(self, samples: Samples, /) -> list[Heard]: ...

    def reset(self) -> None: ...

    def flush(self) -> list[Heard]: ...

    def shed(self) -> str | None: ...

    def raise_by(self, raised: Callable[[float], float], /) -> None: ...

    @property
    def health(self) -> str: ...


class Looking(Protocol):
    """See edge.classifier.Classifier and edge.faces.Faces."""

    def classify(self, frame: Frame, /) -> Seen: ...


class Steadying(Protocol):
    """See edge.mood.Steady."""

    def step(self, seen: Seen, /) -> Seen | None: ...

    def reset(self) -> None: ...


@dataclass(frozen=True)
class Ear:
    """What hearing needs."""

    microphone: Callable[[], Microphone]
    """opens it, again and again where it goes away; raises DeviceError"""
    resampler: Callable[[int], Resampling]
    """from a rate in Hz to 16 kHz"""
    listener: Listening


@dataclass(frozen=True)
class Eye:
    """What seeing needs."""

    camera: Callable[[], Camera]
    """opens it; raises DeviceError"""
    classifier: Looking
    steady: Steadying
    more: tuple[tuple[Looking, Steadying], ...] = ()
    """others that look at every picture, too"""
    faces: Looking | None = None
    """the one of them that looks for faces"""
    moods: Moods | None = None
    """what it feeds"""
    prior: Prior | None = None
    """what helps the ears"""


@dataclass(frozen=True)
class Parts:
    """All that the daemon is given; ears or eyes may be missing."""

    speech: Speech
    ear: Ear | None = None
    eye: Eye | None = None
    memory: Remember | None = None
    """the ear's listener, where it is one that remembers"""
    own_voice: OwnVoice | None = None
    """scores our lines before they are spoken; without it the ears are closed while we speak"""
