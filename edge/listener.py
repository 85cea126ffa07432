"""The listening pipeline: 16 kHz samples in, words out. The same object serves daemon, replay and training.

    resampled sound -> features (front end, backbone) -> detectors -> (second look) -> ensemble -> Heard
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.backbone import CONTEXT, FEW, REFERENCE
from edge.bundle import Bundle
from edge.detectors import Detectors
from edge.ensemble import NOTHING, Ensemble
from edge.events import HOP_S, STEP, Heard
from edge.features import Features
from edge.second_look import SecondLook

log = logging.getLogger(__name__)

SAME_WORD_S = 1.0  # two bundles of one word that fire closer than this are one event
SLOW_SHARE = 0.25  # a bundle that takes more than this part of a hop is worth a warning
PROBES = 5
Watch = Callable[[Ensemble, float, Heard | None], None]
NO_SOUND = np.zeros(0, np.float32)


class Listener:
    """Hears the words of one or more bundles. State: the rest of an unfinished hop, and all rooms below."""

    def __init__(
        self,
        bundles: Sequence[Bundle],
        *,
        refractory_s: float = 1.0,
        release: float = 1.0,
        offset: float = 0.0,
    ) -> None:
        self._detectors = [Detectors(bundle) for bundle in bundles]
        names = [bundle.manifest.backbone for bundle in bundles] or [REFERENCE]
        self._backbones = list(dict.fromkeys(names))
        self._features = [Features(name) for name in self._backbones]
        self._hear = [self._backbones.index(bundle.manifest.backbone) for bundle in bundles]
        self.ensembles = [
            Ensemble(d.word, d.names, d.thresholds, refractory_s=refractory_s, release=release, offset=offset)
            for d in self._detectors
        ]
        self._looks = [
            SecondLook(d, bundle.manifest.backbone, bundle.manifest.speeds, offset) if bundle.manifest.speeds
            else None for d, bundle in zip(self._detectors, bundles, strict=True)
        ]
        self._cost_s = [_cost_s(d) for d in self._detectors]
        for detectors, cost_s in zip(self._detectors, self._cost_s, strict=True):
            if cost_s > SLOW_SHARE * HOP_S:
                log.warning("event=slow_model word=%r ms=%.1f hop_ms=%.0f",
                            detectors.word, cost_s * 1e3, HOP_S * 1e3)
        self.bad_samples = 0
        self.watch: Watch | None = None
        """is told of every decision: the ensemble, the time and the event, if it is one"""
        self.reset()

    @property
    def words(self) -> tuple[str, ...]:
        """The words that can be heard."""
        return tuple(e.word for e in self.ensembles)

    @property
    def rows(self) -> list[tuple[Detectors, Ensemble, str]]:
        """Of each bundle the detectors, what decides on them, and the backbone that they were trained on."""
        names = [self._backbones[which] for which in self._hear]
        return list(zip(self._detectors, self.ensembles, names, strict=True))

    @property
    def health(self) -> str:
        """How many members of all bundles answer, as "3/4"; the others gave nonsense and are left out."""
        members = sum(len(e.names) for e in self.ensembles)
        return f"{members - sum(len(e.quarantined) for e in self.ensembles)}/{members}"

    def reset(self) -> None:
        """Forget the stream and start again at 0 s in a quiet room."""
        for features in self._features:
            features.reset()
        for detectors, ensemble in zip(self._detectors, self.ensembles, strict=True):
            detectors.reset()
            ensemble.reset()
        for look in self._looks:
            if look is not None:
                look.reset()
        self._rest = NO_SOUND
        self._hops = 0
        self._same = [0] * len(self._features)  # hops in a row with the embedding of the one before
        self._first = [0.0] * len(self._features)  # the first number of that
        self._last: dict[str, float] = {}
        self.margins: list[float] = []

    def raise_by(self, raised: Callable[[float], float]) -> None:
        """`raised(time_s)` tells how far above its threshold a score must be, in logits; see Ensemble."""
        for ensemble in self.ensembles:
            ensemble.raised = raised

    @property
    def armed(self) -> bool:
        """Whether every word could be heard at the next hop."""
        return all(ensemble.armed for ensemble in self.ensembles)

    @property
    def time_s(self) -> float:
        """Stream time up to which decisions have been taken."""
        return self._hops * HOP_S

    def step(self, samples: NDArray[np.float32]) -> list[Heard]:
        """Samples [n], full scale -1..1, to what was heard. `margins` then holds one number for every hop of
        this call: the largest over all members of logit minus threshold."""
        sound = self._clean(samples)
        if len(self._rest):
            sound = np.concatenate([self._rest, sound])
        whole = len(sound) // STEP * STEP
        self._rest = sound[whole:].copy() if whole < len(sound) else NO_SOUND
        windows = [features.step(sound[:whole]) for features in self._features]
        heard, self.margins = list[Heard](), []
        if whole:
            self._decide(sound[:whole], windows, heard)
            # Each number of an embedding is a sum over all that is there: none is a number if not all.
            if not math.isfinite(sum(self._first)):
                self._lose([which for which, found in enumerate(windows) if not _finite(found[-1, -1])])
        return heard

    def _lose(self, lost: Sequence[int]) -> None:
        """Begin anew where the features are no numbers."""
        for which in lost:
            log.warning("event=features_not_finite backbone=%s action=reset", self._backbones[which])
            self._features[which].reset()
        for detectors, which in zip(self._detectors, self._hear, strict=True):
            if which in lost:
                detectors.reset()

    def skip(self, hops: int, context: NDArray[np.float32]) -> None:
        """Let so many hops pass without decisions; `context` [k * 1280] is how the last of them sounded, long
        enough for all that the next decision depends on."""
        self._hops += hops
        for features in self._features:
            for start in range(0, len(context), FEW * STEP):  # as what is heard comes from the gate: a graph
                features.step(context[start : start + FEW * STEP])  # for more is cold, and no quicker
        for detectors, look in zip(self._detectors, self._looks, strict=True):
            detectors.reset()
            if look is not None:
                look.remember(context)
        self._same = [0] * len(self._features)

    def _clean(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """One bad sample would stay in the state of the features, so it never gets there."""
        if _finite(samples):
            return samples
        finite = np.isfinite(samples)
        self.bad_samples += int((~finite).sum())
        log.warning("event=bad_samples count=%d total=%d", int((~finite).sum()), self.bad_samples)
        return np.where(finite, samples, np.float32(0))

    def _decide(
        self, sound: NDArray[np.float32], windows: Sequence[NDArray[np.float32]], heard: list[Heard]
    ) -> None:
        """What the windows [k, 16, 96] of each backbone say of the sound [k * 1280], hop by hop; what is
        heard goes into `heard`."""
        logits = []
        for detectors, look, which in zip(self._detectors, self._looks, self._hear, strict=True):
            found = detectors.follow(windows[which])
            logits.append(look.step(sound, found) if look else found)
        for hop in range(len(windows[0])):
            fresh = [self._fresh(which, found, hop) for which, found in enumerate(windows)]
            self._hops += 1
            margin, now_s = NOTHING, self._hops * HOP_S
            for ensemble, said, which in zip(self.ensembles, logits, self._hear, strict=True):
                event = ensemble.step(said[hop], now_s, fresh=fresh[which])
                margin = max(margin, ensemble.margin)  # never NaN: the ensemble leaves those out
                if self.watch is not None:
                    self.watch(ensemble, now_s, event)
                if event is None:
                    continue
                if ensemble.again or event.time_s - self._last.get(event.word, -SAME_WORD_S) >= SAME_WORD_S:
                    heard.append(event)
                    if not ensemble.short:  # it counts for nothing, so another bundle may still be enough
                        self._last[event.word] = event.time_s
            self.margins.append(margin)

    def _fresh(self, which: int, windows: NDArray[np.float32], hop: int) -> bool:
        """Whether a window of [k, 16, 96] differs from that of the hop before: it does not where the last
        embedding has come as often as a window is long, and once more. Its first number tells nearly always,
        and is taken out as a plain one: numpy's code is out of the cache after the graphs, and costs more."""
        before = self._first[which]
        self._first[which] = first = float(windows.item(hop, -1, 0))
        if first != before or not np.array_equal(windows[hop, -1], windows[hop, -2]):
            self._same[which] = 0
            return True
        self._same[which] += 1
        return self._same[which] < CONTEXT

    def flush(self) -> list[Heard]:
        """What is still to be heard where a stream ends: nothing, each hop was decided when it was full."""
        return []

    def shed(self) -> str | None:
        """Give up the costliest bundle, because the hops come faster than they can be served. Returns its
        word, or None where only one bundle is left: a daemon that hears late is better than a deaf one."""
        if len(self._detectors) < 2:
            return None
        worst = int(np.argmax(self._cost_s))
        word = self._detectors[worst].word
        for row in (self._detectors, self.ensembles, self._looks, self._hear, self._cost_s):
            del row[worst]
        for unheard in sorted(set(range(len(self._features))) - set(self._hear), reverse=True):
            del self._features[unheard], self._backbones[unheard], self._same[unheard], self._first[unheard]
            self._hear = [which - (which > unheard) for which in self._hear]
        log.warning("event=shed word=%r why=too_slow", word)
        return word


def _finite(numbers: NDArray[np.float32]) -> bool:
    """A sum of squares is a number only if all of them are. Where it is none, it may only be too large."""
    return math.isfinite(numbers.dot(numbers)) or bool(np.isfinite(numbers).all())


def _cost_s(detectors: Detectors) -> float:
    """Seconds that one decision of a bundle takes, the median of a few."""
    window = np.zeros((16, 96), np.float32)
    costs = []
    for _ in range(PROBES):
        start = time.perf_counter()
        detectors.step(window)
        costs.append(time.perf_counter() - start)
    return float(np.median(costs))
