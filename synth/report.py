"""The report of a bundle: one page, no scripts, nothing fetched, made to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.evaluate import RATES, Evaluation
from synth.page import counted, interval, missed, page, table, text, tiles
from synth.plots import det_curve, false_accepts, latencies


def report_html(manifest: Mapping[str, Any], found: Evaluation) -> str:
    """The page, the same bytes for the same bundle."""
    calibration = manifest["calibration"]
    parts = [
        f"<h1>“{text(manifest['word'])}”</h1>",
        f"<p class=soft>A hotword made from its text alone: {_count(manifest['clips']['train'])} clips of "
        f"{_count_voices(manifest)} synthetic voices, {_count_detectors(manifest)}, "
        f"preset {text(manifest.get('preset', ''))}, seed {manifest['seed']}.</p>",
        *(f"<p class=warn>Exported although {text(p)}.</p>" for p in calibration.get("forced_over", ())),
        _tiles(calibration),
        "<p>All figures are of voices and recordings that neither training nor the search for thresholds has "
        "met, streamed through the very pipeline that listens on the Pi. The voices are synthetic: expect "
        "more misses of real people. Ranges are 95 % intervals (Wilson for shares, exact Poisson for "
        "rates).</p>",
        "<h2>Misses against false accepts</h2>",
        f"<div class=pair>{det_curve(found)}{latencies(found)}</div>",
        _operating_points(calibration, found),
        "<h2>False accepts over time</h2>",
        "<p class=soft>Every dot is a moment of the negative recordings that came close; what is above the "
        "line would have woken it.</p>",
        false_accepts(found),
        "<h2>By family of voices</h2>",
        table(("Family", "Missed, clean", "95 % interval"),
              ((f, counted(row), interval(row)) for f, row in calibration["families"].items())),
        "<h2>The detectors</h2>",
        table(("Name", "Trained on", "Threshold (logit)"),
              ((m["name"], m["trained_on"], f"{m['threshold']:.2f}") for m in manifest["members"])),
        *_union(calibration),
        *_origins(manifest),
    ]
    return page(f"{manifest['word']}: how well it hears", parts)


def _tiles(calibration: Mapping[str, Any]) -> str:
    """The handful of numbers that a person asks for first."""
    alarms, late = calibration["false_accepts"], calibration["latency_s"]
    rows = [(f"{row['percent']:g} %", f"missed, {name}", f"{counted(row)}; {interval(row)}")
            for name, row in calibration["misses"].items()]
    low, high = alarms["ci95"]
    rows.append((f"{alarms['per_hour']:g} /h", "false accepts",
                 f"{alarms['events']} in {alarms['hours']:.2f} h; {low:g} to {high:g} /h; "
                 f"thresholds aim at {calibration['target_false_accepts_per_hour']:g} /h"))
    if late:
        rows.append((f"{late['median'] * 1000:.0f} ms", "from the word's end to the decision",
                     f"median; 95 % within {late['p95'] * 1000:.0f} ms"))
    return tiles(rows)


def _operating_points(calibration: Mapping[str, Any], found: Evaluation) -> str:
    conditions = found.conditions()
    rows = [("its own thresholds", *(missed(calibration["misses"][c]) for c in conditions))]
    for rate in RATES:
        at = calibration["at_false_accepts_per_hour"][str(rate)]
        fewer = " *" if rate * found.hours < 1 else ""
        rows.append((f"{rate:g} false accepts/h{fewer}", *(missed(at[c]) for c in conditions)))
    note = (f"<p class=soft>* {found.hours:.2f} h of negatives cannot hold a whole false accept at this "
            "rate: the figure is for none at all in that time.</p>")
    return table(("Missed at", *conditions), rows) + note


def _union(calibration: Mapping[str, Any]) -> list[str]:
    """Why there are so many members, and what their OR is worth on the voices of this report."""
    chosen = calibration["members_chosen"]
    ours, best = chosen["or"], chosen["best_member"]
    said = (f"Of {chosen['members_tried']} trained, chosen on {chosen['scenes']} spoiled phrases of voices "
            f"that none of them heard: {chosen['why']} ({counted(ours)} missed against {counted(best)}, at "
            f"{chosen['at_false_accepts_per_hour']:g} false accepts/h).")
    parts = [f"<p>{text(said)}</p>", *_second_look(calibration.get("second_look"))]
    rows = [(f"{rate} /h, {condition}", counted(row["or"]), f"{counted(row['best_member'])}, {row['member']}",
             f"{row['difference']['points']:+g} ({row['difference']['ci95'][0]:g} to "
             f"{row['difference']['ci95'][1]:g})")
            for rate, at in calibration.get("or_against_best_member", {}).items()
            for condition, row in at.items()]
    if rows:
        parts += [table(("Missed at", "by the OR", "by the best member alone", "Difference in points"), rows),
                  "<p class=soft>The best member is picked with hindsight, for each row anew, on the voices "
                  "of this report; ranges are 95 % intervals of the paired difference.</p>"]
    return parts


def _second_look(worth: Mapping[str, Any] | None) -> list[str]:
    """What it is worth to hear what comes near the word a little slower and faster, too."""
    if not worth:
        return []
    said = ("What comes near the phrase is heard once more, a little slower and a little faster, and the "
            f"mean counts: of the same phrases {counted(worth['with'])} are missed so and "
            f"{counted(worth['without'])} without, at {worth['at_false_accepts_per_hour']:g} "
            "false accepts/h.")
    return [f"<p>{text(said)}</p>"]


def _origins(manifest: Mapping[str, Any]) -> list[str]:
    voices = ((row["engine"], row["licence"], *(", ".join(row.get(way, ())) for way in ("train", "report")))
              for row in manifest["voices"])
    data = ((row["name"], row["kind"], row.get("licence", ""), row.get("package", ""))
            for row in manifest["data"])
    reasons = sorted(manifest["clips"]["left_out"].items())
    left = "; ".join(f"{count} times {reason}" for reason, count in reasons)
    return [
        "<h2>Whose voices</h2>",
        table(("Engine", "Licence", "Trained on", "Held out for this report"), voices),
        f"<p class=soft>Clips left out: {text(left or 'none')}.</p>",
        "<h2>What it learned to reject, and licences</h2>",
        table(("Recordings", "Kind", "Licence", "Package"), data),
        f"<p class=soft>Spellings: {text(', '.join(manifest['spellings']))}. Versions: "
        f"{text(', '.join(f'{k} {v}' for k, v in manifest['versions'].items()))}.</p>",
    ]


def _count(families: Mapping[str, int]) -> str:
    return f"{sum(families.values()):,}"


def _count_detectors(manifest: Mapping[str, Any]) -> str:
    count = len(manifest["members"])
    return "one detector" if count == 1 else f"{count} detectors in an OR"


def _count_voices(manifest: Mapping[str, Any]) -> int:
    return len({name for row in manifest["voices"] for name in row.get("train", ())})
