"""How well a personal bundle hears: its recordings by the detectors that were not trained on them, and false
accepts in recordings that nothing was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED
from edge.events import HOP_S, STEP
from edge.features import Features
from synth.acoustics import Sound
from synth.backdrop import Backdrop
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
    these thresholds [M], said `logits` [H, M]. The members told of are those of the bundle. With a second
    look where the bundle gives one."""
    staged = stage([(word, str(k)) for k, word in enumerate(words)], behind.scenery.talk, seed)
    said = _said([one.sound for one in staged], (1.0, *behind.speeds), members)
    heard = [_answer((own - thresholds)[:, members.without(int(one.family))])
             for one, own in zip(staged, said, strict=True)]  # fmt: skip
    ours = slice(0, members.count)
    streams = [_answer((logits[hops] - thresholds)[:, ours]) for hops in behind.ways["report"].streams()]
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


def _said(sounds: Sequence[Sound], speeds: Sequence[float], members: Members) -> list[NDArray[np.float32]]:
    """Of each sound [n], after a quiet room, what all members say [H, M]: the mean over these speeds."""
    from synth.train import scored

    features = Features(HARDENED)
    whole = [np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]) for sound in sounds]
    heard = [[rows_of(features, sound, speed) for speed in speeds] for sound in whole]
    table = np.concatenate([rows for looks in heard for rows, _ in looks])
    logits = np.concatenate([scored(part.params, table, part.nets) for part in members.all()]).T
    said, at = [], 0
    for looks in heard:
        total = np.zeros((len(looks[0][1]), logits.shape[1]), np.float32)
        for rows, first in looks:
            total += logits[at + first]
            at += len(rows)
        said.append(total / np.float32(len(looks)))
    return said
