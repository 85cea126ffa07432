"""The figures of an evaluation as lines to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.evaluate import Evaluation
from synth.evaluation_page import operating_points, points

MOST_VOICES = 12


def evaluation_text(told: Mapping[str, Any], found: Evaluation) -> str:
    """One bundle's: `told` as it is printed with `--json`, `found` what it was counted from."""
    alarms, conditions = told["false_accepts"], found.conditions()
    count = found.misses(condition=conditions[0])[1]
    lines = [f"{told['bundle']}: {count} recordings of the phrase, {found.hours:.2f} h of other sound",
             f"its own thresholds: {alarms['events']} false accepts in {alarms['hours']:.2f} h "
             f"= {alarms['per_hour']} /h (95 %: {alarms['ci95'][0]} to {alarms['ci95'][1]})",
             _row("missed at", conditions)]
    lines += [_row(name, cells) for name, *cells in operating_points(told, found)]
    if any(float(rate) * found.hours < 1 for rate in told["at_false_accepts_per_hour"]):
        lines.append(f"  * {found.hours:.2f} h cannot hold a whole false accept at this rate: none at all")
    if told["voices"]:
        lines.append(_row("by voice, at its own", conditions))
        lines += [_row(f"{name} ({row[conditions[0]]['of']})", [_cell(row[c]) for c in conditions])
                  for name, row in list(told["voices"].items())[:MOST_VOICES]]
        more = len(told["voices"]) - MOST_VOICES
        lines += [f"  and {more} more, missed less (all with --json or --report)"] if more > 0 else []
    lines += _members(told, conditions)
    for condition, late in told["latency_by_condition_s"].items():
        if late:
            lines.append(f"latency, {condition}: median {late['median'] * 1000:.0f} ms after the end of the "
                         f"phrase, 95 % within {late['p95'] * 1000:.0f} ms")
    for rate, by in told.get("against_first", {}).items():
        lines.append(_row(f"misses minus the first's, {rate}/h", [points(row) for row in by.values()]))
    return "\n".join(lines)


def _members(told: Mapping[str, Any], conditions: Sequence[str]) -> list[str]:
    if "members" not in told:
        return []
    lines = [_row("the OR minus its best member", conditions)]
    lines += [_row(f"{rate} false accepts/h", [points(by[c]["difference"]) for c in conditions])
              for rate, by in told["or_against_best_member"].items()]
    lines.append(_row("members alone, at their own", conditions))
    lines += [_row(f"{row['name']}, {row['false_accepts']['per_hour']:g} /h",
                   [_cell(row["misses"][c]) for c in conditions]) for row in told["members"][:MOST_VOICES]]
    more = len(told["members"]) - MOST_VOICES
    return lines + ([f"  and {more} more (with --json or --report)"] if more > 0 else [])


def _row(head: str, cells: Sequence[str]) -> str:
    return f"  {head:<30}" + "".join(f"{cell:<31}" for cell in cells).rstrip()


def _cell(row: Mapping[str, Any]) -> str:
    return f"{row['percent']:g} % ({row['ci95'][0]:g} to {row['ci95'][1]:g} %)"
