"""Words as masks of any height, for pictures that a person looks at. Pillow, the extra `[camera]`.

Pillow's own font knows Latin letters only. For others fontconfig is asked which font has them; a letter that
no font here has is written as its number, U+0CCB, as an empty box would tell nobody anything.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from typing import Any

from edge.errors import UsageError

REMEDY = "pip install 'heychip[camera]', or on a Pi sudo apt install python3-pil"
LONGEST = 200  # letters; no picture has room for more
FC_MATCH_S = 3.0
NO_LETTER = "\U0010fffe"  # no font has it, so what is drawn for it is what stands for a missing letter
ELLIPSIS = "…"


def pillow() -> Any:
    """The package with Image, ImageDraw and ImageFont loaded. UsageError where it is not installed."""
    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
    except ImportError as error:
        raise UsageError(f"drawing on pictures needs Pillow: {REMEDY}") from error
    return PIL


def words(text: str, height: int, width: int) -> Any:
    """`text` on one line as a Pillow image of mode L, 255 where there is ink: `height` pixels high, at most
    `width` wide; what does not fit is cut with an ellipsis."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:LONGEST]).split())
    font = _font(height, frozenset(c for c in line if ord(c) > 0xFF))
    line = "".join(c if ord(c) < 0x7F or _has(font, c) else f"U+{ord(c):04X}" for c in line)
    if _length(font, line) > width:
        fits, no = 0, len(line)  # how many letters fit, by halving
        while no - fits > 1:
            middle = (fits + no) // 2
            inside = _length(font, line[:middle].rstrip() + ELLIPSIS) <= width
            fits, no = (middle, no) if inside else (fits, middle)
        line = line[:fits].rstrip() + (ELLIPSIS if _has(font, ELLIPSIS) else "...")
    return _mask(font, line, height, width)


def _mask(font: Any, line: str, height: int, width: int) -> Any:
    image = pillow().Image
    if not hasattr(font, "size"):  # Pillow's old font of dots, which has one size
        right, bottom = font.getbbox(line or " ")[2:]
        small = image.new("L", (max(1, right), max(1, bottom)))
        pillow().ImageDraw.Draw(small).text((0, 0), line, fill=255, font=font)
        return small.resize((max(1, min(width, right * height // max(1, bottom))), height))
    mask = image.new("L", (max(1, min(width, _length(font, line))), height))
    # "ls": at the left end of the base line, which is the same for all letters
    pillow().ImageDraw.Draw(mask).text((0, round(height * 0.78)), line, fill=255, font=font, anchor="ls")
    return mask


def _length(font: Any, line: str) -> int:
    return int(font.getlength(line)) + 1


@lru_cache(maxsize=64)
def _font(height: int, beyond: frozenset[str]) -> Any:
    """A font for lines of this height that has most of the letters `beyond` Latin-1."""
    fonts, size = pillow().ImageFont, max(6, round(height * 0.78))
    if beyond and (file := _file_with(beyond)):
        try:
            return fonts.truetype(file[0], size, index=file[1])
        except OSError:
            pass  # a format that FreeType does not take: then its numbers are shown
    try:
        return fonts.load_default(size)
    except TypeError:  # before Pillow 10.1
        try:
            return fonts.truetype("DejaVuSans.ttf", size)
        except OSError:
            return fonts.load_default()


@lru_cache(maxsize=256)
def _file_with(letters: frozenset[str]) -> tuple[str, int] | None:
    """The font that fontconfig holds best for these letters: its file and its place in it."""
    if not shutil.which("fc-match"):
        return None
    wanted = " ".join(f"{ord(c):x}" for c in sorted(letters))
    command = ["fc-match", "-f", "%{file}\n%{index}", f":charset={wanted}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FC_MATCH_S, check=True)
        file, _, index = done.stdout.partition("\n")
        return (file, int(index) & 0xFFFF) if file else None  # above, the number of a named instance
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _has(font: Any, letter: str) -> bool:
    """Whether a font can draw it: what it draws differs from what stands for a missing letter."""
    if letter.isspace():
        return True
    try:
        return _drawn(font, letter) != _drawn(font, NO_LETTER)
    except UnicodeEncodeError:  # the font of dots has Latin-1 and says so
        return ord(letter) < 0x100


def _drawn(font: Any, letter: str) -> bytes:
    mask = font.getmask(letter)
    return bytes(mask) + repr(mask.size).encode()
