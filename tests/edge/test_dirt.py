"""What is no part of a glyph is left out; what is part of it stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.dirt import Ink, joined, without_dirt
from edge.ink import SIDE, ink


def ring(side: int = SIDE) -> Ink:
    """A zero in MNIST's form: four pixels of 28 are free around it."""
    y, x = np.mgrid[0:side, 0:side] - (side - 1) / 2
    return (np.abs(np.hypot(y, x) - 0.3 * side) < 0.06 * side).astype(np.float32)


def same(dirty: Ink) -> bool:
    """Whether exactly the ring is left of it."""
    return bool(((without_dirt(dirty) > 0) == (ring(len(dirty)) > 0)).all())


@pytest.mark.parametrize("side", [SIDE, 96])
@pytest.mark.parametrize("turns", range(4))
def test_lines_of_a_grid_are_left_out(side: int, turns: int) -> None:
    """A piece of a line along any edge, a line from end to end, and lines at two edges: the zero is left."""
    wide = side // 14
    for rows, columns in ((slice(0, wide), slice(3, side // 2)), (slice(wide, 2 * wide), slice(0, side))):
        dirty = ring(side)
        dirty[rows, columns] = 1
        assert same(np.rot90(dirty, turns).copy())
        dirty[:, :wide] = 0.7
        assert same(np.rot90(dirty, turns).copy())


def test_a_line_that_touches_the_glyph_is_left_out() -> None:
    """A zero that was written across the line of its cell loses the line only."""
    dirty = ring()
    top = int(np.flatnonzero(dirty.any(axis=1))[0])
    dirty[top - 1] = 1
    found = without_dirt(dirty) > 0
    assert not found[top - 1].any()
    assert found.sum() == (ring() > 0).sum()


def test_specks_are_left_out() -> None:
    """Single pixels of full ink beside the zero and within it."""
    dirty = ring()
    dirty[2, 5] = dirty[14, 14] = dirty[25, 20] = 1
    assert same(dirty)


def test_a_glyph_that_was_cut_out_closely_stays_whole() -> None:
    """The bar of a 7 and the feet of an E touch the edge, and so does the rest of them: all of it stays."""
    seven = np.zeros((SIDE, SIDE), np.float32)
    seven[:3] = 1
    seven[:, 18:22] = 1
    e = np.zeros((SIDE, SIDE), np.float32)
    e[:, :4] = e[:3] = e[-3:] = e[13:15] = 1
    for glyph in (seven, e):
        np.testing.assert_array_equal(without_dirt(glyph), glyph)


def test_two_strokes_are_one_glyph() -> None:
    """A glyph of two pieces that stand free of the edge keeps both."""
    two = np.zeros((SIDE, SIDE), np.float32)
    two[5:8, 6:20] = two[15:19, 6:20] = 1
    np.testing.assert_array_equal(without_dirt(two), two)


def test_pieces_are_told_apart() -> None:
    """A U is one piece though its arms meet only below; a dot beside it is another; corners join."""
    marks = np.zeros((6, 9), bool)
    marks[0:5, 1] = marks[0:5, 4] = marks[4, 1:5] = True
    marks[1, 7] = marks[2, 8] = True
    pieces, count = joined(marks)
    assert count == 2
    assert len(set(pieces[marks])) == 2
    assert pieces[0, 1] == pieces[0, 4]
    assert pieces[1, 7] == pieces[2, 8]
    assert (pieces[~marks] == 0).all()


@settings(deadline=None)  # the first call imports scipy
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_pieces_are_those_of_scipy(height: int, width: int, share: float, seed: int) -> None:
    """Any marks fall into the very pieces that scipy finds."""
    ndimage = pytest.importorskip("scipy.ndimage")
    marks = np.random.default_rng(seed).random((height, width)) < share
    theirs, number = ndimage.label(marks, np.ones((3, 3)))
    ours, count = joined(marks)
    assert count == number
    assert len({*zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True)} - {(0, 0)}) == number


def test_a_frame_of_lines_does_not_turn_ink_to_paper() -> None:
    """A white zero on black within a white frame is still white ink."""
    grey = ring() * 255
    grey[[0, -1]] = grey[:, [0, -1]] = 255
    framed, plain = (ink(p.astype(np.uint8)[:, :, None].repeat(3, axis=2)) for p in (grey, ring() * 255))
    assert framed is not None
    assert plain is not None
    assert np.abs(framed - plain).mean() < 2
