"""Where in what the microphone hears does the line begin that we have just begun to play?

Between handing a line to a player and its first sound lies the start of a program, a sound server's buffer
and a sound card's: never the same twice. The line itself is known, so it is looked for: by the generalised
cross-correlation with phase transform (Knapp and Carter, 1976), over the band in which speech is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.events import RATE_HZ

Samples = NDArray[np.float32]

LOW_HZ, HIGH_HZ = 150.0, 3800.0
CLEAR = 9.0  # a peak so many times higher than its surroundings (rms) is no accident


def find(heard: Samples, played: Samples) -> tuple[int, float]:
    """The sample of `heard` at which `played` begins, and how clear that is (times the rms of all other
    delays; see CLEAR). `played` may go on beyond the end of `heard`; only delays of 0 or more are looked at,
    and as much of both as sounds together there."""
    size = 1 << int(np.ceil(np.log2(2 * len(heard))))
    played = played[: len(heard)]
    theirs, ours = np.fft.rfft(heard, size), np.fft.rfft(played, size)
    cross = theirs * ours.conj()
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    strength = np.abs(cross)
    # bins in which neither has anything to say would only add noise of full weight
    least = 1e-3 * strength.max() + 1e-20
    weight = np.where((hz > LOW_HZ) & (hz < HIGH_HZ), 1 / np.maximum(strength, least), 0)
    likeness = np.fft.irfft(cross * weight)[: len(heard)]
    best = int(np.argmax(likeness))
    rms = float(np.sqrt(np.mean(np.square(likeness)))) or 1.0
    return best, float(likeness[best]) / rms
