"""Ink that is no part of a glyph: remains of the grid it was written in, specks, smudges along the edge.

Forms and ruled exercise books are cut into cells, and the cell's lines come along. Unless they are taken out
before a glyph is framed by its box, they make it small and push it aside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MARKED = 0.15  # of the strongest ink: what is weaker joins no pieces
RIM = 0.25  # of the picture's shorter side: how far in the remains of a grid reach
FULL = 0.8  # of the picture's width or height: what a line of the grid covers
SPECK = 0.03  # of the heaviest piece of ink: what is lighter is dirt

Ink = NDArray[np.float32]
Marks = NDArray[np.bool_]


def without_dirt(strength: Ink) -> Ink:
    """[height, width], 0..1, without lines along the edge, without pieces that lie along the edge only, and
    without specks. Where the glyph itself touches the edge (it was cut out closely), what lies there may
    belong to it and stays."""
    marks = without_lines(strength > MARKED * float(strength.max()))
    pieces, count = joined(marks)
    if not count:
        return strength
    weight = np.bincount(pieces.ravel(), strength.ravel(), count + 1)[1:]
    y, x = np.indices(pieces.shape)
    depth = np.minimum(np.minimum(y, pieces.shape[0] - 1 - y), np.minimum(x, pieces.shape[1] - 1 - x))
    touching = np.isin(np.arange(1, count + 1), pieces[depth < 2])
    rim = touching & ~np.isin(np.arange(1, count + 1), pieces[depth >= RIM * min(pieces.shape)])
    main = int(np.where(rim & ~rim.all(), 0.0, weight).argmax())
    drop = weight < SPECK * weight[main]
    if not touching[main]:
        drop |= rim
    kept: Ink = np.where(np.append(False, drop)[pieces], 0, strength).astype(np.float32)
    kept[(strength > MARKED * float(strength.max())) & ~marks] = 0
    return kept


def without_lines(marks: Marks) -> Marks:
    """[height, width] without rows and columns near the edge that are marked from end to end, if what is left
    then stands free of the edge. (The bar of a closely cut 7 stays: its foot touches the edge.)"""
    left = marks.copy()
    reach = int(RIM * min(marks.shape))
    for lines, along in ((left, marks.mean(axis=1)), (left.T, marks.mean(axis=0))):
        at = np.flatnonzero(along >= FULL)
        lines[at[(at < reach) | (at >= len(along) - reach)]] = False
    pieces, count = joined(left)
    weight = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    if not count or (left == marks).all():
        return marks
    inside = np.zeros_like(left)
    inside[1:-1, 1:-1] = True
    main = pieces == 1 + int(weight.argmax())
    return left if not (main & ~inside).any() else marks


def joined(marks: Marks) -> tuple[NDArray[np.intp], int]:
    """Each mark's piece, 1 to the count that is given too, 0 where there is none; what touches, corners
    included, is one piece. By the runs of each row (Rosenfeld and Pfaltz 1966)."""
    parent = [0]
    found = np.zeros(marks.shape, np.intp)
    before: list[tuple[int, int, int, int]] = []

    def root(name: int) -> int:
        while parent[name] != name:
            name = parent[name]
        return name

    steps = np.diff(np.pad(marks, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for row in np.flatnonzero(steps.any(axis=1)):
        starts, ends = np.flatnonzero(steps[row] == 1).tolist(), np.flatnonzero(steps[row] == -1).tolist()
        above = [run for run in before if run[3] == row - 1]
        before = []
        for start, end in zip(starts, ends, strict=True):
            touched = {root(name) for first, last, name, _ in above if first <= end and last >= start}
            name = min(touched, default=len(parent))
            if not touched:
                parent.append(name)
            for other in touched:
                parent[other] = name
            before.append((start, end, name, int(row)))
            found[row, start:end] = name
    kept, places = np.unique([root(name) for name in range(len(parent))], return_inverse=True)
    pieces: NDArray[np.intp] = places[found]
    return pieces, len(kept) - 1
