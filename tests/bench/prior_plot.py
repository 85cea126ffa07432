"""The picture of docs/prior.md: misses against false accepts, with and without a face to help."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from edge.prior_config import PriorConfig
from tests.bench.prior_odds import POINTS, Curve, Scene

mpl.use("Agg")

TICKS = (0.2, 0.5, 1, 2, 5)


def plot(path: Path, curve: Curve, config: PriorConfig) -> None:
    """Writes a PNG."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), dpi=110)
    axes.plot(curve.false_at(POINTS), 100 * curve.missed_at(POINTS), "k-", label="ears alone")
    for share, colour in ((0.1, "tab:green"), (0.3, "tab:blue"), (0.5, "tab:orange")):
        missed, false = curve.helped(Scene(0.9, share), config.facing, config.nobody, POINTS)
        axes.plot(false, 100 * missed, color=colour, label=f"with eyes, a face there {share:.0%} of the time")
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlabel("false accepts an hour")
    axes.set_ylabel("misses, %")
    axes.set_title("Callers whose face is seen: 90 %; offsets 0 (top left) to -4 (bottom right)", fontsize=10)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)
