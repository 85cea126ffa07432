"""A row of glyphs to a vision bundle that reads them in handwriting, from fonts alone."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from edge.classifier import MODEL, Classifier
from edge.errors import UsageError
from edge.files import write_whole
from synth import progress
from synth.bundle import check_out, move, versions, write_manifest
from synth.vision.fonts import Found, font_files, gather
from synth.vision.glyph_export import INPUT, check_parity, exported
from synth.vision.glyph_net import Recipe, chances_of, train
from synth.vision.glyph_page import report_html
from synth.vision.judging import judged
from synth.vision.spoil import Spoiling, spoiled
from synth.vision.strokes import Fields, fields_of

MOST_GLYPHS = 200
SAMPLES = 16  # pictures of each glyph that the report shows and the export is compared on


@dataclass(frozen=True)
class Copybook:
    """What is asked for."""

    glyphs: tuple[str, ...]
    fonts: tuple[str, ...]
    """folders, font files, or "auto" """
    out: Path
    seed: int = 0
    judge: Path | None = None
    """a folder of real handwriting, one folder for each glyph"""
    recipe: Recipe = field(default_factory=Recipe)


def glyphs_of(written: str) -> tuple[str, ...]:
    """The characters of an option, without blanks. Raises UsageError where they cannot be told apart."""
    glyphs = tuple(c for c in written if not c.isspace())
    twice = sorted({g for g in glyphs if glyphs.count(g) > 1})
    if twice:
        raise UsageError(f"--glyphs: {' '.join(twice)} stands there twice; each glyph is a class of its own")
    if not 2 <= len(glyphs) <= MOST_GLYPHS:
        raise UsageError(f"--glyphs: {len(glyphs)} of them; 2 to {MOST_GLYPHS} can be told apart")
    return glyphs


def read_glyphs(book: Copybook) -> Path:
    """Makes the bundle and gives its folder. Raises UsageError where no font has the glyphs."""
    check_out(book.out)
    handwriting = judged(book.judge, book.glyphs) if book.judge else None
    files = sorted({file for where in book.fonts for file in font_files(where)})
    with progress.bar("fonts looked at", len(files)) as done:
        found = gather(files, book.glyphs, done)
    if not found.faces:
        raise UsageError(_none(book, found))
    progress.say(f"  {len(found.faces)} faces of {len(found.designs)} designs have all {len(book.glyphs)} "
                 "glyphs")
    if len(found.designs) < 3:
        progress.say("  so few designs teach little of how people write; more fonts help more than anything")
    fields = fields_of(found.faces)
    chances = chances_of([face.design for face in found.faces])
    with progress.bar("steps of training", book.recipe.steps) as done:
        params = train(fields, chances, book.recipe, book.seed, done)
    data = exported(params)
    sheet = samples(fields, chances, book.seed, book.recipe.spoiling)
    check_parity(data, params, sheet.reshape(-1, *sheet.shape[2:])[:64])
    with tempfile.TemporaryDirectory() as draft:
        folder = Path(draft) / "bundle"  # the temporary folder itself is closed to others, a bundle is not
        folder.mkdir()
        write_whole(folder / MODEL, data)
        write_whole(folder / "labels.txt", "".join(f"{g}\n" for g in book.glyphs).encode())
        names = [MODEL, "labels.txt"]
        manifest = _manifest(book, found)
        write_manifest(folder, manifest, names)
        if handwriting:
            manifest["calibration"] = {"handwriting": handwriting.of(Classifier(folder))}
        write_whole(folder / "report.html", report_html(manifest, sheet, found).encode())
        write_manifest(folder, manifest, [*names, "report.html"])
        return move(folder, book.out)


def samples(fields: Fields, chances: NDArray[np.float64], seed: int, how: Spoiling) -> NDArray[np.float32]:
    """[glyphs, SAMPLES, SIDE, SIDE]: what it was taught with."""
    glyphs = fields.shape[1]
    rng = np.random.default_rng(seed)
    face, other = (rng.choice(len(fields), glyphs * SAMPLES, p=chances) for _ in range(2))
    label = np.repeat(np.arange(glyphs), SAMPLES)
    made = spoiled(jax.random.PRNGKey(seed), jnp.asarray(fields[face, label]),
                   jnp.asarray(fields[other, label]), how)
    return np.asarray(made).reshape(glyphs, SAMPLES, *made.shape[1:])


def _none(book: Copybook, found: Found) -> str:
    """No font has all the glyphs: which of them are the trouble, and what to do."""
    said = f"--glyphs: of {found.files} font files none has all of {''.join(book.glyphs)}"
    if found.unreadable:
        said += f"; {len(found.unreadable)} could not be read ({found.unreadable[0]})"
    return said + ("; install fonts of that script (Debian: apt-get install fonts-noto-core, or for Kannada "
                   "fonts-knda), or name a folder of fonts with --fonts")


def _manifest(book: Copybook, found: Found) -> dict[str, Any]:
    recipe = book.recipe
    return {
        "schema": 1, "kind": "classifier", "name": book.out.name, "input": INPUT, "labels": "labels.txt",
        "licence": "made from the drawings of the fonts below; none of their files or outlines is in here",
        "made_by": "heychip-synth see --glyphs", "glyphs": "".join(book.glyphs), "seed": book.seed,
        "sources": {"fonts": [{"file": face.path.name, "face": face.number, "family": face.family,
                               "design": face.design, "licence": face.licence} for face in found.faces],
                    "left_out": {"without_a_glyph": found.without, "alike_or_enough": found.alike,
                                 "unreadable": len(found.unreadable)}},
        "training": {"steps": recipe.steps, "batch": recipe.batch, "spoiling": vars(recipe.spoiling)},
        "calibration": {}, "versions": versions(),
    }


