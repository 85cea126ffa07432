"""What the soak found: the promises, each kept or not, and the tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from edge.memories import read_memories
from tests.soak.faults import KINDS
from tests.soak.reference import Reference
from tests.soak.rig import GAP_S, MEMORY_MB, Rig

SLOPE_KB_H = 1_024.0
WARM_H = 1.0  # until caches of numbers and of files are as large as they will be
LEAST_H = 4.0  # a shorter soak says nothing about a slope
MOST_LINES_H = 1_000  # of the log
MOST_CLOSED_S = 20.0  # a line and its tail, or two
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
    words = rig.world.words
    asked = [word for word in words if word.sure and not word.spoiled]
    missed = [word for word in asked if not word.heard]
    unsaid = [
        (time_s, kind)
        for time_s, kind in rig.unsaid
        if not any(abs(time_s - known_s) < TOLERANCE_S for known_s in reference.unsaid)
    ]
    slope = _slope(rig)
    files, threads = _flat([s.files for s in rig.samples]), _flat([s.threads for s in rig.samples])
    written = sum(
        1
        for name in ("events.jsonl", "events.aside")
        if (path := rig.folder / name).is_file()
        for _ in path.open()
    )
    kept = read_memories(rig.folder / "memory")
    left = sum(1 for file in (rig.folder / "memory").iterdir() if file.suffix in {".wav", ".json"})
    answered = rig.told["heard"] + rig.told["gated"]
    own = [word for word in words if word.sure and word.spoiled == "own speech"]
    rows = table(rig)
    late = [
        f"{row.kind}: {row.count - row.back} of {row.count} not over within {row.limit_s:g} s"
        for row in rows
        if row.back < row.count
    ]
    hours = [lines for _, lines in sorted(rig.journal.hours.items())]
    promises = {
        f"only {len(rig.done)} of {len(rig.faults)} faults came to be thrown": len(rig.done)
        >= 0.9 * len(rig.faults),
        f"missed words at {[round(w.start_s, 1) for w in missed][:10]}": not missed,
        "too few words outside faults": len(asked) > 0.4 * len(words),
        f"heard what was not said: {unsaid[:10]}": not unsaid,
        f"memory grows by {slope:.0f} KB an hour": rig.world.hours < LEAST_H or slope < SLOPE_KB_H,
        f"open files grow: {files}": files[1] <= files[0] + 1,
        f"threads grow: {threads}": threads[1] <= threads[0] + 1,
        f"{rig.longest_gap_s:.1f} s without a sign of life at {rig.longest_gap}": rig.longest_gap_s < GAP_S,
        f"we were speaking for {rig.longest_closed_s:.1f} s": rig.longest_closed_s < MOST_CLOSED_S,
        f"{max(hours)} lines of log in an hour": max(hours) <= MOST_LINES_H,
        f"{rig.lines - rig.unseen_lines} events to be written, {written} were": written
        == rig.lines - rig.unseen_lines,
        f"the rig: {rig.wrongs} {rig.turns.stalls}": not (rig.wrongs or rig.turns.stalls),
        f"children are left: {rig.children}": not rig.children,
        f"{rig.most_remembered_mb:.2f} MB remembered": 0 < rig.most_remembered_mb <= MEMORY_MB,
        "recordings without a JSON, or JSONs without one": left == 2 * len(kept),
        f"moments were kept, but not of all {answered} words": bool(kept) and kept[-1].number >= answered,
        "status.json is missing": (rig.folder / "status.json").is_file(),
    }
    figures = {
        "hours": rig.world.hours,
        "faults": len(rig.done),
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
        "most_remembered_mb": round(rig.most_remembered_mb, 2),
        "slope_kb_h": round(slope, 1),
        "rss_mb": [round(rig.samples[k].rss_kb / 1024, 1) for k in (0, -1)],
        "files": files,
        "threads": threads,
        "gap_s": round(rig.longest_gap_s, 2),
        "restarts": rig.restarts,
        "reloads": rig.reloads,
        "lines_h": {"median": median(hours), "most": max(hours)},
        "pictures": rig.room.pictures,
        "signs_of_life": rig.manager.words["WATCHDOG"],
        "events": dict(rig.told),
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
        faults = [fault for fault in rig.done if fault.kind == name]
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
    warm = [s for s in rig.samples if s.time_s > WARM_H * 3600] or rig.samples
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

    hours = [s.time_s / 3600 for s in rig.samples]
    figure, (top, below) = plt.subplots(
        2, 1, figsize=(9, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot(hours, [s.rss_kb / 1024 for s in rig.samples], color="#1f5fa8", label="memory (RSS)")
    top.set(ylabel="MB", ylim=(0, None), title=f"{rig.world.hours:g} h of stream, {len(rig.done)} faults")
    for fault in rig.done:
        color = "#c0392b" if KINDS[fault.kind].deaf else "#e0a030"
        end_s = (fault.ended_s or fault.start_s) + (fault.back_s or 0)
        top.axvspan(fault.start_s / 3600, max(end_s, fault.start_s + 10) / 3600, 0, 0.06, color=color, lw=0)
    top.legend(loc="lower right")
    below.step(hours, [s.files for s in rig.samples], color="#555555", label="open files")
    below.step(hours, [s.threads for s in rig.samples], color="#2e8b57", label="threads")
    below.set(
        xlabel="hours of stream (red and yellow marks: faults that may and may not cost words)",
        ylim=(0, None),
    )
    below.legend(loc="lower right", ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)
