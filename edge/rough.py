"""The rough ear: what the detectors of a listener say when a small student stands in for the backbone.

It tells whether a word may be near, for about a fifth of what the listener costs, and decides nothing. How
near is near enough is another margin for every bundle: logits of one are spread wider than those of another.
So each is first asked about half a minute of talk that comes with the student, and what counts is how far a
margin is on the way from where it usually is to the threshold. Its
streams are its own, so that the exact ones are as if it was not there; the graphs of detectors are shared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge import rough_net
from edge.backbone import CONTEXT, FEW, HARDENED
from edge.detectors import Detectors
from edge.ensemble import NOTHING, Ensemble
from edge.events import STEP
from edge.features import Features
from edge.listener import Listener

Array = NDArray[np.float32]

REACH = 0.68  # of the way from the threshold down to the usual margin: above that a word may be near
LEAST = -8.0  # whatever is usual: a margin above this is near


class RoughEar:
    """State: a stream through the student, and one through the detectors of each bundle."""

    def __init__(self, listener: Listener, graphs: rough_net.RoughGraphs) -> None:
        self._features = Features(net=lambda front: rough_net.Student(graphs, front))
        talk = rough_net.talk()
        self._rows = []
        for detectors, ensemble, _ in listener.rows:
            own = detectors.twin()
            self._rows.append((own, ensemble, min(REACH * _usual(own, ensemble, talk), LEAST)))
        self.level = max(level for *_, level in self._rows)
        """a margin below this is near for none of the bundles"""

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
        for detectors, *_ in self._rows:
            detectors.reset()
        for start in range(0, len(context), FEW * STEP):
            self._features.step(context[start : start + FEW * STEP])

    def go_on(self, missed: Array) -> None:
        """This sounded [k * 1280] since the last hop, and what is said of it does not matter."""
        for start in range(0, len(missed), FEW * STEP):
            self.step(missed[start : start + FEW * STEP])

    def step(self, hops: Array) -> float:
        """Samples [k * 1280] to how far above the level of its bundle the largest margin in these hops
        is, as a logit: above 0 a word may be near. Infinite where it is no number, because then the backbone
        has to be asked."""
        windows = self._features.step(hops)
        nearest = NOTHING
        for detectors, ensemble, level in self._rows:
            margin = ensemble.nearest(detectors.follow(windows)) - level
            nearest = max(nearest, math.inf if math.isnan(margin) else margin)
        return nearest


def _usual(detectors: Detectors, ensemble: Ensemble, talk: Array) -> float:
    """The median margin over the embeddings [n, 96] of talk."""
    windows = np.lib.stride_tricks.sliding_window_view(talk, CONTEXT, axis=0).transpose(0, 2, 1)
    detectors.reset()
    margins = [ensemble.nearest(one[None]) for at in range(0, len(windows) - FEW + 1, FEW)
               for one in detectors.follow(windows[at : at + FEW])]
    return float(np.median(margins))
