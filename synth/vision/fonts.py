"""Fonts: which there are, which of them have all the glyphs, and the glyphs as pictures.

A design is what a family's faces have in common, whatever their weight and width: ninety faces of one family
teach less than three families, so faces are counted by design, and a design gives no more than a few of them.
"""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.files import sha256_of

ENDINGS = (".ttf", ".otf", ".ttc", ".otc", ".woff", ".woff2")
SYSTEM = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
          "/System/Library/Fonts", "/Library/Fonts", "C:/Windows/Fonts")
PIXELS = 96  # of the em when a glyph is drawn
LARGEST = 4 * PIXELS  # a glyph that is wider or taller is a fault of its font
MOST_FACES = 8  # of one design
NOT_A_DESIGN = re.compile(
    r"\b(ui|display|caption|[1-9]00|(extra|ultra|semi|demi)?[ -]?(thin|hairline|light|book|regular|medium"
    r"|bold|black|heavy|condensed|narrow|wide|oblique|italic|slanted))\b", re.I)

Mask = NDArray[np.float32]


@dataclass(frozen=True)
class Face:
    """One face of a font file, with every glyph drawn."""

    path: Path
    number: int
    """of the face in its file; only collections have more than face 0"""
    family: str
    design: str
    """the family without its weights and widths"""
    masks: tuple[Mask, ...]
    """[height, width] each, 0..1, cut to the glyph, in the order that was asked for"""
    licence: str = ""
    """what the font file says of it: an address, or the first words"""


@dataclass(frozen=True)
class Found:
    """What a search for fonts came to."""

    faces: tuple[Face, ...]
    """those that have every glyph, no two alike"""
    files: int
    """font files that were looked at"""
    without: int
    """that lack one of the glyphs"""
    unreadable: tuple[str, ...]
    """their names, with the reason"""
    alike: int
    """faces left out because another draws the very same glyphs, or their design has enough"""

    @property
    def designs(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(sorted({face.design for face in self.faces}))


def font_files(where: str | Path) -> list[Path]:
    """The font files below a folder, or with "auto" all that fontconfig or the usual folders have. Raises
    UsageError where there are none."""
    if str(where) == "auto":
        found = _from_fontconfig() or _below([Path(p).expanduser() for p in SYSTEM])
        remedy = "install some (Debian: apt-get install fonts-noto-core), or name a folder with --fonts"
    else:
        folder = Path(where)
        if not folder.exists():
            raise UsageError(f"--fonts {folder}: no such folder")
        found = [folder] if folder.is_file() else _below([folder])
        remedy = f"it needs files that end in {', '.join(ENDINGS)}"
    if not found:
        raise UsageError(f"--fonts {where}: no font files there; {remedy}")
    return found


def _from_fontconfig() -> list[Path]:
    try:
        done = subprocess.run(["fc-list", "--format", "%{file}\n"], capture_output=True, timeout=60,
                              check=True)
    except (OSError, subprocess.SubprocessError):
        return []  # no fontconfig here: the usual folders are searched instead
    lines = set(done.stdout.decode(errors="replace").splitlines())
    return sorted(Path(line) for line in lines if Path(line).suffix.lower() in ENDINGS)


def _below(folders: Iterable[Path]) -> list[Path]:
    return sorted(p for folder in folders if folder.is_dir() for p in folder.rglob("*")
                  if p.suffix.lower() in ENDINGS and p.is_file())


def gather(files: Sequence[Path], glyphs: Sequence[str], done: Callable[[int], None]) -> Found:
    """The faces of `files` that have all of `glyphs` (one character each). `done(1)` after each file. Fonts
    that cannot be read are counted, not raised: a system with hundreds of fonts has a broken one."""
    faces: list[Face] = []
    unreadable: list[str] = []
    seen: set[str] = set()
    without = alike = 0
    count: dict[str, int] = {}
    for path in files:
        try:
            for number, family, licence in _covering(path, glyphs):
                masks = tuple(_drawn(path, number, glyph) for glyph in glyphs)
                same = sha256_of(b"".join(_shape_bytes(mask) for mask in masks))
                design = design_of(family or path.stem)
                if same in seen or count.get(design, 0) >= MOST_FACES:
                    alike += 1
                    continue
                seen.add(same)
                count[design] = count.get(design, 0) + 1
                faces.append(Face(path, number, family or path.stem, design, masks, licence))
        except _LacksError:
            without += 1
        except Exception as error:  # fontTools and FreeType raise about anything on a broken file
            unreadable.append(f"{path.name}: {type(error).__name__} {str(error)[:80]}")
        done(1)
    return Found(tuple(faces), len(files), without, tuple(unreadable), alike)


class _LacksError(Exception):
    """A font without one of the glyphs."""


def _covering(path: Path, glyphs: Sequence[str]) -> list[tuple[int, str, str]]:
    """Number, family and licence of the faces in a file that have all the glyphs. Raises _LacksError if none
    has."""
    from fontTools.ttLib import TTCollection, TTFont

    logging.getLogger("fontTools").setLevel(logging.CRITICAL)  # remarks that help nobody
    if path.suffix.lower() in {".ttc", ".otc"}:
        fonts: list[Any] = list(TTCollection(str(path), lazy=True).fonts)
    else:
        fonts = [TTFont(str(path), lazy=True)]
    out = []
    for number, font in enumerate(fonts):
        table = font.getBestCmap() or {}
        if all(ord(glyph) in table for glyph in glyphs):
            names = font["name"]
            licence = str(names.getDebugName(14) or names.getDebugName(13) or "").split("\n")[0].strip()
            out.append((number, str(names.getBestFamilyName() or ""), licence[:100]))
    if not out:
        raise _LacksError
    return out


def design_of(family: str) -> str:
    """A family's name without weights and widths: "Noto Sans Kannada UI Light" is "Noto Sans Kannada"."""
    return " ".join(NOT_A_DESIGN.sub(" ", family).split()) or family


def _drawn(path: Path, number: int, glyph: str) -> Mask:
    """The glyph at PIXELS an em, cut to its ink. Raises _LacksError where the font draws nothing."""
    from PIL import ImageFont

    font = ImageFont.truetype(str(path), PIXELS, index=number, layout_engine=ImageFont.Layout.BASIC)
    mask = font.getmask(glyph, mode="L")
    if not all(0 < side <= LARGEST for side in mask.size):
        raise _LacksError
    ink = np.asarray(mask, np.float32).reshape(mask.size[1], mask.size[0]) / 255
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.3), np.flatnonzero(ink.max(axis=0) > 0.3)
    if len(rows) < 4 or len(columns) < 2:
        raise _LacksError
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _shape_bytes(mask: Mask) -> bytes:
    return bytes(str(mask.shape), "ascii") + (mask > 0.5).tobytes()
