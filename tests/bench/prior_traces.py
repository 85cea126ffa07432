"""What the ears make of recordings, hop by hop: the margins that the simulation of the prior works on."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, WavError
from synth import progress
from synth.streaming import Recipe, Stage
from synth.trials import gather

CONDITIONS = (("clean", None), ("noisy", 10.0))
Margins = NDArray[np.float32]


@dataclass(frozen=True)
class Traces:
    """One word: every call in each condition, and every stream of other speech."""

    word: str
    calls: tuple[Margins, ...]
    """the largest logit above its threshold, [H] for each call"""
    callers: tuple[str, ...]
    """the recording of each call; clean and noisy ones of the same are one"""
    conditions: tuple[str, ...]
    talk: tuple[Margins, ...]
    talkers: tuple[str, ...]
    """the recording of each stream"""


def traces(words: Sequence[tuple[Path, Path]], negatives: Sequence[Path]) -> list[Traces]:
    """For each word, a folder of its calls and its bundle: all recordings through the pipeline of the daemon.
    Raises ModelError, UsageError."""
    stage, told = Stage([bundle for _, bundle in words]), []
    talk: dict[Path, list[Margins]] = {}
    for which, (positives, _) in enumerate(words):
        with tempfile.TemporaryDirectory(prefix="heychip-") as folder:
            trials = gather(positives, negatives, Path(folder), conditions=CONDITIONS)
            calls = _heard(stage, trials.calls, f"streaming {positives.name}")
        if not talk:
            found = _heard(stage, trials.talk, "streaming other speech")
            talk = {recipe.path: margins for recipe, margins in found}
        if not calls or not talk:
            raise UsageError(f"{positives}: {len(calls)} calls and {len(talk)} streams can be read")
        kinds = {id(a): b.condition for a, b in zip(trials.calls, trials.positives, strict=True)}
        told.append(Traces(
            positives.name, tuple(margins[which] for _, margins in calls),
            tuple(recipe.path.name for recipe, _ in calls), tuple(kinds[id(recipe)] for recipe, _ in calls),
            tuple(margins[which] for margins in talk.values()), tuple(path.name for path in talk)))
    return told


def _heard(stage: Stage, recipes: Sequence[Recipe], what: str) -> list[tuple[Recipe, list[Margins]]]:
    """Every recipe that can be read, with the margins [H] of each bundle."""
    found = []
    with progress.bar(what, len(recipes)) as done:
        for recipe in recipes:
            done(1)
            try:
                answers = stage.answers(recipe.sound())
            except WavError as error:
                progress.say(f"  left out {recipe.path}: {error.reason}")
                continue
            found.append((recipe, [one.margins.astype(np.float32) for one in answers]))
    return found


def save(path: Path, told: Sequence[Traces]) -> None:
    """All words in one .npz."""
    rows: dict[str, NDArray[np.generic]] = {"words": np.array([one.word for one in told])}
    for one in told:
        for kind, margins in (("calls", one.calls), ("talk", one.talk)):
            rows[f"{one.word}.{kind}"] = np.concatenate(margins)
            rows[f"{one.word}.{kind}.n"] = np.array([len(m) for m in margins])
        for name in ("callers", "conditions", "talkers"):
            rows[f"{one.word}.{name}"] = np.array(getattr(one, name))
    np.savez_compressed(path, **rows)  # type: ignore[arg-type]  # numpy's stub takes its options for these


def load(path: Path) -> list[Traces]:
    """What `save` wrote."""
    with np.load(path) as rows:
        return [Traces(word, _split(rows, f"{word}.calls"), _texts(rows[f"{word}.callers"]),
                       _texts(rows[f"{word}.conditions"]), _split(rows, f"{word}.talk"),
                       _texts(rows[f"{word}.talkers"])) for word in _texts(rows["words"])]


def _split(rows: np.lib.npyio.NpzFile, name: str) -> tuple[Margins, ...]:
    return tuple(np.split(rows[name], np.cumsum(rows[f"{name}.n"])[:-1]))


def _texts(row: NDArray[np.generic]) -> tuple[str, ...]:
    return tuple(str(one) for one in row)
