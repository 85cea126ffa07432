"""What each ingredient of the recipe buys, on recordings of real people.

    python -m tests.bench.ablation --positives DIR:WORD ... --negatives DIR ... --out FILE.jsonl

For every word a smaller sibling of the preset `standard` makes its material once. Then one ingredient at a
time is taken away (or, where the recipe does without it, added), a detector is trained for each seed, and the
misses at 0.5 false accepts an hour are counted on the recordings, clean and in noise at 10 dB, mixed as
`heychip-synth evaluate` mixes them. A detector here is one network; what the mean and the OR of three buy is
in rows of their own. Every result is a line of the file as soon as it is there: the same command goes on
where it was, and `--table FILE.jsonl` prints the table. Three words with three seeds take the better part of
an hour on two cores, once the voices have spoken.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, REFERENCE
from edge.errors import HeychipError
from synth import progress
from synth.acoustics import room_impulses
from synth.augment import THROATS
from synth.dataset import Examples
from synth.draw import Member, Recipe
from synth.examples import examples
from synth.material import Material, Way, gather
from synth.presets import NEURAL, PRESETS
from synth.voices import open_engines
from synth.voices.cache import default_folder
from tests.bench.accuracy import _folder_and_word as folder_and_word
from tests.bench.heard import RATE, Judge, Rows
from tests.bench.table import CONDITIONS

PRESET = replace(PRESETS["standard"], phrases=400, copies=5, near_misses=240, sentences=320, speech_hours=0.1,
                 rooms=40, steps=500)  # fmt: skip
TOGETHER = 3  # networks of the mean and of the OR


@dataclass(frozen=True)
class Variant:
    """The recipe with one thing changed."""

    name: str
    change: Callable[[Way], Way] = lambda way: way
    recipe: Recipe = field(default_factory=Recipe)
    rooms: bool = True
    throats: float = THROATS
    backbone: str = HARDENED


def spoken_by(way: Way, keep: Callable[[str], bool]) -> Way:
    """With the phrase and what is close to it by these engines alone."""
    def some(spoken: list[Any]) -> list[Any]:
        return [s for s in spoken if keep(s.voice.engine)]

    return replace(way, phrases=some(way.phrases), near=some(way.near))


def neural(way: Way, *, keep: bool) -> Way:
    """By neural voices alone, or by all others."""
    return spoken_by(way, lambda engine: (engine in NEURAL) is keep)


def without(way: Way, *, name: str) -> Way:
    """By all engines but this one."""
    return spoken_by(way, lambda engine: engine != name)


VARIANTS = (
    Variant("the whole recipe"),
    Variant("reference backbone, not the hardened one", backbone=REFERENCE),
    Variant("without neural voices", lambda way: neural(way, keep=False)),
    Variant("neural voices alone", lambda way: neural(way, keep=True)),
    *(Variant(f"without {name}", partial(without, name=name)) for name in ("espeak-ng", "flite", "festival")),
    Variant("without near-misses", lambda way: replace(way, near=[])),
    Variant("without mined negatives", recipe=Recipe(hard_share=0.0)),
    Variant("without real speech and music", lambda way: replace(way, speech=[], music=[])),
    Variant("without rooms", rooms=False),
    Variant("without vocal-tract shifts", throats=0.0),
    Variant("without masking", recipe=Recipe(masked=0.0)),
    Variant("with an adversarial step (FGSM, 0.1)", recipe=Recipe(adversarial=0.1)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.ablation", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--positives", action="append", default=[], metavar="DIR:WORD")
    top.add_argument("--negatives", type=Path, action="append", default=[], metavar="DIR")
    top.add_argument("--skip", type=Path, metavar="FILE", help="names of recordings to leave out, one a line")
    top.add_argument("--out", type=Path, metavar="FILE.jsonl", help="where results are kept")
    top.add_argument("--table", type=Path, metavar="FILE.jsonl", help="print the table of earlier results")
    top.add_argument("--seeds", type=int, default=3, metavar="N")
    top.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    args = top.parse_args(argv)
    try:
        if args.table is None:
            cache = default_folder().parent
            words = map(folder_and_word, args.positives)
            plans = [Plan.of(word, folder, args, cache) for folder, word in words]
            for plan in plans:
                if plan is not None:
                    run(plan, args, cache)
        print(table([json.loads(line) for line in (args.table or args.out).read_text().splitlines()]))
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
    def of(word: str, folder: Path, args: argparse.Namespace, cache: Path) -> Plan | None:
        """None where all results are in the file."""
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
        judges = {backbone: Judge.of(folder, args.negatives, skip, backbone, args.jobs)
                  for backbone in {variant.backbone for variant in missing}}
        return Plan(word, material, judges, missing)


def run(plan: Plan, args: argparse.Namespace, cache: Path) -> None:
    """All variants of one word that are not in the file."""
    for variant in plan.missing:
        progress.say(f"{plan.word}: {variant.name}")
        made = variant_examples(plan.material, variant, args.jobs, cache / "work" / "examples")
        clips = len(variant.change(plan.material.ways["train"]).phrases)
        rows = [{"word": plan.word, "variant": name, "seed": seed, **misses}
                for seed in range(args.seeds)
                for name, misses in fit(variant, made, clips, seed, plan.judges[variant.backbone])]
        with args.out.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def variant_examples(material: Material, variant: Variant, jobs: int, folder: Path) -> Examples:
    """What the variant is trained on."""
    changed = replace(material, ways={**material.ways, "train": variant.change(material.ways["train"])})
    rooms = room_impulses(PRESET.rooms, 0) if variant.rooms else []
    return examples("train", changed, rooms, PRESET, seed=0, jobs=jobs, folder=folder,
                    backbone=variant.backbone, throats=variant.throats)


def fit(
    variant: Variant, made: Examples, clips: int, seed: int, judge: Judge
) -> Iterator[tuple[str, dict[str, float]]]:
    """Trains with one seed and measures; of the whole recipe also the mean and the OR of several networks."""
    from synth.train import Trained, logits_of, train

    count = TOGETHER if variant == VARIANTS[0] else 1
    members = [Member(str(k), "", np.ones(clips, np.float32)) for k in range(count)]
    with progress.bar(f"seed {seed}", PRESET.steps) as done:
        trained: Trained = train(made, members, steps=PRESET.steps, batch=PRESET.batch, seed=seed,
                                 done=lambda n, _loss: done(n), recipe=variant.recipe)

    def said(rows: Rows) -> list[NDArray[np.float32]]:
        table = np.concatenate(rows)
        places = np.arange(len(table), dtype=np.int32)
        nothing = np.zeros(0, np.int32)
        logits = logits_of(trained, Examples(table, places[:-15], nothing.astype(np.int8), nothing, nothing,
                                             np.zeros(0, np.float32), np.zeros(0, bool)))
        starts = np.cumsum([0, *map(len, rows)])
        return [logits[a : a + len(r) - 15] for a, r in zip(starts, rows, strict=False)]

    def by(join: Callable[[NDArray[np.float32]], Any]) -> dict[str, float]:
        return judge.misses(lambda rows: [join(logits) for logits in said(rows)])

    yield variant.name, by(lambda logits: logits[:, 0])
    if count > 1:
        yield f"the mean of {count} networks", by(lambda logits: logits.mean(axis=1))
        yield f"the OR of {count} networks", by(lambda logits: logits.max(axis=1))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: for each variant the mean over words and seeds, the range over seeds, and the points won or
    lost against the whole recipe on the same words. A variant that not all words have been through yet says
    which."""
    names = list(dict.fromkeys(row["variant"] for row in rows))
    words = list(dict.fromkeys(row["word"] for row in rows))
    conditions = [name for name, _ in CONDITIONS]
    lines = ["| | " + " | ".join(f"missed, {c}, % (seeds) | points" for c in conditions) + " |",
             "|---|" + "---|---|" * len(conditions)]
    for name in names:
        been = list(dict.fromkeys(row["word"] for row in rows if row["variant"] == name))
        same = [row for row in rows if row["word"] in been]
        whole = {c: _by_seed(same, VARIANTS[0].name, c).mean() for c in conditions}
        title = name if len(been) == len(words) else f"{name} ({', '.join(been)} alone)"
        cells = []
        for c in conditions:
            seeds = _by_seed(rows, name, c)
            cells += [f"{seeds.mean():.1f} ({seeds.min():.1f} to {seeds.max():.1f})",
                      "" if name == VARIANTS[0].name else f"{seeds.mean() - whole[c]:+.1f}"]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"Mean over {', '.join(words)}, at {RATE:g} false accepts/h."])


def _by_seed(rows: Sequence[dict[str, Any]], variant: str, condition: str) -> NDArray[np.float64]:
    """The mean over words for each seed."""
    mine = [row for row in rows if row["variant"] == variant]
    seeds = sorted({row["seed"] for row in mine})
    return np.array([np.mean([row[condition] for row in mine if row["seed"] == seed]) for seed in seeds])


if __name__ == "__main__":
    sys.exit(main())
