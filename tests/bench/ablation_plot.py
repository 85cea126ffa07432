"""The ablation as a picture: what is won and lost, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.files import write_whole
from tests.bench.ablation_table import WHOLE, points
from tests.bench.cost_plots import png
from tests.bench.heard import over_many
from tests.bench.table import CONDITIONS

COLOURS = ("#0b7285", "#e67700")
APART = 0.16  # of a row, from its middle


def plot(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes a PNG: a row for each variant, a point with its interval for each condition."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = [name for name in dict.fromkeys(row["variant"] for row in rows) if name != WHOLE]
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(figsize=(8, 0.9 + 0.32 * len(names)), layout="constrained")
        axes.axvline(0, color="#adb5bd")
        for (condition, _), colour, side in zip(CONDITIONS, COLOURS, (-APART, APART), strict=True):
            found = [points(rows, name, over_many(condition)) for name in names]
            means = [mean for mean, _ in found]
            axes.errorbar(means, [k + side for k in range(len(names))], xerr=[half for _, half in found],
                          fmt="o", ms=4, lw=1.2, color=colour, label=condition)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.25)
        axes.set_xlabel("points missed beyond the whole recipe (mean over 0 to 5 false accepts/h, 95 %)")
        axes.legend(loc="center right", frameon=False)
        write_whole(path, png(figure))
