"""The report of a bundle: one page, no scripts, nothing fetched, made to be looked at."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from synth.evaluate import RATES, Evaluation
from synth.plots import det_curve, false_accepts, latencies

STYLE = """
:root{--ink:#1d2733;--soft:#5b6b7c;--line:#dde4ea;--paper:#fff;--tile:#f4f7f9;--accent:#0b7285}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:0 auto;max-width:62rem;padding:2.5rem 1.25rem 4rem}
h1{font-size:2.1rem;margin:0}h2{font-size:1.2rem;margin:2.4rem 0 .6rem}p{margin:.4rem 0;max-width:46rem}
.soft{color:var(--soft)}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.8rem;
margin:1.4rem 0}.tile{background:var(--tile);border-radius:.6rem;padding:1rem 1.1rem}
.tile b{display:block;font-size:1.9rem;line-height:1.15;color:var(--accent)}.tile small{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.9rem}svg{max-width:100%;height:auto}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:1.2rem}
.warn{background:#fff3e0;border-left:4px solid #e67700;padding:.6rem 1rem}code{font-size:.9em}
"""


def report_html(manifest: Mapping[str, Any], found: Evaluation) -> str:
    """The page, the same bytes for the same bundle."""
    calibration = manifest["calibration"]
    parts = [
        f"<h1>“{_text(manifest['word'])}”</h1>",
        f"<p class=soft>A hotword made from its text alone: {_count(manifest['clips']['train'])} clips of "
        f"{_count_voices(manifest)} synthetic voices, {len(manifest['members'])} detectors in an OR, "
        f"preset {_text(manifest.get('preset', ''))}, seed {manifest['seed']}.</p>",
        *(f"<p class=warn>Exported although {_text(p)}.</p>" for p in calibration.get("forced_over", ())),
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
        _table(("Family", "Missed, clean", "95 % interval"),
               ((f, _of(row), _interval(row)) for f, row in calibration["families"].items())),
        "<h2>The detectors</h2>",
        _table(("Name", "Trained on", "Threshold (logit)"),
               ((m["name"], m["trained_on"], f"{m['threshold']:.2f}") for m in manifest["members"])),
        *_origins(manifest),
    ]
    title = f"{_text(manifest['word'])}: how well it hears"
    return (f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
            f"content='width=device-width,initial-scale=1'><title>{title}</title>"
            f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n")


def _tiles(calibration: Mapping[str, Any]) -> str:
    """The handful of numbers that a person asks for first."""
    alarms, late = calibration["false_accepts"], calibration["latency_s"]
    tiles = [(f"{row['percent']:g} %", f"missed, {name}", f"{_of(row)}; {_interval(row)}")
             for name, row in calibration["misses"].items()]
    low, high = alarms["ci95"]
    tiles.append((f"{alarms['per_hour']:g} /h", "false accepts",
                  f"{alarms['events']} in {alarms['hours']:.2f} h; {low:g} to {high:g} /h; "
                  f"thresholds aim at {calibration['target_false_accepts_per_hour']:g} /h"))
    if late:
        tiles.append((f"{late['median'] * 1000:.0f} ms", "from the word's end to the decision",
                      f"median; 95 % within {late['p95'] * 1000:.0f} ms"))
    cells = (f"<div class=tile><b>{_text(big)}</b>{_text(what)}<br><small>{_text(small)}</small></div>"
             for big, what, small in tiles)
    return f"<div class=tiles>{''.join(cells)}</div>"


def _operating_points(calibration: Mapping[str, Any], found: Evaluation) -> str:
    conditions = found.conditions()
    rows = [("its own thresholds", *(_missed(calibration["misses"][c]) for c in conditions))]
    for rate in RATES:
        at = calibration["at_false_accepts_per_hour"][str(rate)]
        fewer = " *" if rate * found.hours < 1 else ""
        rows.append((f"{rate:g} false accepts/h{fewer}", *(_missed(at[c]) for c in conditions)))
    note = (f"<p class=soft>* {found.hours:.2f} h of negatives cannot hold a whole false accept at this "
            "rate: the figure is for none at all in that time.</p>")
    return _table(("Missed at", *conditions), rows) + note


def _origins(manifest: Mapping[str, Any]) -> list[str]:
    voices = ((row["engine"], row["licence"], *(", ".join(row.get(way, ())) for way in ("train", "report")))
              for row in manifest["voices"])
    data = ((row["name"], row["kind"], row.get("licence", ""), row.get("package", ""))
            for row in manifest["data"])
    reasons = sorted(manifest["clips"]["left_out"].items())
    left = "; ".join(f"{count} times {reason}" for reason, count in reasons)
    return [
        "<h2>Whose voices</h2>",
        _table(("Engine", "Licence", "Trained on", "Held out for this report"), voices),
        f"<p class=soft>Clips left out: {_text(left or 'none')}.</p>",
        "<h2>What it learned to reject, and licences</h2>",
        _table(("Recordings", "Kind", "Licence", "Package"), data),
        f"<p class=soft>Spellings: {_text(', '.join(manifest['spellings']))}. Versions: "
        f"{_text(', '.join(f'{k} {v}' for k, v in manifest['versions'].items()))}.</p>",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{_text(h)}</th>' for h in head)}</tr>{body}</table>"


def _of(row: Mapping[str, Any]) -> str:
    return f"{row['misses']} of {row['of']}"


def _missed(row: Mapping[str, Any]) -> str:
    return f"{row['percent']:g} % ({_interval(row)})"


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['ci95'][0]:g} to {row['ci95'][1]:g} %"


def _count(families: Mapping[str, int]) -> str:
    return f"{sum(families.values()):,}"


def _count_voices(manifest: Mapping[str, Any]) -> int:
    return len({name for row in manifest["voices"] for name in row.get("train", ())})


def _text(value: object) -> str:
    return html.escape(str(value))
