"""The ablation's table: means over words, ranges over seeds, points against the whole recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from tests.bench.heard import RATE, over_many
from tests.bench.table import CONDITIONS

WHOLE = "the whole recipe"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: for each variant and condition the mean over words and seeds at one rate of false accepts,
    with the range over seeds; the mean over many rates; and what that is above or below the whole recipe on
    the same words and seeds, in points, with the 95 % interval that Student's t gives. A variant that not all
    words have been through yet says which."""
    names = list(dict.fromkeys(row["variant"] for row in rows))
    words = list(dict.fromkeys(row["word"] for row in rows))
    heads = [f"{name}, {RATE:g}/h (seeds) | {over_many(name)} | points (95 %)" for name, _ in CONDITIONS]
    lines = [f"| missed, % | {' | '.join(heads)} |", "|---|" + "---|---|---|" * len(CONDITIONS)]
    for name in names:
        been = list(dict.fromkeys(row["word"] for row in rows if row["variant"] == name))
        title = name if len(been) == len(words) else f"{name} ({', '.join(been)} alone)"
        cells = []
        for condition, _ in CONDITIONS:
            seeds = _runs(rows, been, name, condition).mean(axis=0)
            many = _runs(rows, been, name, over_many(condition)).mean()
            mean, half = points(rows, name, over_many(condition))
            cells += [f"{seeds.mean():.1f} ({seeds.min():.1f} to {seeds.max():.1f})", f"{many:.1f}",
                      "" if name == WHOLE else f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"Mean over {', '.join(words)}."])


def points(rows: Sequence[dict[str, Any]], variant: str, column: str) -> tuple[float, float]:
    """How much more than the whole recipe a variant misses, the mean over runs with the same word and seed,
    and how far its 95 % interval goes to each side (Student's t)."""
    been = list(dict.fromkeys(row["word"] for row in rows if row["variant"] == variant))
    less = _runs(rows, been, variant, column) - _runs(rows, been, WHOLE, column)
    runs = less.size
    half = float(t.ppf(0.975, runs - 1)) * less.std(ddof=1) / np.sqrt(runs) if runs > 1 else np.inf
    return float(less.mean()), float(half)


def _runs(
    rows: Sequence[dict[str, Any]], words: Sequence[str], variant: str, column: str
) -> NDArray[np.float64]:
    """Misses [words, seeds]; the seeds that this variant has been through with every word."""
    found = {(row["word"], row["seed"]): row[column] for row in rows if row["variant"] == variant}
    seeds = sorted({seed for _, seed in found if all((word, seed) in found for word in words)})
    return np.array([[found[word, seed] for seed in seeds] for word in words])
