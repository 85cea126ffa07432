"""The accuracy benchmark's table of a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.evaluate import RATES

CONDITIONS = (("clean", None), ("10 dB", 10.0))


def text(told: Mapping[str, Any]) -> str:
    """Rows for each system and condition, the paired differences, and the check."""
    hours = told["negative_hours"]
    width = max(len(row["system"]) for row in told["systems"]) + 2
    head = [f"{rate:g}/h{' *' if rate * hours < 1 else ''}" for rate in RATES]
    heads = "".join(h.ljust(22) for h in (*head, "own threshold"))
    lines = [f"{told['word']}: {told['clips']} recordings, {hours} h of other sound, "
             f"{told['left_out']} left out",
             "missed, % (95 %)".ljust(width + 8) + heads + "false accepts/h there"]
    for row in told["systems"]:
        alarms = row["own"]["false_accepts"]
        for condition, _ in CONDITIONS:
            cells = [*(row["at"][str(rate)][condition] for rate in RATES), row["own"][condition]]
            there = f"{alarms['per_hour']:g} ({alarms['ci95'][0]:g} to {alarms['ci95'][1]:g})"
            lines.append(row["system"].ljust(width) + condition.ljust(8)
                         + "".join(f"{_range(cell['percent'], cell['ci95']):<22}" for cell in cells) + there)
    for pair in told["pairs"]:
        lines.append(f"{pair['system']} minus {pair['minus']}, points (95 %, McNemar's p)")
        for condition, _ in CONDITIONS:
            cells = [pair["at"][str(rate)][condition] for rate in RATES]
            lines.append(" " * width + condition.ljust(8) + "".join(
                f"{_range(cell['points'], cell['ci95'])} p {cell['p']:.2g}".ljust(30) for cell in cells))
    if any(rate * hours < 1 for rate in RATES):
        lines.append(f"* {hours} h cannot hold a whole false accept at this rate: it is for none at all")
    lines += [f"{row['system']}: our pipeline and openWakeWord's own code differ by at most "
              f"{row['largest_difference']:.2g} on {row['files']} files" for row in told["checked"]]
    return "\n".join(lines)


def _range(value: float, ci95: Sequence[float]) -> str:
    return f"{value:g} ({ci95[0]:g} to {ci95[1]:g})"
