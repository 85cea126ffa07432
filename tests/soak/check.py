"""What the soak found: the promises, each kept or not, and the figures."""

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
from tests.soak.world import Word

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
    rows, promises = table(rig), _of_hearing(rig, reference) | _of_process(rig) | _of_files(rig)
    late = [
        f"{row.kind}: {row.count - row.back} of {row.count} not over within {row.limit_s:g} s"
        for row in rows
        if row.back < row.count
    ]
    failed = [why for why, kept in promises.items() if not kept] + late
    return Verdict(failed, _figures(rig, reference, rows), rows)


def _of_hearing(rig: Rig, reference: Reference) -> dict[str, bool]:
    """Promises of words, and whether each was kept."""
    words, look, thrown = rig.world.words, rig.lookout, len(rig.thrower.done)
    asked, missed, unsaid = _asked(rig), _missed(rig), _unsaid(rig, reference)
    return {
        f"only {thrown} of {rig.thrower.planned} faults were thrown": thrown >= 0.9 * rig.thrower.planned,
        f"missed words at {[round(w.start_s, 1) for w in missed][:10]}": not missed,
        "too few words outside faults": len(asked) > 0.4 * len(words),
        f"heard what was not said: {unsaid[:10]}": not unsaid,
        f"we spoke for {look.longest_speaking_s:.1f} s": look.longest_speaking_s < MOST_SPEAKING_S,
    }


def _of_process(rig: Rig) -> dict[str, bool]:
    """Promises of life, memory and threads."""
    look, slope, hours = rig.lookout, _slope(rig), max(rig.journal.hours.values())
    files, threads = _flat([s.files for s in look.samples]), _flat([s.threads for s in look.samples])
    gap_s = look.longest_gap_s
    return {
        f"memory grows by {slope:.0f} KB an hour": rig.world.hours < LEAST_H or slope < SLOPE_KB_H,
        f"open files grow: {files}": files[1] <= files[0] + 1,
        f"threads grow: {threads}": threads[1] <= threads[0] + 1,
        f"{gap_s:.1f} s without a sign of life at {look.longest_gap}": gap_s < GAP_S,
        f"{hours} lines of log in an hour": hours <= MOST_LINES_H,
        f"the rig: {look.wrongs} {rig.turns.stalls}": not (look.wrongs or rig.turns.stalls),
        f"children are left: {rig.children}": not rig.children,
    }


def _of_files(rig: Rig) -> dict[str, bool]:
    """Promises of events, moments and status."""
    look, files = rig.lookout, rig.files
    kept, left = read_memories(files.memory), files.memory_files()
    written, due = files.events_written(), look.counts.total() - look.unseen
    answered = look.counts["heard"] + look.counts["gated"]
    return {
        f"{due} events to be written, {written} were": written == due,
        f"{look.most_remembered_mb:.2f} MB remembered": 0 < look.most_remembered_mb <= MEMORY_MB,
        "recordings without a JSON, or JSONs without one": left == 2 * len(kept),
        f"not of all {answered} words a moment was kept": bool(kept) and kept[-1].number >= answered,
        "status.json is missing": files.status.is_file(),
    }


def _asked(rig: Rig) -> list[Word]:
    return [word for word in rig.world.words if word.sure and not word.spoiled]


def _missed(rig: Rig) -> list[Word]:
    return [word for word in _asked(rig) if not word.heard]


def _unsaid(rig: Rig, reference: Reference) -> list[tuple[float, str]]:
    """What was heard, though nobody said it and the replay does not hear it either."""
    return [
        (time_s, kind)
        for time_s, kind in rig.lookout.unsaid
        if not any(abs(time_s - known_s) < TOLERANCE_S for known_s in reference.unsaid)
    ]


def _figures(rig: Rig, reference: Reference, rows: list[Row]) -> dict[str, Any]:
    look, kept = rig.lookout, read_memories(rig.files.memory)
    own = [word for word in rig.world.words if word.sure and word.spoiled == "own speech"]
    return {
        "hours": rig.world.hours,
        "faults": len(rig.thrower.done),
        "kinds": len(rows),
        "words": len(rig.world.words),
        "sure": reference.sure,
        "asked": len(_asked(rig)),
        "missed": len(_missed(rig)),
        "unsaid": len(_unsaid(rig, reference)),
        "inside": sum(row.inside for row in rows),
        "inside_heard": sum(row.heard for row in rows),
        "own_speech": len(own),
        "own_speech_heard": sum(word.heard for word in own),
        "moments": kept[-1].number if kept else 0,
        "moments_left": len(kept),
        "most_remembered_mb": round(look.most_remembered_mb, 2),
        "slope_kb_h": round(_slope(rig), 1),
        "rss_mb": [round(look.samples[k].rss_kb / 1024, 1) for k in (0, -1)],
        "files": _flat([s.files for s in look.samples]),
        "threads": _flat([s.threads for s in look.samples]),
        "gap_s": round(look.longest_gap_s, 2),
        "restarts": rig.lives.restarts,
        "reloads": rig.lives.reloads,
        "lines_h": {"median": median(rig.journal.hours.values()), "most": max(rig.journal.hours.values())},
        "pictures": rig.room.pictures,
        "signs_of_life": rig.manager.words["WATCHDOG"],
        "events": dict(look.counts),
    }


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
