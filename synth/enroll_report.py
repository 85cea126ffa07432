"""The page of a personal bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.evaluate import Evaluation
from synth.page import counted, interval, missed, page, table, text, tiles
from synth.plots import false_accepts


def report_html(manifest: Mapping[str, Any], found: Evaluation) -> str:
    """The page, the same bytes for the same bundle."""
    calibration = manifest["calibration"]
    alarms, late, misses = (calibration[key] for key in ("false_accepts", "latency_s", "misses"))
    low, high = alarms["ci95"]
    numbers = [(counted(row), f"missed, {name}", interval(row)) for name, row in misses.items()]
    numbers.append((str(alarms["events"]), "false accepts",
                    f"in {alarms['hours']:.2f} h; {low:g} to {high:g} /h; thresholds aim at "
                    f"{calibration['target_false_accepts_per_hour']:g} /h"))
    if late:
        numbers.append((f"{late['median'] * 1000:.0f} ms", "from the word's end to the decision", "median"))
    beside = f", beside {len(manifest['members']) - 1} others" if "extends" in manifest else ""
    parts = [
        f"<h1>“{text(manifest['word'])}”</h1>",
        f"<p class=soft>A personal detector of {misses['clean']['of']} recordings{beside}, seed "
        f"{manifest['seed']}.</p>",
        *(f"<p class=warn>Exported although {text(p)}.</p>" for p in calibration.get("forced_over", ())),
        tiles(numbers),
        f"<p>Missed of: {text(calibration['missed_of'])}. So few recordings say little: the ranges are 95 % "
        "intervals (Wilson for shares, exact Poisson for rates). The false accepts are those of voices and "
        "recordings that nothing was trained on. It was made to hear one person; expect it to miss others."
        "</p>",
        *_second_look(manifest["speeds"]),
        *_others(calibration),
        "<h2>False accepts over time</h2>",
        "<p class=soft>Every dot is a moment of other speech that came close; what is above the line would "
        "have woken it.</p>",
        false_accepts(found),
        "<h2>The detectors</h2>",
        table(("Name", "Trained on", "Threshold (logit)"),
              ((m["name"], m["trained_on"], f"{m['threshold']:.2f}") for m in manifest["members"])),
        "<h2>What it learned to reject, and licences</h2>",
        table(("Recordings", "Kind", "Licence", "Package"),
              ((row["name"], row["kind"], row.get("licence", ""), row.get("package", ""))
               for row in manifest["data"])),
    ]
    return page(f"{manifest['word']}: how well it hears one person", parts)


def _second_look(speeds: Sequence[float]) -> list[str]:
    """That the figures are with it."""
    if not speeds:
        return []
    said = ("What comes near the word is heard once more, a little slower and a little faster, and the mean "
            "counts, as in the bundle that was extended. All thresholds and figures here are found with it.")
    return [f"<p>{text(said)}</p>"]


def _others(calibration: Mapping[str, Any]) -> list[str]:
    """What the detectors that were there already make of the recordings."""
    rows = calibration.get("missed_by_the_others_alone")
    if not rows:
        return []
    return ["<h2>What the personal detector adds</h2>",
            table(("Missed", "by all together", "by those that were there alone"),
                  ((name, missed(calibration["misses"][name]), missed(row)) for name, row in rows.items()))]
