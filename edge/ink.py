"""Handwriting on paper, on a screen or in a data set, brought to one form: white ink on black, framed.

The form is that of MNIST (LeCun et al. 1998): the longer side of what is inked is 20 pixels of 28, its centre
of mass is in the middle. So a photograph of a note, a scan, and a picture that had this form already all look
alike to a network. Dark ink on light paper is told from light on dark by the border, where paper is. What is
no part of the glyph, such as the remains of a printed grid, is left out by `edge.dirt`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.dirt import without_dirt

SIDE, BOX = 28, 20  # pixels: of the frame, and of the longer side of the ink within
WORKING = 96  # pixels of the longer side of a picture while its ink is looked for
BAND = 0.18  # of a picture's side: along its edge, more of this is paper than ink
FAINT = 0.25  # of the strongest ink: what is weaker does not count for the size
LEAST = 12.0  # of 255: a picture whose ink differs less from its paper has none

Ink = NDArray[np.float32]


def ink(pixels: NDArray[np.uint8]) -> Ink | None:
    """The ink in RGB [height, width, 3] as float32 [SIDE, SIDE], 0..255; None where there is none."""
    grey = reduced(pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    strength = on_paper(grey)
    return None if strength is None else framed(without_dirt(strength)) * 255


def reduced(grey: Ink) -> Ink:
    """[height, width] with a longer side of at most WORKING pixels."""
    scale = max(grey.shape) / WORKING
    if scale <= 1:
        return grey
    tall, wide = (max(1, round(length / scale)) for length in grey.shape)
    down = shares(grey.shape[0], 0.0, grey.shape[0] / tall, tall)
    across = shares(grey.shape[1], 0.0, grey.shape[1] / wide, wide)
    down /= down.sum(axis=1, keepdims=True)
    across /= across.sum(axis=1, keepdims=True)
    small: Ink = (down @ grey @ across.T).astype(np.float32)
    return small


def on_paper(grey: Ink) -> Ink | None:
    """How much ink is where: [height, width], 0..1. The paper is a tilted plane, fitted along the border."""
    height, width = grey.shape
    y, x = np.mgrid[0:height, 0:width]
    plane = np.stack([np.ones_like(x), x / width - 0.5, y / height - 0.5], -1).astype(np.float32)
    edge = np.ones(grey.shape, bool)
    edge[1:-1, 1:-1] = False
    band = np.ones(grey.shape, bool)  # not the outermost pixels alone: they may be the lines of a grid
    down, across = (max(1, round(BAND * side)) for side in grey.shape)
    band[down : height - down, across : width - across] = False
    level = float(np.median(grey[band]))
    paper = np.abs(grey - level) <= max(25.0, 3 * float(np.median(np.abs(grey[band] - level))))
    near = edge & paper if (edge & paper).sum() >= edge.sum() / 4 else paper
    tilt = np.array([level, 0, 0], np.float32)
    if min(height, width) >= 16:
        tilt = np.linalg.lstsq(plane[near], grey[near], rcond=None)[0]
    difference = grey - plane @ tilt
    top, bottom = np.percentile(difference, [99.5, 0.5])
    if -bottom > top:
        difference, top = -difference, -bottom
    if top < LEAST:
        return None
    rough = float(np.abs(difference[near]).mean())
    floor = min(2.5 * rough, 0.5 * float(top))  # the grain of the paper is no ink
    return np.clip((difference - floor) / (float(top) - floor), 0, 1).astype(np.float32)


def framed(strength: Ink) -> Ink:
    """[height, width], 0..1, as [SIDE, SIDE]: sized by its box, centred by its mass."""
    peak = max(float(strength.max()), 1e-6)
    marks = strength > FAINT * peak
    rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
    scale = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    scale = float(scale) / BOX
    total = float(strength.sum())
    down, across = (
        shares(len(sums), float(sums @ (np.arange(len(sums)) + 0.5)) / total - scale * SIDE / 2, scale, SIDE)
        for sums in (strength.sum(axis=1), strength.sum(axis=0))
    )
    return np.clip(down @ strength @ across.T / peak, 0, 1).astype(np.float32)


def shares(length: int, start: float, scale: float, wanted: int) -> Ink:
    """[wanted, length]: the share of each of `length` pixels in each of `wanted` that are `scale` pixels wide
    and begin at `start`. A triangle as wide as the reduction, plain bilinear where it enlarges; what lies
    outside counts as none."""
    support = max(scale, 1.0)
    centre = start + (np.arange(wanted) + 0.5) * scale
    near = np.abs(np.arange(length)[None] + 0.5 - centre[:, None])
    return (np.maximum(0.0, 1.0 - near / support) / support).astype(np.float32)
