"""The rough ear: what the detectors of a listener say when a small student stands in for the backbone.

It tells whether a word may be near, for about a tenth of what the backbone costs, and decides nothing. Its
streams are its own, so that the exact ones are as if it was not there; the graphs of detectors are shared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge import rough_net
from edge.backbone import FEW, HARDENED, Features, Graphs
from edge.ensemble import NOTHING
from edge.events import STEP
from edge.listener import Listener

Array = NDArray[np.float32]


class RoughEar:
    """State: a stream through the student, and one through the detectors of each bundle."""

    def __init__(self, listener: Listener, graphs: Graphs) -> None:
        self._features = Features(graphs=graphs)
        self._rows = [(detectors.twin(), ensemble) for detectors, ensemble, _ in listener.rows]

    @classmethod
    def of(cls, listener: Listener) -> RoughEar | None:
        """That of a listener; None where one of its bundles hears through another backbone than the one whose
        student there is."""
        rows = listener.rows
        if not rows or any(name != HARDENED for *_, name in rows):
            return None
        graphs = rough_net.graphs()
        return None if graphs is None else cls(listener, graphs)

    def begin(self, context: Array) -> None:
        """A new stream, before which this sounded [k * 1280]; in a quiet room before that."""
        self._features.reset()
        for detectors, _ in self._rows:
            detectors.reset()
        for start in range(0, len(context), FEW * STEP):
            self._features.step(context[start : start + FEW * STEP])

    def go_on(self, missed: Array) -> None:
        """This sounded [k * 1280] since the last hop, and what is said of it does not matter."""
        for start in range(0, len(missed), FEW * STEP):
            self.step(missed[start : start + FEW * STEP])

    def step(self, hops: Array) -> float:
        """Samples [k * 1280] to the largest margin in any of these hops, as a logit; infinite where it is no
        number, because then the backbone has to be asked."""
        windows = self._features.step(hops)
        nearest = NOTHING
        for detectors, ensemble in self._rows:
            margin = ensemble.nearest(detectors.follow(windows))
            nearest = max(nearest, math.inf if math.isnan(margin) else margin)
        return nearest
