"""What each ingredient of the recipe buys, on recordings of real people.

    python -m tests.bench.ablation --positives DIR:WORD ... --negatives DIR ... --out FILE.jsonl

For every word a smaller sibling of the preset `standard` makes its material once. Then one ingredient at a
time is taken away (or, where the recipe does without it, added), a detector is trained for each seed, and
misses are counted on the recordings, clean and in noise at 10 dB, mixed as `heychip-synth evaluate` mixes
them: at 0.5 false accepts an hour, where one event more or less decides, and as the mean over all thresholds
from none to 5 an hour, which says more of a difference. A detector here is one network that hears the word
as it was said; what the mean and the OR of three, and the second look at other speeds buy is in rows of their
own. What is taken away is taken from examples already made, so all else stays the same to the bit; where that
cannot be (rooms, vocal-tract shifts, the backbone), they are made anew. Every result is a line of the file as
soon as it is there: the same command goes on where it was, and `--table FILE.jsonl` prints the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.backbone import CONTEXT, HARDENED
from edge.errors import HeychipError
from synth import progress
from synth.acoustics import room_impulses
from synth.dataset import Examples
from synth.draw import Member
from synth.examples import examples, parts_of
from synth.material import Material, Way, gather
from synth.presets import PRESETS
from synth.speeds import SPEEDS
from synth.voices import open_engines
from synth.voices.cache import default_folder
from tests.bench.ablation_plot import plot
from tests.bench.ablation_table import WHOLE, table
from tests.bench.ablation_variants import VARIANTS, Variant
from tests.bench.accuracy import _folder_and_word as folder_and_word
from tests.bench.heard import Ear, Judge, Streams

PRESET = replace(PRESETS["standard"], phrases=400, copies=5, near_misses=240, sentences=320, speech_hours=0.1,
                 rooms=40, steps=500)  # fmt: skip
TOGETHER = 3  # networks of the mean and of the OR


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.ablation", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--positives", action="append", default=[], metavar="DIR:WORD")
    top.add_argument("--negatives", type=Path, action="append", default=[], metavar="DIR")
    top.add_argument("--skip", type=Path, metavar="FILE", help="names of recordings to leave out, one a line")
    top.add_argument("--out", type=Path, metavar="FILE.jsonl", help="where results are kept")
    top.add_argument("--table", type=Path, metavar="FILE.jsonl", help="print the table of earlier results")
    top.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it, too")
    top.add_argument("--seeds", type=int, default=3, metavar="N")
    top.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    args = top.parse_args(argv)
    try:
        if args.table is None:
            cache = default_folder().parent
            words = map(folder_and_word, args.positives)
            talk: dict[str, Streams] = {}
            plans = [Plan.of(word, folder, args, cache, talk) for folder, word in words]
            for plan in plans:
                if plan is not None:
                    run(plan, args, cache)
        rows = [json.loads(line) for line in (args.table or args.out).read_text().splitlines()]
        print(table(rows))
        if args.plot:
            plot(args.plot, rows)
    except (HeychipError, OSError) as error:
        print(f"ablation: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    return 0


@dataclass(frozen=True)
class Plan:
    """One word, with all that has to be listened to before anything is trained: workers are forked, and may
    not be once JAX has started its threads."""

    word: str
    material: Material
    judges: dict[str, Judge]
    """by backbone"""
    missing: list[Variant]

    @staticmethod
    def of(
        word: str, folder: Path, args: argparse.Namespace, cache: Path, talk: dict[str, Streams]
    ) -> Plan | None:
        """None where all results are in the file; `talk` is what has been heard of it, by backbone."""
        lines = args.out.read_text().splitlines() if args.out.exists() else []
        had = {(row["word"], row["variant"]) for row in map(json.loads, lines)}
        missing = [variant for variant in VARIANTS if (word, variant.name) not in had]
        if not missing:
            return None
        engines = [e for e in open_engines(None, "en-us") if e.name in PRESET.engines]
        material = gather(word, PRESET, engines, (), lang="en-us", seed=0, jobs=args.jobs, cache=cache)
        skip = frozenset(args.skip.read_text().splitlines()) if args.skip else frozenset()
        for variant in missing:
            progress.say(f"{word}: {variant.name}")
            variant_examples(material, variant, args.jobs, cache / "work" / "examples")
        judges = {}
        for backbone in dict.fromkeys(variant.backbone for variant in missing):
            ear = Ear(backbone, (1.0, *SPEEDS) if backbone == HARDENED else (1.0,), args.jobs)
            judges[backbone] = Judge.of(folder, args.negatives, skip, ear, talk.get(backbone))
            talk[backbone] = judges[backbone].talk
        return Plan(word, material, judges, missing)


def run(plan: Plan, args: argparse.Namespace, cache: Path) -> None:
    """All variants of one word that are not in the file."""
    import jax

    way = plan.material.ways["train"]
    for variant in plan.missing:
        progress.say(f"{plan.word}: {variant.name}")
        made = variant_examples(plan.material, variant, args.jobs, cache / "work" / "examples")
        made = kept(made, [variant.keep(*source) for source in sources(way)])
        rows = [{"word": plan.word, "variant": name, "seed": seed, **misses}
                for seed in range(args.seeds)
                for name, misses in fit(variant, made, len(way.phrases), seed, plan.judges[variant.backbone])]
        with args.out.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        jax.clear_caches()  # tables differ in size, so each is compiled for; a hundred times is too much


def variant_examples(material: Material, variant: Variant, jobs: int, folder: Path) -> Examples:
    """All that the variant may be trained on."""
    rooms = room_impulses(PRESET.rooms, 0) if variant.rooms else []
    return examples("train", material, rooms, PRESET, seed=0, jobs=jobs, folder=folder,
                    backbone=variant.backbone, throats=variant.throats)


def sources(way: Way) -> list[tuple[str, str]]:
    """Of every clip that examples are made of, the part of the way that it belongs to and who spoke it."""
    spoken = {"phrase": way.phrases, "near": way.near}
    return [(part, spoken[part][k].voice.engine if part in spoken else "")
            for part, sounds in parts_of(way, training=True).items() for k in range(len(sounds))]


def kept(made: Examples, keep: Sequence[bool]) -> Examples:
    """The examples of these clips [C], and those that are of no clip."""
    mine = np.array([*keep, True])[made.clip]  # clip -1 is none
    first = made.first[mine]
    used = np.zeros(len(made.rows), bool)
    for k in range(CONTEXT):
        used[first + k] = True
    place = np.cumsum(used) - 1
    return Examples(made.rows[used], place[first].astype(np.int32), made.label[mine], made.clip[mine],
                    made.stream[mine], made.snr_db[mine], made.natural[mine])


def fit(
    variant: Variant, made: Examples, clips: int, seed: int, judge: Judge
) -> Iterator[tuple[str, dict[str, float]]]:
    """Trains with one seed and measures; of the whole recipe also several networks, and other speeds."""
    from synth.train import Trained, logits_of, train

    whole = variant.name == WHOLE
    members = [Member(str(k), "", np.ones(clips, np.float32)) for k in range(TOGETHER if whole else 1)]
    with progress.bar(f"seed {seed}", PRESET.steps) as done:
        trained: Trained = train(made, members, steps=PRESET.steps, batch=PRESET.batch, seed=seed,
                                 done=lambda n, _loss: done(n), recipe=variant.recipe)

    def logits(rows: NDArray[np.float16], first: NDArray[np.int32]) -> NDArray[np.float32]:
        nothing = np.zeros(0, np.int32)
        return logits_of(trained, Examples(rows, first, nothing.astype(np.int8), nothing, nothing,
                                           np.zeros(0, np.float32), np.zeros(0, bool)))

    yield variant.name, judge.misses(logits, first_of)
    if whole:
        every = 1 + len(SPEEDS)
        yield "with the second look", judge.misses(logits, first_of, every)
        yield f"the mean of {TOGETHER} networks", judge.misses(logits, mean_of)
        yield f"the OR of {TOGETHER} networks", judge.misses(logits, highest_of)
        yield f"the mean of {TOGETHER}, with the second look", judge.misses(logits, mean_of, every)


def first_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """One network [H, N] to [H]."""
    return logits[:, 0]


def mean_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """All networks as one [H, N] to [H]."""
    mean: NDArray[np.float32] = logits.mean(axis=1)
    return mean


def highest_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whichever network is surest [H, N] to [H]."""
    highest: NDArray[np.float32] = logits.max(axis=1)
    return highest


if __name__ == "__main__":
    sys.exit(main())
