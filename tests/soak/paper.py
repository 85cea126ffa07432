"""What the soak found, on paper: a table, and a picture of the day."""

from __future__ import annotations

from typing import Any

from tests.soak.check import Verdict
from tests.soak.faults import KINDS
from tests.soak.rig import Rig


def markdown(found: Verdict) -> str:
    """The table by kind of fault."""
    head = (
        "| fault | rows | times | well again in time | median s | worst s | limit s | restarts "
        "| words meanwhile: heard of said |"
    )
    lines = [head, "|---" * 9 + "|"]
    lines += [
        f"| {r.kind} | {r.rows} | {r.count} | {r.back} | {r.median_s:g} | {r.worst_s:g} | {r.limit_s:g} "
        f"| {r.restarts} | {f'{r.heard} of {r.inside}' if r.inside else ''} |"
        for r in found.rows
    ]
    return "\n".join(lines)


def plot(rig: Rig, path: Any) -> None:
    """The day: memory, open files and threads, and when something was wrong."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    look, faults = rig.lookout, rig.thrower.done
    hours = [s.time_s / 3600 for s in look.samples]
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(9, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot(hours, [s.rss_kb / 1024 for s in look.samples], color="#1f5fa8", label="memory (RSS)")
    top.set(ylabel="MB", ylim=(0, None), title=f"{rig.world.hours:g} h of stream, {len(faults)} faults")
    for fault in faults:
        color = "#c0392b" if KINDS[fault.kind].deaf else "#e0a030"
        end_s = (fault.ended_s or fault.start_s) + (fault.back_s or 0)
        top.axvspan(fault.start_s / 3600, max(end_s, fault.start_s + 10) / 3600, 0, 0.06, color=color, lw=0)
    top.legend(loc="lower right")
    below.step(hours, [s.files for s in look.samples], color="#555555", label="open files")
    below.step(hours, [s.threads for s in look.samples], color="#2e8b57", label="threads")
    below.set(
        xlabel="hours of stream (red and yellow marks: faults that may and may not cost words)",
        ylim=(0, None),
    )
    below.legend(loc="lower right", ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)
