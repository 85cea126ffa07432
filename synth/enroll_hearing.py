"""How well a personal bundle hears: its recordings by the detectors that were not trained on them, and false
accepts in recordings that nothing was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone import CONTEXT, HARDENED
from edge.events import HOP_S, STEP
from edge.features import Features
from synth.acoustics import Sound
from synth.backdrop import Backdrop
from synth.dataset import Examples
from synth.enroll_members import Members
from synth.evaluate import Evaluation, Positive, evaluation, stage, summary
from synth.speeds import rows_of
from synth.statistics import events
from synth.streaming import Answer


def hearing(
    words: Sequence[Sound], behind: Backdrop, logits: NDArray[np.float32], members: Members, *,
    thresholds: NDArray[np.float32], seed: int,
) -> Evaluation:
    """Each word [n] in each condition; and the streams of the report way, of which all members, who have
    these thresholds [M], said `logits` [H, M]. The members told of are those of the bundle."""
    from synth.train import scored

    staged = stage([(word, str(k)) for k, word in enumerate(words)], behind.scenery.talk, seed)
    features, trained = Features(HARDENED), members.trained
    rows = [_rows(one.sound, features) for one in staged]
    said = scored(trained.params, np.concatenate(rows), trained.nets).T - thresholds  # compiled for one shape
    heard, at = [], 0
    for one, own in zip(staged, rows, strict=True):
        whole = said[at : at + len(own) - CONTEXT + 1]  # the windows over a seam are nobody's
        heard.append(_answer(whole[:, members.without(int(one.family))]))
        at += len(own)
    ours = slice(0, members.count)
    streams = [_answer((logits[hops] - thresholds)[:, ours]) for hops in _streams(behind.ways["report"])]
    positives = [Positive(one.sound, one.end_s, one.condition, "the person") for one in staged]
    return evaluation(positives, heard, streams)


def figures(found: Evaluation) -> dict[str, Any]:
    """For the manifest. What would be at other rates of false accepts is left out: a few recordings and less
    than an hour of other speech say nothing of it."""
    told = summary(found)
    return {key: told[key] for key in ("false_accepts", "misses", "families", "latency_s")}


def _answer(margins: NDArray[np.float32]) -> Answer:
    """Of the margins [H, N] of the members."""
    best: NDArray[np.float64] = margins.max(axis=1).astype(np.float64)
    return Answer(best, tuple((hop + 1) * HOP_S for hop in events(best)), margins)


def _streams(examples: Examples) -> list[NDArray[np.int64]]:
    """The hops of each stream."""
    if not len(examples.first):
        return []
    return np.split(np.arange(len(examples.first)), np.flatnonzero(np.diff(examples.stream)) + 1)


def _rows(sound: Sound, features: Features) -> NDArray[np.float32]:
    """The embeddings [R, 96] of a sound [n], with those of the quiet room before it."""
    return rows_of(features, np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]))[0]
