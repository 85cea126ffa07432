"""What the soak found: the promises, each kept or not, and the tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from edge.memories import read_memories
from tests.soak.faults import KINDS
from tests.soak.files import MEMORY_MB
from tests.soak.reference import Reference
from tests.soak.rig import Rig

SLOPE_KB_H = 1_024.0
WARM_H = 1.0  # until caches of numbers and of files are as large as they will be
LEAST_H = 4.0  # a shorter soak says nothing about a slope
MOST_LINES_H = 1_000  # of the log
GAP_S = 10.0  # the longest time without a sign of life
MOST_SPEAKING_S = 20.0  # a line and its tail, or two
TOLERANCE_S = 1.5


@dataclass(frozen=True)
class Row:
    """All faults of one kind."""

    kind: str
    rows: str
    count: int
    back: int
    """after how many of them all was well within the limit"""
    median_s: float
    worst_s: float
    limit_s: float
    restarts: int
    inside: int
    """words that were said meanwhile"""
    heard: int
    """and of these, heard all the same"""


@dataclass(frozen=True)
class Verdict:
    """`failed` is empty where all promises were kept."""

    failed: list[str]
    figures: dict[str, Any]
    rows: list[Row]


def verdict(rig: Rig, reference: Reference) -> Verdict:
    """Look at a soak that is over."""
    words, look = rig.world.words, rig.lookout
    asked = [word for word in words if word.sure and not word.spoiled]
    missed = [word for word in asked if not word.heard]
    unsaid = [
        (time_s, kind)
        for time_s, kind in look.unsaid
        if not any(abs(time_s - known_s) < TOLERANCE_S for known_s in reference.unsaid)
    ]
    slope = _slope(rig)
    files, threads = _flat([s.files for s in look.samples]), _flat([s.threads for s in look.samples])
    kept = read_memories(rig.files.memory)
    left = sum(1 for file in (rig.files.memory).iterdir() if file.suffix in {".wav", ".json"})
    written, told = rig.files.events_written(), look.counts.total()
    answered = look.counts["heard"] + look.counts["gated"]
    own = [word for word in words if word.sure and word.spoiled == "own speech"]
    rows = table(rig)
    late = [
        f"{row.kind}: {row.count - row.back} of {row.count} not over within {row.limit_s:g} s"
        for row in rows
        if row.back < row.count
    ]
    hours = [lines for _, lines in sorted(rig.journal.hours.items())]
    promises = {
        f"only {len(rig.thrower.done)} of {rig.thrower.planned} faults came to be thrown": len(rig.thrower.done)
        >= 0.9 * rig.thrower.planned,
        f"missed words at {[round(w.start_s, 1) for w in missed][:10]}": not missed,
        "too few words outside faults": len(asked) > 0.4 * len(words),
        f"heard what was not said: {unsaid[:10]}": not unsaid,
        f"memory grows by {slope:.0f} KB an hour": rig.world.hours < LEAST_H or slope < SLOPE_KB_H,
        f"open files grow: {files}": files[1] <= files[0] + 1,
        f"threads grow: {threads}": threads[1] <= threads[0] + 1,
        f"{look.longest_gap_s:.1f} s without a sign of life at {look.longest_gap}": look.longest_gap_s < GAP_S,
        f"we were speaking for {look.longest_speaking_s:.1f} s": look.longest_speaking_s < MOST_SPEAKING_S,
        f"{max(hours)} lines of log in an hour": max(hours) <= MOST_LINES_H,
        f"{told - look.unseen} events to be written, {written} were": written
        == told - look.unseen,
        f"the rig: {look.wrongs} {rig.turns.stalls}": not (look.wrongs or rig.turns.stalls),
        f"children are left: {rig.children}": not rig.children,
        f"{look.most_remembered_mb:.2f} MB remembered": 0 < look.most_remembered_mb <= MEMORY_MB,
        "recordings without a JSON, or JSONs without one": left == 2 * len(kept),
        f"moments were kept, but not of all {answered} words": bool(kept) and kept[-1].number >= answered,
        "status.json is missing": rig.files.status.is_file(),
    }
    figures = {
        "hours": rig.world.hours,
        "faults": len(rig.thrower.done),
        "kinds": len(rows),
        "words": len(words),
        "sure": reference.sure,
        "asked": len(asked),
        "missed": len(missed),
        "unsaid": len(unsaid),
        "inside": sum(row.inside for row in rows),
        "inside_heard": sum(row.heard for row in rows),
        "own_speech": len(own),
        "own_speech_heard": sum(word.heard for word in own),
        "moments": kept[-1].number if kept else 0,
        "moments_left": len(kept),
        "most_remembered_mb": round(look.most_remembered_mb, 2),
        "slope_kb_h": round(slope, 1),
        "rss_mb": [round(look.samples[k].rss_kb / 1024, 1) for k in (0, -1)],
        "files": files,
        "threads": threads,
        "gap_s": round(look.longest_gap_s, 2),
        "restarts": rig.lives.restarts,
        "reloads": rig.lives.reloads,
        "lines_h": {"median": median(hours), "most": max(hours)},
        "pictures": rig.room.pictures,
        "signs_of_life": rig.manager.words["WATCHDOG"],
        "events": dict(look.counts),
    }
    return Verdict([why for why, kept in promises.items() if not kept] + late, figures, rows)


def table(rig: Rig) -> list[Row]:
    """A row for each kind that was thrown."""
    inside, heard = Counter[str](), Counter[str]()
    for word in rig.world.words:
        if word.spoiled and word.sure:
            inside[word.spoiled] += 1
            heard[word.spoiled] += word.heard
    rows = []
    for name, kind in KINDS.items():
        faults = [fault for fault in rig.thrower.done if fault.kind == name]
        times = [fault.back_s for fault in faults if fault.back_s is not None]
        if faults:
            rows.append(
                Row(
                    name,
                    kind.rows,
                    len(faults),
                    sum(t <= kind.limit_s for t in times),
                    round(median(times), 1) if times else float("inf"),
                    round(max(times, default=float("inf")), 1),
                    kind.limit_s,
                    sum(fault.restarts for fault in faults),
                    inside[name],
                    heard[name],
                )
            )
    return rows


def _slope(rig: Rig) -> float:
    """Kilobytes of memory an hour, by a line through all samples after the warm-up."""
    look = rig.lookout
    warm = [s for s in look.samples if s.time_s > WARM_H * 3600] or look.samples
    if len(warm) < 2:
        return 0.0
    return float(np.polyfit([s.time_s / 3600 for s in warm], [s.rss_kb for s in warm], 1)[0])


def _flat(numbers: list[int]) -> tuple[float, float]:
    """The medians of the second and of the last quarter."""
    quarter = max(1, len(numbers) // 4)
    return median(numbers[quarter : 2 * quarter] or numbers), median(numbers[-quarter:])


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

    look = rig.lookout
    hours = [s.time_s / 3600 for s in look.samples]
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(9, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot(hours, [s.rss_kb / 1024 for s in look.samples], color="#1f5fa8", label="memory (RSS)")
    top.set(ylabel="MB", ylim=(0, None), title=f"{rig.world.hours:g} h of stream, {len(rig.thrower.done)} faults")
    for fault in rig.thrower.done:
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
