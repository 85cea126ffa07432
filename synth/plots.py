"""Pictures of an evaluation, as SVG text that can stand in a page. The same figures give the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np

from edge.events import HOP_S
from synth.evaluate import Evaluation
from synth.statistics import peaks, poisson, wilson

COLOURS = ("#0b7285", "#e67700", "#a61e4d", "#5f3dc4")
NEAR = 8.0  # logits under the threshold that are still worth a dot


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "heychip", "svg.fonttype": "none", "font.family": "sans-serif",
                         "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return figure, axes


def _svg(figure: Any, title: str) -> str:
    import matplotlib.pyplot as plt

    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{title}" ', text, count=1)


def det_curve(found: Evaluation) -> str:
    """Misses over false accepts an hour with the 95 % band, a line for each condition, and a dot with both of
    its intervals for the bundle's own thresholds."""
    lines = {condition: (found, condition) for condition in found.conditions()}
    return _det(lines, "DET curve")


def det_curves(found: Mapping[str, Evaluation], condition: str) -> str:
    """The same for several bundles in one condition, a line for each."""
    return _det({name: (one, condition) for name, one in found.items()}, f"DET curves, {condition}")


def _det(lines: Mapping[str, tuple[Evaluation, str]], title: str) -> str:
    figure, axes = _figure(5.6, 4.2)
    for colour, (label, (found, condition)) in zip(cycle(COLOURS), lines.items(), strict=False):
        hours = max(found.hours, 1e-9)
        floor = 0.5 / hours  # none at all has to stand somewhere on a logarithmic axis
        values = np.concatenate(found.negatives) if found.negatives else np.zeros(1)
        none = np.nextafter(float(values.max()), np.inf)  # the lowest offset that leaves none
        offsets = np.unique([*np.quantile(values, 1 - np.geomspace(1e-6, 0.02, 80)), none])
        rates = np.maximum([found.alarms(offset) / hours for offset in offsets], floor)
        shares = [_per_cent(*found.misses(offset, condition=condition)) for offset in offsets]
        missed, low, high = np.array(shares).T
        axes.fill_between(rates, low, high, step="pre", color=colour, alpha=0.13, lw=0)
        axes.step(rates, missed, where="pre", color=colour, lw=2, label=label)
        _own(axes, found, condition, colour, floor)
        axes.axvline(floor, color="#adb5bd", lw=0.8, ls=":")
        axes.text(floor, 99, " none in all", color="#868e96", fontsize=8, va="top")
    axes.set(xscale="log", xlabel="false accepts per hour", ylabel="missed, %", ylim=(-2, 102), title=title)
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    return _svg(figure, "misses over false accepts per hour")


def _own(axes: Any, found: Evaluation, condition: str, colour: str, floor: float) -> None:
    """The bundle's own thresholds: a dot, and a cross of what else it may be."""
    rate = max(found.alarms() / max(found.hours, 1e-9), floor)
    slow, fast = poisson(found.alarms(), found.hours)
    at, low, high = _per_cent(*found.misses(condition=condition))
    axes.plot([max(slow, floor), min(fast, 1e4)], [at, at], color=colour, lw=1)
    axes.plot([rate, rate], [low, high], color=colour, lw=1)
    axes.plot([rate], [at], "o", color=colour, ms=7)


def _per_cent(misses: int, count: int) -> tuple[float, float, float]:
    """A share with its 95 % interval."""
    low, high = wilson(misses, count)
    return 100 * misses / max(1, count), 100 * low, 100 * high


def latencies(found: Evaluation) -> str:
    """When the decision came, counted from the end of the phrase."""
    figure, axes = _figure(5.6, 4.2)
    axes.hist(found.latency_s() * 1000, bins=np.arange(-600, 800, 80), color=COLOURS[0], rwidth=0.92)
    axes.axvline(0, color="#495057", lw=1)
    axes.set(xlabel="decision after the end of the phrase, ms", ylabel="phrases", title="Latency")
    return _svg(figure, "latency of the decisions")


def false_accepts(found: Evaluation) -> str:
    """The highest margins of the negative streams over their time, one after the other."""
    figure, axes = _figure(11.4, 3.2)
    start_h = 0.0
    for margins in found.negatives:
        top = peaks(margins, 60)
        where = [start_h + float(np.flatnonzero(margins == p)[0]) * HOP_S / 3600 for p in top if p > -NEAR]
        above = top[top > -NEAR]
        axes.scatter(where, above, s=9, c=[COLOURS[2] if p >= 0 else "#868e96" for p in above], linewidths=0)
        start_h += len(margins) * HOP_S / 3600
    axes.axhline(0, color=COLOURS[2], lw=1)
    top_margin = max([2.0, *(float(m.max()) + 0.5 for m in found.negatives)])
    axes.set(xlabel="hours of recordings without the phrase", ylabel="margin (logit)",
             xlim=(0, max(start_h, 1e-3)), ylim=(-NEAR, top_margin))
    return _svg(figure, "false accepts over time")
