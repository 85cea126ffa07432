"""Glyphs as distance fields: of the outline, and of the line in the middle of the strokes.

A pen has one width and no serifs. So a glyph is thinned to the line that a pen would follow (Zhang and Suen
1984, https://doi.org/10.1145/357994.358023) and kept as the distance to that line; whoever draws it picks the
pen. The signed distance to the outline is kept beside it: its threshold makes strokes bolder or finer, and a
mean of two fonts' fields is a glyph between them. Both are smooth, so they are small and bend well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, zoom

from synth.vision.fonts import Face, Mask

GRID = 48  # points of a field along each side
REACH = 1.5  # what a field spans: -REACH..REACH, where the glyph's longer side spans -1..1
FINE = 96  # points along each side at which distances are taken

Fields = NDArray[np.float32]


def fields_of(faces: Sequence[Face]) -> Fields:
    """[faces, glyphs, 2, GRID, GRID]: signed distance to the outline (negative inside) and distance to the
    middle line, both in units of half the glyph's longer side."""
    return np.stack([np.stack([fields(mask) for mask in face.masks]) for face in faces])


def fields(mask: Mask) -> Fields:
    """The two fields [2, GRID, GRID] of one glyph [height, width], 0..1."""
    canvas = _centred(mask)
    inside = canvas > 0.5
    unit = FINE / (2 * REACH)  # points of the fine grid in half the longer side
    outline = distance_transform_edt(~inside) - distance_transform_edt(inside)
    line = thinned(inside)
    middle = distance_transform_edt(~line) if line.any() else np.maximum(outline, 0)
    half = np.stack([outline, middle]).reshape(2, GRID, 2, GRID, 2).mean(axis=(2, 4))
    found: Fields = (half / unit).astype(np.float32)
    return found


def _centred(mask: Mask) -> Mask:
    """The glyph in the middle of [FINE, FINE], its longer side FINE / REACH points."""
    wanted = FINE / REACH
    scale = wanted / max(mask.shape)
    small = np.clip(zoom(mask, scale, order=1, grid_mode=True, mode="nearest"), 0, 1)
    canvas = np.zeros((FINE, FINE), np.float32)
    top, left = (FINE - small.shape[0]) // 2, (FINE - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def thinned(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle line, one pixel wide, of a shape [height, width] that does not touch the border."""
    image = inside.copy()
    while True:
        before = image.sum()
        for first in (True, False):
            n = [np.roll(image, shift, axis=(0, 1)) for shift in
                 ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))]  # from north, round
            count = sum(x.astype(np.int8) for x in n)
            turns = sum((~a & b).astype(np.int8) for a, b in zip(n, [*n[1:], n[0]], strict=True))
            north, east, south, west = n[0], n[2], n[4], n[6]
            corner = ~(north & east & south) & ~(east & south & west) if first else (
                ~(north & east & west) & ~(north & south & west))
            image &= ~((count >= 2) & (count <= 6) & (turns == 1) & corner)
        if image.sum() == before:
            return image
