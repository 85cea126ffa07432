"""What came of the own-voice rig, from the rows that its workers wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.barge_in import GUARD


def judged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What came of it. What is heard without a caller, or before the caller began, is a self-trigger."""
    talk = [row for row in rows if not row.get("caller")]
    calls = [row for row in rows if row.get("caller")]
    heard = {id(row): [e for e in row["told"] if e["event"] == "heard"] for row in rows}
    selves = [
        (row["text"], e["score"])
        for row in rows
        for k, e in enumerate(heard[id(row)])
        if not row.get("caller") or e["clock_s"] < row["called_s"] or k > 0
    ]
    said = [e for row in rows for e in row["told"] if e["event"] == "said"]
    found = [e for e in said if "late_s" in e]
    answered = sum(bool(heard[id(row)]) for row in calls)
    return {
        "utterances": len(talk),
        "calls": len(calls),
        "calls_heard": answered,
        "heard_share": round(answered / len(calls), 3) if calls else None,
        "self_triggers": len(selves),
        "which": selves[:10],
        "gated": sum(e["event"] == "gated" for row in rows for e in row["told"]),
        "own_lines_that_would_wake": sum(e.get("own_score", -1) >= 0 for e in said),
        "heard_by_line": by_line(calls),
        "lines_found": len(found),
        "lines": len(said),
        "late_s": [round(float(x), 2) for x in np.percentile([e["late_s"] for e in found], [5, 50, 95])]
        if found
        else [],
        "left_db": [round(float(x), 1) for x in np.percentile([e["left_db"] for e in found], [5, 50, 95])]
        if found
        else [],
    }


def by_line(calls: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    """Callers that were heard, of how many, by what our own line scored: how far from a word it was."""
    out = {"far": [0, 0], "near": [0, 0], "would_wake": [0, 0]}
    for row in calls:
        score = max((e["own_score"] for e in row["told"] if "own_score" in e), default=-float("inf"))
        cell = out["far" if score < -GUARD else "near" if score < 0 else "would_wake"]
        cell[0] += any(e["event"] == "heard" for e in row["told"])
        cell[1] += 1
    return out
