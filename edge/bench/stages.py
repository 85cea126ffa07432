"""The rooms of the listening path, one by one and as a whole, as steps that can be timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.backbone import CONTEXT, SIZE, Backbone
from edge.bench.clock import Step
from edge.bench.sound import MICROPHONE_HZ, Sound
from edge.bundle import Bundle
from edge.detectors import Detectors
from edge.ensemble import Ensemble
from edge.events import HOP_S
from edge.frontend import FrontEnd
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.resample import Resampler
from edge.second_look import SecondLook

WHOLE = "whole listener"
RESAMPLE = f"resample from {MICROPHONE_HZ // 1000} kHz"
LAZY = "with the lazy gate"
LOOK = "second look, a word near"
NEAR_HOPS = 12  # for which it is: the first of them is the dearest


class Ears(Protocol):
    """What hears."""

    def step(self, samples: NDArray[np.float32]) -> object:
        """Samples [n] to what was heard."""


VARIANTS: Mapping[str, Callable[[Sequence[Bundle]], Ears]] = {
    WHOLE: Listener, LAZY: lambda bundles: LazyListener(Listener(bundles)),
}  # fmt: skip
"""Listeners that are measured, by name. The first is the one that growth is measured with."""


def listener(bundles: Sequence[Bundle], variant: str = WHOLE, *, looks: bool = False) -> Ears:
    """A listener of its own for these bundles; unless it `looks`, as it is while no word is near: the sound
    of a benchmark, a word again and again, would ask for the second look all the time. Raises ModelError."""
    plain = [replace(one, manifest=replace(one.manifest, speeds=())) for one in bundles]
    return VARIANTS[variant](bundles if looks else plain)


def listeners_of(bundles: Sequence[Bundle], sound: Sound) -> dict[str, Step]:
    """A step for each of `VARIANTS`. Raises ModelError."""
    return {name: hearing(listener(bundles, name), sound) for name in VARIANTS}


def rooms_of(bundles: Sequence[Bundle], sound: Sound) -> dict[str, Step]:
    """A step for each room. Raises ModelError."""
    rooms = _Rooms(bundles, sound)
    steps: dict[str, Step] = {
        RESAMPLE: rooms.resample, "front end (mel)": rooms.front_end, "backbone": rooms.backbone,
        "detectors": rooms.detectors, "ensemble": rooms.ensemble}
    return steps | ({LOOK: rooms.second_look} if rooms.looks else {})


def hearing(ears: Ears, sound: Sound) -> Step:
    """A whole listener as a step."""

    def step(hop: int) -> None:
        ears.step(sound.hop(hop))

    return step


class _Rooms:
    """The same rooms as a listener has, each fed with what the one before it gave."""

    def __init__(self, bundles: Sequence[Bundle], sound: Sound) -> None:
        self._sound, self._microphone = sound, sound.at_microphone()
        self._resampler = Resampler(MICROPHONE_HZ)
        names = dict.fromkeys(bundle.manifest.backbone for bundle in bundles)
        self._fronts = {name: FrontEnd() for name in names}
        self._backbones = {name: Backbone(name) for name in names}
        self._hear = [bundle.manifest.backbone for bundle in bundles]
        self._detectors = [Detectors(bundle) for bundle in bundles]
        self._ensembles = [Ensemble(d.word, d.names, d.thresholds) for d in self._detectors]
        self.looks = [
            (SecondLook(d, bundle.manifest.backbone, bundle.manifest.speeds, 0.0), d.thresholds[None])
            for d, bundle in zip(self._detectors, bundles, strict=True) if bundle.manifest.speeds
        ]
        self._mel: dict[str, NDArray[np.float32]] = {}
        self._windows = {name: np.zeros((CONTEXT, SIZE), np.float32) for name in names}
        self._logits: list[NDArray[np.float32]] = []

    def resample(self, hop: int) -> None:
        self._resampler.step(self._microphone[hop % len(self._microphone)])

    def front_end(self, hop: int) -> None:
        samples = self._sound.hop(hop)
        self._mel = {name: front.step(samples) for name, front in self._fronts.items()}

    def backbone(self, _hop: int) -> None:
        for name, backbone in self._backbones.items():
            new = backbone.step(self._mel[name])
            self._windows[name] = np.concatenate([self._windows[name][len(new) :], new])

    def detectors(self, _hop: int) -> None:
        pairs = zip(self._detectors, self._hear, strict=True)
        self._logits = [detectors.follow(self._windows[name][None])[0] for detectors, name in pairs]

    def second_look(self, hop: int) -> None:
        """As if a word had come near every second or so, for a few hops."""
        for look, thresholds in self.looks:
            if hop % NEAR_HOPS == 0:
                look.reset()
            look.step(self._sound.hop(hop), thresholds)

    def ensemble(self, hop: int) -> None:
        for ensemble, logits in zip(self._ensembles, self._logits, strict=True):
            ensemble.step(logits, hop * HOP_S)
