"""The peers' table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(told: Mapping[str, Any]) -> str:
    """A row for each system, then those that could not be measured, and what makes the figures worth less."""
    rows, variants = told["systems"], list(told["seconds"])
    machine = told["machine"]
    lengths = ", ".join(f"{name} {s:g} s" for name, s in told["seconds"].items())
    lines = [f"{machine['model']}, CPU time on one core; the peers' word is {told['word']}",
             f"sound: {told['sound']}; {lengths}"
             + ("; at the pace of the clock" if told["realtime"] else "")]
    if rows:
        width = max(len(row["system"]) for row in rows) + 2
        lines += ["", " " * width + "".join(f"{name:<46}" for name in variants) + "resident  start-up",
                  " " * width + f"{'of a core':<12}{'times the first row':<34}" * len(variants)
                  + "MB        CPU s"]
        lines += [_row(row, variants, width) for row in rows]
        lines += [f"{row['system']} is slower, so it heard only the first {at['heard_s']:g} s ({name})"
                  for row in rows for name, at in row["at"].items() if at["heard_s"] < told["seconds"][name]]
        rounds = rows[0]["at"][variants[0]]["rounds"]
        lines.append(f"medians of {rounds} rounds, in brackets the lowest and the highest; each round has "
                     "them in turns")
    lines += [f"{one['system']} was not measured: {one['why']}" for one in told["missing"]]
    if told["load"] is not None and told["load"] > machine["cores"] / 2:
        lines.append(f"other programs were running (load {told['load']:.1f}), which share the caches")
    if not told["complete"]:
        lines.append("ended early: this is what was measured until then")
    return "\n".join(lines)


def _row(row: Mapping[str, Any], variants: list[str], width: int) -> str:
    cells = ""
    for name in variants:
        share, times = row["at"][name]["core_percent"], row["at"][name]["times_first"]
        share_text = f"{share['median']:.2f} %"
        times_text = f"{times['median']:.2f} ({times['lowest']:.2f} to {times['highest']:.2f})"
        cells += f"{share_text:<12}{times_text:<34}"
    resident = "?" if row["resident_mb"] is None else f"{row['resident_mb']:.0f}"
    return f"{row['system']:<{width}}{cells}{resident:<10}{row['start_cpu_s']:.2f}"
