"""Colours as people write them, and as a light needs them.

A colour is three numbers 0..1, red, green, blue, as on a screen (sRGB). An LED's brightness is as long as it
is switched on, so what goes to its pins is linear light; and halfway between two colours is where the eye
sees it, which is a straight line in OKLab (Björn Ottosson, "A perceptual color space for image processing",
2020). Mixed as linear light, most of the change would be over near the darker end.
"""

from __future__ import annotations

import re

from edge import config_check as check

Colour = tuple[float, float, float]

BLACK: Colour = (0.0, 0.0, 0.0)
NAMES: dict[str, str] = {
    "off": "#000000",
    "white": "#ffffff",
    "red": "#ff0000",
    "orange": "#ffa500",
    "yellow": "#ffff00",
    "green": "#00ff00",
    "cyan": "#00ffff",
    "blue": "#0000ff",
    "violet": "#8000ff",
    "magenta": "#ff00ff",
    "pink": "#ff80c0",
    "warm": "#ffb060",
}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")

# OKLab: linear sRGB to cone responses, their cube roots to lightness and two opponents, and back.
_CONES = ((0.4122214708, 0.5363325363, 0.0514459929), (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468), (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip
_FROM_LAB = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728),
             (1.0, -0.0894841775, -1.2914855480))  # fmt: skip
_FROM_CONES = ((4.0767416621, -3.3077115913, 0.2309699292), (-1.2684380046, 2.6097574011, -0.3413193965),
               (-0.0041960863, -0.7034186147, 1.7076147010))  # fmt: skip


def parse(text: str) -> Colour:
    """A name or #rrggbb. Raises ValueError with what was expected."""
    code = NAMES.get(text.strip().casefold(), text.strip())
    if not _HEX.fullmatch(code):
        raise ValueError(f'expected a colour: "#rrggbb" or one of {", ".join(NAMES)}')
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def colour(value: object) -> str:
    """The check of a key that is a colour; gives the text."""
    if not isinstance(value, str):
        raise check.Wrong('expected a colour in quotes, "#rrggbb" or a name')
    try:
        parse(value)
    except ValueError as error:
        raise check.Wrong(str(error) + check.nearest(value, NAMES)) from error
    return value


def linear(screen: Colour) -> Colour:
    """sRGB 0..1 to linear light 0..1 (IEC 61966-2-1): the share of time that an LED has to be on."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in screen)
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Linear light, `share` (0..1) of the way from `one` to `other`, both linear, as the eye sees it. Exact
    at both ends; what no LED can show is cut to 0..1."""
    if share <= 0 or one == other:
        return one
    if share >= 1:
        return other
    a, b = _to_lab(one), _to_lab(other)
    between = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))
    roots = _times(_FROM_LAB, between)
    cones = (roots[0] ** 3, roots[1] ** 3, roots[2] ** 3)
    red, green, blue = (min(1.0, max(0.0, c)) for c in _times(_FROM_CONES, cones))
    return red, green, blue


def _to_lab(light: Colour) -> Colour:
    cones = _times(_CONES, light)
    return _times(_LAB, (cones[0] ** (1 / 3), cones[1] ** (1 / 3), cones[2] ** (1 / 3)))


def _times(matrix: tuple[Colour, Colour, Colour], x: Colour) -> Colour:
    one, two, three = (row[0] * x[0] + row[1] * x[1] + row[2] * x[2] for row in matrix)
    return one, two, three
