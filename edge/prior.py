"""Ears helped by eyes: a face that looks this way makes a word likelier, an empty room makes it less likely.

What was heard as often with a face there as without tells as much as before; but if people call k times as
often while their face is there, then by Bayes' rule log k nats speak for a word before it is heard, and its
threshold may be that much lower. How many logits of the detectors a nat is was measured: docs/prior.md.

The listener runs with the lowest thresholds that there may be (`lowest`), and `raised` tells how much more a
score needs at this time: nothing while a face looks this way, `nobody - facing` in an empty room, `-facing`
where the eyes know nothing (somebody turned away, darkness, no camera, or one whose pictures have stopped),
which are the ears' own thresholds. So that what is not enough now may still become it, and disarms nothing,
this goes the way that the gate takes while we speak: see Ensemble.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.events import Face, Seen
from edge.gate import Gate
from edge.prior_config import PriorConfig

FACING = 0.5  # from here on a face looks this way: about 25 degrees to either side
NEVER = -math.inf


def facing(face: Face) -> float:
    """How straight a face looks into the camera: 1 with the nose midway between the eyes, 0 with the nose
    below an eye (some 45 degrees) or beyond it. Measured along the line of the eyes, so that a tilted head
    counts as well. A face without points counts as 1: what finds faces finds straight ones best."""
    if len(face.points) < 3:
        return 1.0
    left, right, nose = face.points[:3]
    across, down = right[0] - left[0], right[1] - left[1]
    square = across * across + down * down
    if not 0 < square < math.inf:  # nor NaN
        return 0.0
    share = ((nose[0] - left[0]) * across + (nose[1] - left[1]) * down) / square
    return max(0.0, 1 - 2 * abs(share - 0.5)) if math.isfinite(share) else 0.0


class Prior:
    """The eyes' thread calls `look`, the ears' thread `raised`; what passes between them is one tuple, which
    is replaced as a whole, so neither waits for the other. All times are those of the stream."""

    def __init__(self, config: PriorConfig) -> None:
        self._config = config
        # when the eyes last looked, since when without a break, and when they last saw a face, and one that
        # looked this way
        self._known = (NEVER, NEVER, NEVER, NEVER)
        self._gate: Gate | None = None

    @property
    def lowest(self) -> float:
        """Logits to be added to the listener's thresholds, 0 or less; `raised` counts from there."""
        return self._config.facing

    def attend(self, gate: Gate) -> None:
        """Goes by the clock of this gate, and asks what it asks for through it."""
        self._gate, gate.prior = gate, self.raised

    def seen(self, seen: Seen) -> None:
        """What was seen in a picture, now; nothing before `attend`."""
        if self._gate is not None:
            self.look(seen.faces, seen.dark, self._gate.stream_s)

    def look(self, faces: Sequence[Face], dark: bool, now_s: float) -> None:
        """A picture has been looked at, and these faces were in it."""
        last_s, since_s, face_s, facing_s = self._known
        if dark:
            self._known = (NEVER, NEVER, face_s, facing_s)
            return
        if not 0 <= now_s - last_s <= self._config.stale_s:
            since_s = now_s
        face_s = now_s if faces else face_s
        facing_s = now_s if any(facing(face) >= FACING for face in faces) else facing_s
        self._known = (now_s, since_s, face_s, facing_s)

    def raised(self, time_s: float) -> float:
        """Logits that a score must be above the listener's thresholds, 0 or more."""
        return self.offset(time_s) - self._config.facing

    def offset(self, time_s: float) -> float:
        """Logits by which the ears' own thresholds are moved: `facing`, 0 or `nobody`."""
        config = self._config
        last_s, since_s, face_s, facing_s = self._known
        if time_s - last_s > config.stale_s:
            return 0.0
        if time_s - facing_s <= config.hold_s:
            return config.facing
        if time_s - max(since_s, face_s) > config.hold_s:
            return config.nobody
        return 0.0


def open_prior(config: PriorConfig) -> Prior | None:
    """What [prior] asks for; None where it is off."""
    return Prior(config) if config.on else None
