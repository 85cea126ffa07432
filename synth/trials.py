"""People's recordings against bundles: found, mixed, streamed and counted, for `heychip-synth evaluate` and
for the accuracy benchmark. What cannot be read is left out and named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ
from synth import progress
from synth.evaluate import CONDITIONS, LEAD_S, Evaluation, Positive, evaluation
from synth.ingest import printable
from synth.mixtures import TOO_SHORT, Pool, Talk, calls
from synth.recordings import audio_files, end_of_speech, read_mono, voices
from synth.streaming import Answer, Failure, Recipe, answers

NOTHING = np.zeros(0, np.float32)
Conditions = Sequence[tuple[str, float | None]]


@dataclass(frozen=True)
class Trials:
    """What bundles are measured on."""

    positives: tuple[Positive, ...]
    """every phrase in every condition; their sound is made from the recipe when it is needed"""
    calls: tuple[Recipe, ...]
    """of each positive, in the same order"""
    talk: tuple[Recipe, ...]
    """streams without the phrase"""
    left_out: tuple[Failure, ...]
    """recordings of the phrase that cannot be read"""


def gather(
    positives: Path, negatives: Sequence[Path], folder: Path, *, skip: Collection[str] = (), most: int = 0,
    seed: int = 0, conditions: Conditions = CONDITIONS,
) -> Trials:
    """Every recording below `positives`, but for the names to `skip`, in each condition; and all below each
    of `negatives`. `folder` is an empty one to work in. UsageError where there is nothing to measure."""
    files = [file for file in audio_files(positives) if file.name not in skip]
    talk = [file for below in negatives for file in audio_files(below)]
    clips, ends, left_out = _readable(files, most)
    if not clips or not talk:
        why = f"; of the first, {len(left_out)} cannot be read: {_reasons(left_out)}" if left_out else ""
        raise UsageError(f"{len(clips)} recordings of the phrase and {len(talk)} of other sound: both are "
                         f"needed{why}")
    with progress.bar("gathering talk for babble", 1) as done:
        pool = Pool.of(talk, folder, seed)
        done(1)
    speakers = voices(clips, positives)
    made, recipes = [], []
    for name, snr_db in conditions:
        recipes += calls(clips, snr_db, pool, seed)
        made += [Positive(NOTHING, end_s, name, speaker, printable(clip.relative_to(positives)))
                 for clip, end_s, speaker in zip(clips, ends, speakers, strict=True)]
    return Trials(tuple(made), tuple(recipes), tuple(Talk(file) for file in talk), tuple(left_out))


def measure(
    bundles: Sequence[Path | str], trials: Trials, workers: int
) -> tuple[list[Evaluation], list[Failure]]:
    """All trials through all bundles, an Evaluation for each, and all that was left out. Raises ModelError,
    and UsageError where nothing is left to count."""
    with progress.bar("streaming", len(trials.calls) + len(trials.talk)) as done:
        found = answers(bundles, [*trials.calls, *trials.talk], workers, done)
    heard, streams = found[: len(trials.calls)], found[len(trials.calls) :]
    kept = [k for k, answer in enumerate(heard) if not isinstance(answer, Failure)]
    names = [printable(recipe.path.name) for recipe, answer in zip(trials.talk, streams, strict=True)
             if not isinstance(answer, Failure)]
    left_out = [answer for answer in found if isinstance(answer, Failure)]
    if not kept or not names:
        raise UsageError(f"{len(kept)} recordings of the phrase and {len(names)} of other sound of over 2 s: "
                         f"both are needed; left out: {_reasons(left_out)}")
    told = [trials.positives[k] for k in kept]
    found_by = [evaluation(told, _of(heard, b), _of(streams, b), names) for b in range(len(bundles))]
    return found_by, [*trials.left_out, *_once(left_out)]


def tell(left_out: Sequence[Failure]) -> None:
    """Says what was left out, on standard error."""
    short = [failure for failure in left_out if failure.reason == TOO_SHORT]
    for failure in left_out:
        if failure.reason != TOO_SHORT:
            progress.say(f"  left out {printable(failure.path)}: {failure.reason}")
    if short:
        example = printable(short[0].path.name)
        which = f"that {TOO_SHORT}" if len(short) == 1 else f"that are {TOO_SHORT[3:]}"
        progress.say(f"  left out {len(short)} of other sound {which}, as {example}")


def _readable(files: Sequence[Path], most: int) -> tuple[list[Path], list[float], list[Failure]]:
    """The files that can be read, when the phrase ends in each once it is staged, and the others."""
    clips, ends, left_out = [], [], []
    with progress.bar("reading", len(files)) as done:
        for file in files:
            done(1)
            try:
                sound = read_mono(file)
                if not sound.any():
                    raise WavError(file, "holds nothing but zeros")
            except WavError as error:
                left_out.append(Failure(file, error.reason))
                continue
            clips.append(file)
            ends.append(LEAD_S + end_of_speech(sound) / RATE_HZ)
            if len(clips) == most:
                break
    return clips, ends, left_out


def _of(found: Sequence[list[Answer] | Failure], bundle: int) -> list[Answer]:
    return [answer[bundle] for answer in found if not isinstance(answer, Failure)]


def _once(failures: Sequence[Failure]) -> list[Failure]:
    """A recording that fails does so in every condition."""
    return list({failure.path: failure for failure in failures}.values())


def _reasons(left_out: Sequence[Failure]) -> str:
    return "; ".join(f"{printable(failure.path.name)} {failure.reason}" for failure in left_out[:3])
