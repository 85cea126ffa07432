"""The prior at work on streams: people come and go, the eyes look once a second, the real rooms decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import load_bundle
from edge.ensemble import Ensemble
from edge.events import HOP_S, STEP, Face, Heard
from edge.listener import Listener
from edge.prior import Prior
from edge.prior_config import PriorConfig
from synth.mixtures import Talk
from tests.bench.prior_traces import Traces

BEFORE_S = 10  # the eyes have been open for so long when a recording begins
STAY_S = 20.0  # a face that has come stays so long on average
A_FACE = Face((0, 0, 100, 100), 0.9, 0.5)
Schedule = NDArray[np.bool_]


def schedule(share: float, seconds: int, rng: np.random.Generator) -> Schedule:
    """Whether a face is there at each second [BEFORE_S + seconds]: a chain with spells of STAY_S on average,
    and a face there this share of the time."""
    come = share / (1 - share) / STAY_S
    there = [rng.random() < share]
    for chance in rng.random(BEFORE_S + seconds - 1):
        there.append(chance >= 1 / STAY_S if there[-1] else chance < come)
    return np.array(there)


def counted(
    step: Callable[[int], Sequence[Heard]], hops: int, prior: Prior, there: Schedule
) -> list[tuple[float, float]]:
    """Time and score of what counts in a stream: `step(hop)` hears a hop, the eyes look once a second."""
    found, looked = [], 0
    for hop in range(hops):
        while looked < len(there) and looked - BEFORE_S <= hop * HOP_S:
            prior.look([A_FACE] if there[looked] else [], False, float(looked - BEFORE_S))
            looked += 1
        found += [(one.time_s, one.score) for one in step(hop) if one.score >= prior.raised(one.time_s)]
    return found


def on_margins(margins: NDArray[np.float32], config: PriorConfig, base: float, there: Schedule
               ) -> list[tuple[float, float]]:
    """A stream of which only the margins are left, through the real ensemble."""
    prior = Prior(config)
    ensemble = Ensemble("", ["all"], np.zeros(1, np.float32), offset=base + prior.lowest)
    ensemble.raised = prior.raised

    def step(hop: int) -> Sequence[Heard]:
        heard = ensemble.step(margins[hop : hop + 1], (hop + 1) * HOP_S)
        return [heard] if heard else []

    return counted(step, len(margins), prior, there)


def on_sound(bundle: Path, sound: NDArray[np.float32], config: PriorConfig, base: float, there: Schedule
             ) -> list[tuple[float, float]]:
    """A recording [n] at 16 kHz through the real listener."""
    prior = Prior(config)
    listener = Listener([load_bundle(bundle)], offset=base + prior.lowest)
    listener.raise_by(prior.raised)
    whole = np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]).reshape(-1, STEP)
    return counted(lambda hop: listener.step(whole[hop]), len(whole), prior, there)


def simulated(words: Sequence[Traces], config: PriorConfig, base: float, share: float, seed: int = 0) -> int:
    """False accepts in all talk of all words."""
    rng, count = np.random.default_rng(seed), 0
    for margins in (margins for word in words for margins in word.talk):
        there = schedule(share, int(len(margins) * HOP_S) + 1, rng)
        if margins.max() >= base + config.facing:
            count += len(on_margins(margins, config, base, there))
    return count


def compare(
    pairs: Sequence[tuple[Traces, Path]], files: Sequence[Path], config: PriorConfig, base: float, most: int
) -> tuple[int, int, int, float]:
    """The streams that come nearest to each word, once as margins and once as sound: streams, events in the
    one and in the other, and the largest difference of their times or scores."""
    by_name, rng = {path.name: path for path in files}, np.random.default_rng(1)
    streams = first = second = 0
    largest = 0.0
    for word, bundle in pairs:
        for k in np.argsort([-margins.max() for margins in word.talk])[:most]:
            there = schedule(0.3, int(len(word.talk[k]) * HOP_S) + 1, rng)
            one = on_margins(word.talk[k], config, base, there)
            other = on_sound(bundle, Talk(by_name[word.talkers[k]]).sound(), config, base, there)
            streams, first, second = streams + 1, first + len(one), second + len(other)
            if len(one) == len(other) and one:
                largest = max(largest, float(np.abs(np.array(one) - np.array(other)).max()))
    return streams, first, second, largest
