"""Real handwriting, to judge a reader of glyphs by: nothing here is ever trained or chosen with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.camera.folder import PICTURES, PictureError, read_picture
from edge.classifier import Classifier
from edge.errors import UsageError
from synth import progress
from synth.evaluate import share


@dataclass(frozen=True)
class Handwriting:
    """Pictures by glyph."""

    files: dict[str, list[Path]]

    def of(self, classifier: Classifier) -> dict[str, Any]:
        """How often `classifier` misread it: in all, and glyph by glyph, with what it took it for."""
        rows: dict[str, dict[str, int]] = {}
        unreadable = 0
        with progress.bar("handwriting read", sum(map(len, self.files.values()))) as done:
            for glyph, paths in self.files.items():
                row = rows.setdefault(glyph, {})
                for path in paths:
                    try:
                        said = classifier.classify(read_picture(path)).label
                        row[said] = row.get(said, 0) + 1
                    except PictureError:
                        unreadable += 1
                    done(1)
        total = sum(sum(row.values()) for row in rows.values())
        right = sum(row.get(glyph, 0) for glyph, row in rows.items())
        return {"wrong": share(total - right, total), "said": rows, "unreadable": unreadable}


def judged(folder: Path, glyphs: Sequence[str]) -> Handwriting:
    """A folder with one folder for each glyph, named by the glyph itself or by its place (0, 1, …). Raises
    UsageError where one is missing or empty."""
    files = {}
    for place, glyph in enumerate(glyphs):
        found = next((f for f in (folder / glyph, folder / str(place)) if f.is_dir()), None)
        if found is None:
            raise UsageError(f"--judge {folder}: no folder {glyph} (or {place}) in it")
        files[glyph] = sorted(p for p in found.iterdir() if p.suffix.lower() in PICTURES)
        if not files[glyph]:
            raise UsageError(f"--judge {found}: no pictures in it ({', '.join(PICTURES)})")
    return Handwriting(files)
