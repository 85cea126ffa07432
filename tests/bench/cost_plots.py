"""The curves of docs/cost.md as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

OURS, LINE, PALE = "#0b7285", "#e67700", "#adb5bd"
Row = Mapping[str, Any]


def pictures(found: Mapping[str, Any]) -> dict[str, bytes]:
    """Name of the file in docs/ and its bytes."""
    bench = found["bench"]
    return {"cost_streams.png": streams(bench["streams"]), "cost_members.png": members(bench["members"]),
            "cost_offline.png": offline(found["offline"])}


def _figure(title: str, across: str, up: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"font.family": "sans-serif", "font.size": 10, "axes.spines.top": False,
                         "axes.spines.right": False})
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.grid(alpha=0.25)
    return figure, axes


def png(figure: Any) -> bytes:
    """The bytes of the picture, which is closed."""
    import matplotlib.pyplot as plt

    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130, metadata={"Software": None})
    plt.close(figure)
    return out.getvalue()


def streams(rows: Sequence[Row]) -> bytes:
    """Share of a core, and memory, over streams in one process."""
    figure, axes = _figure("Streams in one process", "streams, each with a listener of its own",
                           "share of one core, %")
    across = [row["streams"] for row in rows]
    share = [row["core_percent"] for row in rows]
    straight = [share[0] * n / across[0] for n in across]
    axes.plot(across, straight, color=PALE, ls="--", label="the first, times their number")
    axes.plot(across, share, "o-", color=OURS, label="share of a core")
    axes.set_ylim(bottom=0)
    lines, names = axes.get_legend_handles_labels()
    if all(row["resident_mb"] is not None for row in rows):
        memory = axes.twinx()
        memory.spines["right"].set_visible(True)
        memory.set(ylabel="resident memory, MB")
        resident = [row["resident_mb"] for row in rows]
        memory.plot(across, resident, "s:", color=LINE, label="resident memory (right)")
        memory.set_ylim(bottom=0)
        more = memory.get_legend_handles_labels()
        lines, names = lines + more[0], names + more[1]
    axes.set_xticks(across)
    axes.legend(lines, names, frameon=False, loc="upper left")
    return png(figure)


def members(rows: Sequence[Row]) -> bytes:
    """Cost of the whole listener over members, in times that of one."""
    figure, axes = _figure("Members of a bundle", "members, which share a network",
                           "whole listener, times that of one member")
    across = [row["members"] for row in rows]
    low, mid, high = ([row["ratio"][name] for row in rows] for name in ("lowest", "median", "highest"))
    axes.fill_between(across, low, high, color=OURS, alpha=0.15, lw=0, label="lowest to highest turn")
    axes.plot(across, mid, "o-", color=OURS, label="measured (median)")
    axes.axhline(1.1, color=LINE, ls="--", lw=1, label="1.10")
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(across, [str(n) if n != 189 else "\n189" for n in across])
    axes.minorticks_off()
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100) if t <= 1.5 * max(high)]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    axes.set_ylim(0.8, 1.4 * max(*high, 1.2))
    axes.legend(frameon=False, loc="upper left")
    return png(figure)


def offline(rows: Sequence[Row]) -> bytes:
    """CPU seconds of `heychip replay` over hours of a recording."""
    figure, axes = _figure("Recordings offline: heychip replay, one core", "hours in one recording",
                           "CPU seconds")
    across = [row["hours"] for row in rows]
    axes.plot(across, [row["cpu_s"] for row in rows], "o-", color=OURS, label="CPU time")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    memory = axes.twinx()
    memory.spines["right"].set_visible(True)
    memory.set(ylabel="peak memory, MB")
    memory.plot(across, [row["peak_mb"] for row in rows], "s:", color=LINE, label="peak memory (right)")
    memory.set_ylim(bottom=0)
    lines, names = (one + more for one, more in zip(axes.get_legend_handles_labels(),
                                                    memory.get_legend_handles_labels(), strict=True))
    axes.legend(lines, names, frameon=False, loc="upper left")
    return png(figure)
