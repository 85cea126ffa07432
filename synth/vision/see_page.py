"""The report of a vision bundle: how often it was right, what it takes for what, and its worst pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.page import counted, interval, page, table, text, tiles
from synth.vision.pictures import Picture

WORST = 24  # pictures that are shown
SHOWN = 140  # pixels of their longer side
MATRIX = "<style>.m td,.m th{text-align:center;padding:.3rem .5rem}.m th:first-child{text-align:right}" \
    ".worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem}" \
    ".worst figure{margin:0}.worst img{max-width:100%;border-radius:.3rem}" \
    "figcaption{font-size:.8rem;overflow-wrap:anywhere}</style>"


@dataclass(frozen=True)
class Looked:
    """What a bundle said of pictures that it had nothing to do with before."""

    labels: Sequence[str]
    """of its outputs"""
    known: int
    """how many of them are classes; the one after them is "unknown" """
    pictures: Sequence[Picture]
    truth: NDArray[np.intp]
    """[n]: place in `labels`"""
    probabilities: NDArray[np.float32]
    """[n, labels]"""

    @property
    def told(self) -> NDArray[np.intp]:
        """[n]: what it said."""
        found: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return found


def report_html(manifest: Mapping[str, Any], looked: Looked) -> str:
    """The page, the same bytes for the same bundle."""
    calibration = manifest["calibration"]
    wrong, called = calibration["wrong"], calibration["called_unknown"]
    strangers = calibration["unknown"]["strangers"]
    numbers = [(f"{100 - wrong['percent']:g} %", "told rightly",
                f"{counted(wrong)} wrong; {interval(wrong)} wrong"),
               (f"{called['percent']:g} %", "of known things called unknown", interval(called))]
    if strangers:
        caught = strangers["caught_when_left_out"]
        numbers.append((f"{caught['percent']:g} %", "of strange things called unknown",
                        f"each class left out in turn; {interval(caught)}"))
    counts = calibration["pictures"]
    left = manifest["sources"]["left_out"]
    parts = [
        MATRIX, f"<h1>{text(manifest['name'])}</h1>",
        f"<p class=soft>{text(', '.join(looked.labels[: looked.known]))}: taught by "
        f"{sum(counts['train'].values())} pictures, on the frozen features of {text('EfficientNet-Lite0')}, "
        f"seed {manifest['seed']}.</p>",
        tiles(numbers),
        "<p>All figures are of pictures that neither training nor calibration has met; pictures that look "
        "alike went the same way. Ranges are 95 % intervals (Wilson). They hold for pictures like yours: "
        "other rooms, light and cameras will be harder.</p>",
        "<h2>What it takes for what</h2>", confusion(looked),
        "<h2>Its worst pictures</h2>",
        "<p class=soft>Of the report's pictures those whose own class it believed in least.</p>",
        worst(looked),
        "<h2>Pictures</h2>",
        table(("Class", "Trained on", "Chosen with", "Reported on"),
              ((name, *(counts[way][name] for way in ("train", "choose", "report")))
               for name in counts["train"])),
        f"<p class=soft>Left out: {left['unreadable']} that could not be read, {left['twice']} that were "
        f"there twice. Licence of the features: {text(manifest['licence'])}. Versions: "
        f"{text(', '.join(f'{k} {v}' for k, v in manifest['versions'].items()))}.</p>",
    ]
    return page(f"{manifest['name']}: how well it sees", parts)


def confusion(looked: Looked) -> str:
    """Rows are what it was, columns what was said; the darker, the more of the row."""
    rows = []
    for k, name in enumerate(looked.labels):
        count = np.bincount(looked.told[looked.truth == k], minlength=len(looked.labels))
        if not count.sum():
            continue
        cells = []
        for j, n in enumerate(count):
            shade = n / count.sum()
            colour = f"11,114,133,{shade:.2f}" if j == k else f"230,119,0,{shade:.2f}"
            ink = ";color:#fff" if j == k and shade > 0.5 else ""
            cells.append(f"<td style='background:rgba({colour}){ink}'>{n or ''}</td>")
        rows.append(f"<tr><th>{text(name)}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th>{text(name)}</th>" for name in looked.labels)
    return f"<table class=m><tr><th>was \\ said</th>{head}</tr>{''.join(rows)}</table>"


def worst(looked: Looked) -> str:
    """The pictures whose own class got the least, worst first."""
    own = looked.probabilities[np.arange(len(looked.truth)), looked.truth]
    figures = []
    for k in np.argsort(own, kind="stable")[:WORST]:
        said, sure = looked.labels[looked.told[k]], float(looked.probabilities[k].max())
        verdict = "right" if looked.told[k] == looked.truth[k] else f"said {said}, {sure:.0%}"
        caption = f"{looked.labels[looked.truth[k]]} ({own[k]:.0%}): {verdict}"
        name = looked.pictures[k].path.name
        figures.append(f"<figure><img alt='{text(name)}' src='{_inline(looked.pictures[k].pixels)}'>"
                       f"<figcaption>{text(caption)}<br>{text(name)}</figcaption></figure>")
    return f"<div class=worst>{''.join(figures)}</div>"


def _inline(pixels: NDArray[np.uint8]) -> str:
    """A picture [height, width, 3] small enough to stand in a page, as a data address."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN, SHOWN))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
