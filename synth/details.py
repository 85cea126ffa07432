"""What an evaluation tells beyond its summary: whose voices are missed, what each member is worth, when and
by what it was woken, and how two bundles compare on the same recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.events import HOP_S
from synth.evaluate import RATES, Evaluation, share
from synth.recordings import above
from synth.statistics import MERGE_S, events, paired, poisson

MOST_ALARMS = 100


def details(found: Evaluation, members: Sequence[str] = ()) -> dict[str, Any]:
    """All of it for one bundle, whose members have these names, ready for JSON."""
    told: dict[str, Any] = {
        "voices": voices(found),
        "latency_by_condition_s": {c: latency(found, condition=c) for c in found.conditions()},
        "woken_by": alarms(found),
        "missed": {c: [p.name for p, missed in zip(found.positives, found.best < 0, strict=True)
                       if missed and p.condition == c] for c in found.conditions()},
    }
    if len(members) > 1:
        told["members"] = [_member(found, k, name) for k, name in enumerate(members)]
        told["or_against_best_member"] = or_against_best(found, members)
    return told


def voices(found: Evaluation) -> dict[str, dict[str, Any]]:
    """The misses of every voice and group of voices in each condition, at the bundle's own thresholds; the
    most missed first. Empty where there is but one."""
    groups: dict[str, dict[str, list[bool]]] = {}
    for positive, best in zip(found.positives, found.best, strict=True):
        for group in above(positive.family):
            row = groups.setdefault(group, {condition: [] for condition in found.conditions()})
            row[positive.condition].append(bool(best < 0))
    if len({positive.family for positive in found.positives}) < 2:
        return {}
    rows = {name: {c: share(sum(missed), len(missed)) for c, missed in row.items()}
            for name, row in groups.items()}

    def worst(name: str) -> tuple[float, str]:
        missed = [sum(m) for m in groups[name].values()]
        return -sum(missed) / max(1, sum(len(m) for m in groups[name].values())), name

    return {name: rows[name] for name in sorted(rows, key=worst)}


def latency(found: Evaluation, **only: str) -> dict[str, float]:
    """Median and 95th percentile, from the end of the phrase to the decision; empty where none was heard."""
    late = found.latency_s(**only)
    if not len(late):
        return {}
    return {"median": round(float(np.median(late)), 3), "p95": round(float(np.percentile(late, 95)), 3)}


def alarms(found: Evaluation) -> list[dict[str, Any]]:
    """Every false accept at the bundle's own thresholds: in which recording, when, and how far over."""
    rows: list[dict[str, Any]] = []
    names = found.names or tuple(str(k) for k in range(len(found.negatives)))
    for name, margins in zip(names, found.negatives, strict=True):
        for hop in events(margins):
            top = float(margins[hop : hop + int(MERGE_S / HOP_S) + 1].max())
            rows.append({"file": name, "time_s": round((hop + 1) * HOP_S, 2), "margin": round(top, 2)})
    return sorted(rows, key=lambda row: -float(row["margin"]))[:MOST_ALARMS]


def _member(found: Evaluation, k: int, name: str) -> dict[str, Any]:
    """One member as if it were alone, at its own threshold and at fixed rates."""
    alone = found.alone(k)
    woken = alone.alarms()
    others = np.delete(found.member_best, k, axis=1)
    only = (alone.best >= 0) & (others < 0).all(axis=1)
    return {
        "name": name,
        "false_accepts": {"events": woken, "per_hour": round(woken / max(found.hours, 1e-9), 2),
                          "ci95": [round(x, 2) for x in poisson(woken, found.hours)]},
        "misses": {c: share(*alone.misses(condition=c)) for c in found.conditions()},
        "heard_by_it_only": int(only.sum()),
    }


def or_against_best(found: Evaluation, members: Sequence[str]) -> dict[str, dict[str, Any]]:
    """At each rate of false accepts and in each condition, the OR beside whichever member alone misses least
    there. That member is picked with hindsight, on these very recordings, so the comparison favours it."""
    alone = [found.alone(k) for k in range(len(members))]
    told: dict[str, dict[str, Any]] = {}
    for rate in RATES:
        together, offsets = found.offset(rate), [one.offset(rate) for one in alone]
        told[str(rate)] = {}
        for condition in found.conditions():
            missed = [one.missed(offset, condition=condition)
                      for one, offset in zip(alone, offsets, strict=True)]
            best = int(np.argmin([m.sum() for m in missed]))
            ours = found.missed(together, condition=condition)
            told[str(rate)][condition] = {
                "or": share(int(ours.sum()), len(ours)), "member": members[best],
                "best_member": share(int(missed[best].sum()), len(ours)),
                "difference": difference(ours, missed[best]),
            }
    return told


def against(first: Evaluation, second: Evaluation) -> dict[str, dict[str, Any]]:
    """The misses of `first` minus those of `second`, on the same recordings at the same rates."""
    told: dict[str, dict[str, Any]] = {}
    for rate in RATES:
        offsets = first.offset(rate), second.offset(rate)
        told[str(rate)] = {
            c: difference(first.missed(offsets[0], condition=c), second.missed(offsets[1], condition=c))
            for c in first.conditions()}
    return told


def difference(first: Any, second: Any) -> dict[str, Any]:
    """A paired difference [n] of misses in points (per cent), with its 95 % interval and p."""
    found = paired(first, second)
    return {"points": round(100 * found.difference, 1), "p": round(found.p, 4),
            "ci95": [round(100 * found.low, 1), round(100 * found.high, 1)]}
