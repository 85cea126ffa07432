"""Where the faces are: two small networks, one over the picture, the other closer up on what the first found.

Both are BlazeFace (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047). The first sees faces down to a
tenth of the picture, but takes a cat, a coin or a dahlia for one now and then; so each of its finds is looked
at again by the second, which was trained on faces that fill the picture, in two cuts around it. The score of
a face is the geometric mean of all three, and its box and points are those of the closest look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

REMEDY = "models/faces has an example"
POINTS = 4  # of the six that the networks give: both eyes, the nose, the mouth; the ears are left out


@dataclass(frozen=True)
class Find:
    """Something that may be a face, in pixels of the picture."""

    box: Floats
    """[4]: left, top, right, bottom"""
    score: float
    """0..1"""
    points: Floats
    """[4, 2]: x, y of the eye that is left in the picture, of the right one, the nose and the mouth"""


@dataclass(frozen=True)
class Net:
    """How one of the networks is fed and read: a part of a manifest."""

    file: str
    """the graph; its input is [1, side, side, 3], its outputs are logits [1, n] and boxes [1, n, 16]"""
    side: int
    """of the square that it takes, in pixels"""
    strides: tuple[int, ...]
    """pixels between two cells of its grids"""
    each: tuple[int, ...]
    """how many boxes a cell of each grid gives"""

    @classmethod
    def of(cls, told: Any, where: object) -> Net:
        """What a manifest tells. ModelError where it cannot be followed."""
        try:
            strides, each = (tuple(int(n) for n in told[key]) for key in ("strides", "each"))
            net = cls(str(told["file"]), int(told["side"]), strides, each)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                where, f"a network is not understood: {type(error).__name__} {error}", REMEDY
            ) from error
        good = 32 <= net.side <= 1024 and 0 < len(net.strides) == len(net.each) <= 4
        if not good or not all(4 <= n <= 256 for n in net.strides) or not all(1 <= n <= 16 for n in net.each):
            raise ModelError(where, f"a network cannot be used: {told}", REMEDY)
        return net

    def centres(self) -> Floats:
        """[n, 2]: x, y of the cell of each box, in pixels of the square."""
        grids = []
        for stride, each in zip(self.strides, self.each, strict=True):
            y, x = np.mgrid[: self.side // stride, : self.side // stride]
            cells = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride
            grids.append(np.repeat(cells, each, axis=0))
        return np.concatenate(grids).astype(np.float32)


def finds(
    logits: Floats, raw: Floats, centres: Floats, *, place: Floats, side: int, least: float
) -> list[Find]:
    """What a network said of the square `place` (left, top, right, bottom) of a picture, best first, those of
    a score below `least` and numbers that are none left out.

    logits [n] and raw [n, 16] in pixels of the square: middle, width and height, then six points."""
    scores = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    good = (scores >= least) & np.isfinite(raw).all(axis=1)
    scores, raw, centres = scores[good], raw[good], centres[good]
    scale, corner = (place[2] - place[0]) / side, place[:2]
    middles, halves = raw[:, :2] + centres, np.abs(raw[:, 2:4]) / 2
    boxes = np.concatenate([middles - halves, middles + halves], axis=1) * scale + np.tile(corner, 2)
    points = (raw[:, 4:].reshape(-1, 6, 2)[:, :POINTS] + centres[:, None]) * scale + corner
    return [
        Find(boxes[i].astype(np.float32), float(scores[i]), points[i].astype(np.float32))
        for i in apart(boxes, scores)
    ]


def best_of(found: list[Find]) -> list[Find]:
    """The best of each heap, best first."""
    if not found:
        return []
    boxes, scores = np.stack([find.box for find in found]), np.array([find.score for find in found])
    return [found[i] for i in apart(boxes, scores)]


def apart(boxes: NDArray[Any], scores: NDArray[Any], most: float = 0.3) -> list[int]:
    """The best of each heap of boxes [n, 4] that overlap by more than `most` of their union, best first."""
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(int(order[0]))
        order = order[1:][overlap(boxes[order[0]], boxes[order[1:]]) <= most]
    return kept


def overlap(one: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float32]:
    """The shares [n] of their unions that the box [4] has in common with each of `others` [n, 4]."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(one[2:] - one[:2])
    return np.asarray(common / np.maximum(areas - common, 1e-6), np.float32)


def parts(height: int, width: int, share: float) -> list[Floats]:
    """Squares that cover a picture and overlap by half, `share` of its longer side wide: one for 1."""
    side = max(height, width) * share

    def starts(length: int) -> NDArray[Any]:
        beyond = max(length - side, 0.0)
        return np.linspace(0, beyond, 1 + int(np.ceil(beyond / (side / 2) - 1e-6)))

    corners = [(x, y) for y in starts(height) for x in starts(width)]
    return [np.array([x, y, x + side, y + side], np.float32) for x, y in corners]


def square(box: NDArray[Any], times: float) -> Floats:
    """The square around the middle of a box [4], its side `times` the longer side of the box."""
    middle, half = (box[:2] + box[2:]) / 2, max(float(np.max(box[2:] - box[:2])), 1.0) * times / 2
    return np.concatenate([middle - half, middle + half]).astype(np.float32)


def cut(pixels: Pixels, place: NDArray[Any], side: int) -> Floats:
    """The square `place` (left, top, right, bottom) of `pixels` ([height, width, 3]) at [side, side, 3].

    0..255, antialiased; where the square goes beyond the picture it is black, as the networks were shown it.
    """
    left, top, right, bottom = (float(n) for n in place)
    (rows, down), (columns, across) = (
        _shares(length, start, end, side)
        for length, start, end in zip(pixels.shape[:2], (top, left), (bottom, right), strict=True)
    )
    low, high = int(columns.min()), int(columns.max()) + 1
    near = pixels[:, low:high]
    tall = np.zeros((side, high - low, 3), np.float32)
    for k in range(rows.shape[1]):
        tall += down[:, k, None, None] * near[rows[:, k]]
    out = np.zeros((side, side, 3), np.float32)
    for k in range(columns.shape[1]):
        out += across[:, k, None] * tall[:, columns[:, k] - low]
    return out


def _shares(length: int, start: float, end: float, wanted: int) -> tuple[NDArray[np.intp], Floats]:
    """Which of `length` pixels make each of `wanted` over start..end, and their shares: both [wanted, taps].

    A triangle as wide as the reduction, as in `edge.classifier`; here start..end may lie outside, and what
    is outside has a share of nothing."""
    scale = (end - start) / wanted
    support = max(scale, 1.0)
    centre = start + (np.arange(wanted) + 0.5) * scale
    first = np.floor(centre - support + 0.5).astype(np.intp)
    index = first[:, None] + np.arange(int(np.ceil(2 * support)) + 1)
    share = np.maximum(0.0, 1.0 - np.abs(index + 0.5 - centre[:, None]) / support)
    whole = share.sum(axis=1, keepdims=True)
    share[(index < 0) | (index >= length)] = 0.0
    return np.clip(index, 0, length - 1), (share / whole).astype(np.float32)
