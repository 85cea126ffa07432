"""The page of `heychip-synth evaluate --report`: what bundles make of people's recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.evaluate import RATES, Evaluation
from synth.page import interval, missed, page, table, text, tiles
from synth.plots import det_curve, det_curves, false_accepts, latencies

MOST_ROWS = 40


def evaluation_html(told: Sequence[Mapping[str, Any]], found: Sequence[Evaluation], left_out: int) -> str:
    """The page of one bundle or several: `told` holds the figures of each, as they are printed with `--json`,
    and `found` what they were counted from."""
    first = found[0]
    count = first.misses(condition=first.conditions()[0])[1]
    names = ", ".join(str(one["name"]) for one in told)
    parts = [
        f"<h1>{text(names)}</h1>",
        f"<p class=soft>On {count} recordings of the phrase and {first.hours:.2f} h of other sound"
        f"{f'; {left_out} recordings were left out' if left_out else ''}. Ranges are 95 % intervals (Wilson "
        "for shares, exact Poisson for rates).</p>",
    ]
    if len(told) > 1:
        parts += _side_by_side(told, found)
    for one, evaluation in zip(told, found, strict=True):
        parts += [f"<h1 style=margin-top:4rem>{text(one['name'])}</h1>"] if len(told) > 1 else []
        parts += _one(one, evaluation)
    return page(f"{names}: how well it hears", parts)


def _side_by_side(told: Sequence[Mapping[str, Any]], found: Sequence[Evaluation]) -> list[str]:
    lines = {str(one["name"]): evaluation for one, evaluation in zip(told, found, strict=True)}
    curves = [det_curves(lines, condition) for condition in found[0].conditions()[:2]]
    rows = [(one["name"], condition,
             *(points(one["against_first"][str(rate)][condition]) for rate in RATES))
            for one in told[1:] for condition in found[0].conditions()]
    return [
        f"<div class=pair>{''.join(curves)}</div>",
        f"<h2>Against {text(told[0]['name'])}</h2><p class=soft>Misses in points more (+) or fewer (-) on "
        "the same recordings at equal false accepts; p is McNemar's.</p>",
        table(("", "", *(f"{rate:g} false accepts/h" for rate in RATES)), rows),
    ]


def _one(told: Mapping[str, Any], found: Evaluation) -> list[str]:
    parts = [
        _tiles(told),
        "<h2>Misses against false accepts</h2>",
        f"<div class=pair>{det_curve(found)}{latencies(found)}</div>",
        table(("Missed at", *found.conditions()), operating_points(told, found)),
        f"<p class=soft>* {found.hours:.2f} h cannot hold a whole false accept at this rate: the figure is "
        "for none at all in that time.</p>",
    ]
    if voices := told["voices"]:
        parts += ["<h2>By voice</h2><p class=soft>At the bundle's own thresholds, the most missed first. "
                  "Voices are folders, or what precedes the number in names of files.</p>",
                  _conditions("Voice", voices, found)]
    parts += _members(told, found)
    parts += ["<h2>False accepts over time</h2>", false_accepts(found)]
    if woken := told["woken_by"]:
        parts.append(table(("What woke it", "at", "margin"),
                           ((row["file"], f"{row['time_s']:.2f} s", f"{row['margin']:.2f}")
                            for row in woken[:MOST_ROWS])))
    return parts


def _members(told: Mapping[str, Any], found: Evaluation) -> list[str]:
    if "members" not in told:
        return []
    rows = [(row["name"], f"{row['false_accepts']['per_hour']:g}",
             *(f"{row['misses'][c]['percent']:g} %" for c in found.conditions()), row["heard_by_it_only"])
            for row in told["members"][:MOST_ROWS]]
    beside = [(f"{rate} false accepts/h", condition, missed(row["or"]), missed(row["best_member"]),
               row["member"], points(row["difference"]))
              for rate, by in told["or_against_best_member"].items() for condition, row in by.items()]
    return [
        "<h2>The OR against its best member</h2><p class=soft>At equal false accepts. The member is picked "
        "with hindsight, on these recordings, which favours it. Below zero the OR misses fewer.</p>",
        table(("At", "", "The OR misses", "One member misses", "which", "Difference, points"), beside),
        "<h2>The members alone, at their own thresholds</h2>",
        table(("Member", "False accepts/h", *(f"missed, {c}" for c in found.conditions()),
               "Heard by it only"), rows),
    ]


def _conditions(head: str, rows: Mapping[str, Mapping[str, Any]], found: Evaluation) -> str:
    cells = ((name, row[found.conditions()[0]]["of"], *(missed(row[c]) for c in found.conditions()))
             for name, row in rows.items())
    return table((head, "Recordings", *(f"Missed, {c}" for c in found.conditions())), cells)


def operating_points(told: Mapping[str, Any], found: Evaluation) -> list[tuple[str, ...]]:
    """Rows of misses in each condition: at the own thresholds, then at each rate."""
    conditions = found.conditions()
    rows = [("its own thresholds", *(missed(told["misses"][c]) for c in conditions))]
    for rate, at in told["at_false_accepts_per_hour"].items():
        fewer = " *" if float(rate) * found.hours < 1 else ""
        rows.append((f"{rate} false accepts/h{fewer}", *(missed(at[c]) for c in conditions)))
    return rows


def points(row: Mapping[str, Any]) -> str:
    """A paired difference in per cent."""
    p = f"p {row['p']:g}" if row["p"] else "p < 0.0001"
    return f"{row['points']:+g} ({row['ci95'][0]:+g} to {row['ci95'][1]:+g}), {p}"


def _tiles(told: Mapping[str, Any]) -> str:
    alarms, late = told["false_accepts"], told["latency_s"]
    rows = [(f"{row['percent']:g} %", f"missed, {name}", f"{row['misses']} of {row['of']}; {interval(row)}")
            for name, row in told["misses"].items()]
    rows.append((f"{alarms['per_hour']:g} /h", "false accepts",
                 f"{alarms['events']} in {alarms['hours']:.2f} h; "
                 f"{alarms['ci95'][0]:g} to {alarms['ci95'][1]:g} /h"))
    if late:
        rows.append((f"{late['median'] * 1000:.0f} ms", "from the word's end to the decision",
                     f"median; 95 % within {late['p95'] * 1000:.0f} ms"))
    return tiles(rows)
