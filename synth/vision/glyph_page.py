"""The report of a reader of glyphs: what it was taught with, and how it read real handwriting."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.page import counted, interval, page, table, text, tiles
from synth.vision.fonts import Found

Sheet = NDArray[np.float32]


def contact_sheet(sheet: Sheet) -> bytes:
    """Pictures [glyphs, n, side, side], 0..1, as one PNG: a row for each glyph, dark ink on light paper."""
    from PIL import Image

    rows = [np.concatenate(list(row), axis=1) for row in np.pad(sheet, ((0, 0), (0, 0), (2, 2), (2, 2)))]
    pixels = (255 - 255 * np.concatenate(rows)).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def report_html(manifest: Mapping[str, Any], sheet: Sheet, found: Found) -> str:
    """The page, the same bytes for the same bundle."""
    picture = base64.b64encode(contact_sheet(sheet)).decode()
    numbers = [(str(len(manifest["glyphs"])), "glyphs", manifest["glyphs"]),
               (str(len(found.designs)), "designs", f"{len(found.faces)} faces of {found.files} font files")]
    real = manifest["calibration"].get("handwriting")
    if real:
        wrong = real["wrong"]
        numbers.insert(0, (f"{100 - wrong['percent']:g} %", "of real handwriting read rightly",
                           f"{counted(wrong)} wrong; {interval(wrong)} wrong"))
    parts = [
        f"<h1>{text(manifest['name'])}</h1>",
        "<p class=soft>Reads handwriting, taught by fonts alone: no handwriting was seen.</p>",
        tiles(numbers),
        *(_said(real, manifest["glyphs"]) if real else [
            "<p class=warn>No real handwriting was at hand, so how well it reads is not known. Give a "
            "folder of it with --judge.</p>"]),
        "<h2>What it was taught with</h2>",
        f"<p><img alt='spoiled glyphs' src='data:image/png;base64,{picture}' style='max-width:100%'></p>",
        "<h2>Fonts</h2>",
        table(("Design", "Faces"), ((design, sum(f.design == design for f in found.faces))
                                    for design in found.designs)),
        f"<p class=soft>Left out: {found.without} files without one of the glyphs, {found.alike} faces that "
        f"draw as another does or whose design had enough, {len(found.unreadable)} files that could not be "
        f"read. Seed {manifest['seed']}. Versions: "
        f"{text(', '.join(f'{k} {v}' for k, v in manifest['versions'].items()))}.</p>",
    ]
    return page(f"{manifest['name']}: how well it reads", parts)


def _said(real: Mapping[str, Any], glyphs: str) -> list[str]:
    rows = [(glyph, *(real["said"][glyph].get(other, "") for other in glyphs)) for glyph in glyphs]
    return ["<h2>What it takes for what</h2>", table(("was \\ said", *glyphs), rows)]
