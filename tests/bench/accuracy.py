"""Accuracy on recordings of real people: heychip's bundles beside openWakeWord's models, on the same files.

    python -m tests.bench.accuracy --positives DIR:WORD ... --negatives DIR ...
                                   [--bundle DIR ...] [--openwakeword NAME|MODEL.onnx ...] [--json]

For instance, with 180 recordings of "alexa" in a folder and some hours of other speech in another:

    heychip-synth make alexa --out alexa
    python -m tests.bench.accuracy --positives recordings/alexa:alexa --negatives speech \
        --bundle alexa --openwakeword alexa

Every recording is written once clean and once with babble or pink noise at 10 dB, and every system hears
these very files. Given are the misses at 0.1, 0.5 and 1 false accepts an hour and at each system's own
threshold (0.5 for openWakeWord) with the false accepts an hour there, all with 95 % intervals, and paired
differences.

openWakeWord's models run through heychip's pipeline, which is many times faster than its own; that both give
the same scores, but for the first two seconds of a stream, is checked each time on a few of the files.
`--openwakeword alexa` fetches the package openwakeword 0.5.1 from PyPI with pip into heychip's cache; its
models are CC-BY-NC-SA. A word of 180 recordings and three hours of speech take a few minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import load_bundle
from edge.detectors import logit
from edge.errors import HeychipError, UsageError, WavError
from edge.events import RATE_HZ
from edge.replay import samples_of
from edge.wav import write_wav
from synth import progress
from synth.acoustics import Sound
from synth.details import against
from synth.evaluate import Evaluation, share, summary
from synth.ingest import printable
from synth.mixtures import Written
from synth.streaming import Failure, Recipe, Stage
from synth.trials import Trials, gather, measure, tell
from tests.bench.open_wake_word import AHEAD, MUTE, SETTLED, fetch, model_path, own_scores
from tests.bench.packages import CACHE
from tests.bench.table import CONDITIONS, text

CHECKED = 3  # calls that openWakeWord's own code hears, too


@dataclass(frozen=True)
class System:
    """Something that is measured."""

    path: Path
    word: str
    theirs: bool
    """whether it is a model of openWakeWord"""

    @property
    def name(self) -> str:
        """As the table calls it."""
        name = printable(self.path.resolve().name)
        return f"openWakeWord {self.path.stem}" if self.theirs else f"heychip {name}"


@dataclass(frozen=True)
class Ahead:
    """A written recording as openWakeWord's steps cut it: see AHEAD."""

    path: Path

    def sound(self) -> Sound:
        """Float32 [n], 16 kHz. Raises WavError."""
        quiet = np.random.default_rng(0).standard_normal(AHEAD).astype(np.float32) * np.float32(1e-4)
        return np.concatenate([quiet, samples_of(self.path)])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.accuracy", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--positives", action="append", required=True, metavar="DIR:WORD",
                     help="recordings of a word; may be repeated")
    top.add_argument("--negatives", type=Path, action="append", required=True, metavar="DIR",
                     help="recordings in which nobody says it; may be repeated")
    top.add_argument("--bundle", nargs="+", action="extend", default=[], metavar="DIR")
    top.add_argument("--openwakeword", nargs="+", action="extend", default=[], metavar="MODEL",
                     help="an .onnx file, or the name of a model in the package: alexa")
    top.add_argument("--skip", type=Path, metavar="FILE", help="names of recordings to leave out, one a line")
    top.add_argument("--most", type=int, default=0, metavar="N", help="only the first N recordings of a word")
    top.add_argument("--keep", type=Path, metavar="DIR", help="write the mixed recordings here and keep them")
    top.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    top.add_argument("--json", action="store_true", help="one JSON object a line for each word")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    args = parser().parse_args(argv)
    try:
        words = [_folder_and_word(given) for given in args.positives]
        systems = [System(bundle.path, bundle.manifest.word, theirs=bundle.probability)
                   for bundle in map(load_bundle, args.bundle)]
        paths = [model_path(name, CACHE) for name in args.openwakeword]
        systems += [System(path, re.sub(r"_v\d.*$", "", path.stem), theirs=True) for path in paths]
        skip = frozenset(args.skip.read_text().splitlines()) if args.skip else frozenset()
        chosen = {word: [s for s in systems if len(words) == 1 or _letters(s.word) == _letters(word)]
                  for _, word in words}
        if without := [word for word, its in chosen.items() if not its]:
            raise UsageError(f"{', '.join(without)}: no --bundle or --openwakeword is for this word")
        for folder, word in words:
            with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
                work = Path(temporary)
                trials = gather(folder, args.negatives, work, skip=skip, most=args.most,
                                conditions=CONDITIONS)
                written = write(trials, args.keep / word if args.keep else work / "audio")
                told = bench(word, chosen[word], written, args.jobs)
            print(json.dumps(told) if args.json else text(told), flush=True)
    except (HeychipError, OSError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    return 0


def write(trials: Trials, folder: Path) -> Trials:
    """The same trials as wav files in `folder`, which stay the same for every system."""
    failed = list(trials.left_out)
    calls: list[Recipe] = []
    talk: list[Recipe] = []
    positives = []
    with progress.bar("mixing and writing", len(trials.calls) + len(trials.talk)) as done:
        for k, (call, positive) in enumerate(zip(trials.calls, trials.positives, strict=True)):
            if _written(call, folder / f"{positive.condition.replace(' ', '')}-{k:05d}.wav", calls, failed):
                positives.append(positive)
            done(1)
        for k, stream in enumerate(trials.talk):
            _written(stream, folder / f"talk-{k:05d}.wav", talk, failed)
            done(1)
    return Trials(tuple(positives), tuple(calls), tuple(talk), tuple(failed))


def _written(recipe: Recipe, path: Path, kept: list[Recipe], failed: list[Failure]) -> bool:
    try:
        write_wav(path, recipe.sound(), RATE_HZ)
    except WavError as error:
        failed.append(Failure(recipe.path, error.reason))
        return False
    kept.append(Written(path))
    return True


def bench(word: str, systems: Sequence[System], trials: Trials, jobs: int) -> dict[str, Any]:
    """All systems on all trials. Ours first, whatever the order they were given in. Raises HeychipError."""
    ours, theirs = ([s for s in systems if s.theirs is kind] for kind in (False, True))
    found: list[Evaluation] = []
    if ours:
        found += measure([s.path for s in ours], trials, jobs)[0]
    if theirs:
        ahead = replace(trials, calls=tuple(Ahead(call.path) for call in trials.calls),
                        talk=tuple(Ahead(stream.path) for stream in trials.talk))
        found += [as_theirs(one) for one in measure([s.path for s in theirs], ahead, jobs)[0]]
    tell(trials.left_out)
    ordered = [*ours, *theirs]
    pairs = [{"system": ordered[a].name, "minus": ordered[b].name, "at": against(found[a], found[b])}
             for a in range(len(ordered)) for b in range(a + 1, len(ordered))]
    return {
        "word": word, "clips": found[0].misses(condition="clean")[1],
        "negative_hours": round(found[0].hours, 2), "left_out": len(trials.left_out),
        "systems": [{"system": s.name, **_figures(one)} for s, one in zip(ordered, found, strict=True)],
        "pairs": pairs, "checked": [_checked(s, trials) for s in theirs],
    }


def as_theirs(found: Evaluation) -> Evaluation:
    """openWakeWord's code says 0 to the first steps of every stream, whatever it hears in them."""
    lowest = float(logit(np.zeros(1, np.float32))[0])
    streams = tuple(np.concatenate([np.full_like(m[:MUTE], lowest), m[MUTE:]]) for m in found.negatives)
    return replace(found, negatives=streams)


def _figures(found: Evaluation) -> dict[str, Any]:
    told = summary(found)
    return {"at": told["at_false_accepts_per_hour"],
            "own": {"false_accepts": told["false_accepts"],
                    **{c: share(*found.misses(condition=c)) for c in found.conditions()}}}


def _checked(system: System, trials: Trials) -> dict[str, Any]:
    """Our pipeline beside openWakeWord's own code on some of the files."""
    files = [call.path for call in (*trials.calls[:CHECKED], *trials.calls[-CHECKED:])]
    theirs = own_scores(fetch(CACHE), system.path, files)
    stage = Stage([system.path])
    largest = 0.0
    for file, scores in zip(files, theirs, strict=True):
        margins = stage.answers(Ahead(file).sound())[0].margins
        ours = 1 / (1 + np.exp(-margins[SETTLED : len(scores)]))
        largest = max(largest, float(np.abs(ours - scores[SETTLED : len(margins)]).max(initial=0.0)))
    return {"system": system.name, "files": len(files), "largest_difference": round(largest, 6)}


def _letters(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())


def _folder_and_word(given: str) -> tuple[Path, str]:
    folder, colon, word = given.rpartition(":")
    if not colon or not word.strip() or Path(given).is_dir():
        folder, word = given, Path(given).resolve().name
    return Path(folder), word


if __name__ == "__main__":
    sys.exit(main())
