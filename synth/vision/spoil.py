"""Glyph fields to pictures of handwriting: other pens, other hands, worse paper. In JAX, a batch at a time.

After Prabhu et al. 2019, "Fonts-2-Handwriting: A Seed-Augment-Train framework" (https://arxiv.org/abs/1905.08633);
the elastic bending is that of Simard et al. 2003 in spirit, with a coarse and a fine grid of random pushes.
What comes out went through the same framing as `edge.ink`, in the same arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from edge.ink import BOX, FAINT, SIDE
from synth.vision.strokes import GRID, REACH

CANVAS = 40  # pixels along each side of the picture that is bent, before it is framed
SPAN = 1.6  # what the canvas spans, in half the glyph's longer side
COARSE, FINE = 4, 7  # points of the grids of pushes along each side
NORMAL, EVEN = 7 + 3 * COARSE**2 + 2 * FINE**2, 12  # random numbers that one glyph takes
DIRT = 12  # and its dirt


@dataclass(frozen=True)
class Spoiling:
    """How much of everything; standard deviations or the ends of a range."""

    pen: float = 0.7
    """share of glyphs that a pen draws; the others keep their font's outline"""
    blend: float = 0.5
    """share of outlines that are a mean of two faces of any design"""
    turn: float = 0.16
    """radians"""
    shear: float = 0.22
    """sideways per unit of height"""
    aspect: float = 0.2
    """of the logarithm of width over height"""
    perspective: float = 0.08
    """of what is near and far"""
    lopsided: float = 0.12
    """how much larger one side is drawn than the other, and the top than the foot"""
    coarse: float = 0.13
    """pushes of the coarse grid, in half the glyph's longer side"""
    fine: float = 0.045
    """of the fine grid"""
    thin: float = 0.05
    """half the width of the finest pen, in the same unit"""
    thick: float = 0.17
    """of the boldest"""
    uneven: float = 0.3
    """of the logarithm of the pen's width along the stroke"""
    cut: float = 0.25
    """share of glyphs that lose a round piece"""
    dirt: float = 0.12
    """share of glyphs with the remains of a line along an edge, and as many with a smudge"""
    blur: float = 0.35
    """share of pictures that are blurred, as a bad camera or a small picture would"""
    noise: float = 0.08
    """the most, of full ink"""
    frame: float = 0.05
    """of the size and place in the frame that are left to chance"""


def _smooth(points: int) -> Any:
    """[CANVAS, points]: from a grid of random numbers to every pixel, by cubic splines."""
    from scipy.interpolate import CubicSpline

    knots = np.linspace(0, 1, points)
    return jnp.asarray(CubicSpline(knots, np.eye(points))(np.linspace(0, 1, CANVAS)), jnp.float32)


def _field(numbers: Any, points: int) -> Any:
    """A smooth random field [CANVAS, CANVAS] out of points * points normal numbers."""
    up = _smooth(points)
    return up @ numbers.reshape(points, points) @ up.T


def _between(share: Any, low: float, high: float) -> Any:
    """From a share 0..1 to a number between the two, evenly in its logarithm."""
    return low * (high / low) ** share


def _one(normal: Any, even: Any, fields: Any, other: Any, how: Spoiling) -> Any:
    """One bent glyph [CANVAS, CANVAS], 0..1, from its fields [2, GRID, GRID] and another face's, with NORMAL
    numbers of the normal distribution and EVEN of 0..1."""
    pushes = jnp.split(normal[7:], np.cumsum([COARSE**2] * 3 + [FINE**2]))
    turn, shear, aspect = normal[0] * how.turn, normal[1] * how.shear, normal[2] * how.aspect
    axis = jnp.linspace(-SPAN, SPAN, CANVAS)
    y, x = jnp.meshgrid(axis, axis, indexing="ij")
    depth = 1 + how.perspective * (normal[3] * x + normal[4] * y)
    x, y = x / depth, y / depth
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    x, y = cos * x - sin * y, sin * x + cos * y
    x, y = (x + shear * y) * jnp.exp(-aspect / 2), y * jnp.exp(aspect / 2)
    x = x + how.lopsided * normal[5] * (1 - jnp.clip(x, -1, 1) ** 2)
    y = y + how.lopsided * normal[6] * (1 - jnp.clip(y, -1, 1) ** 2)
    coarse, fine = how.coarse * (0.2 + 1.1 * even[0]), how.fine * (0.2 + 1.1 * even[1])
    x = x + coarse * _field(pushes[0], COARSE) + fine * _field(pushes[3], FINE)
    y = y + coarse * _field(pushes[1], COARSE) + fine * _field(pushes[4], FINE)
    share = even[2] * (even[3] < how.blend)
    outline = (1 - share) * fields[0] + share * other[0]
    pen = even[4] < how.pen
    distance = _sampled(jnp.where(pen, fields[1], outline), x, y)
    width = _between(even[5], how.thin, how.thick) * jnp.exp(
        how.uneven * even[6] * _field(pushes[2], COARSE))
    width = jnp.where(pen, width, width * 0.6 - 0.04)
    ink = jax.nn.sigmoid((width - distance) / _between(even[7], 0.012, 0.05))
    down, right, size = 2 * even[8] - 1, 2 * even[9] - 1, 0.05 + 0.15 * even[10]
    hole = jnp.exp(-((((axis[None] - right) ** 2 + (axis[:, None] - down) ** 2) / size**2) ** 2))
    return ink * (1 - (even[11] < how.cut) * hole)


def _dirtied(ink: Any, even: Any, how: Spoiling) -> Any:
    """The canvas with a piece of a ruled line near one of its edges, or a smudge anywhere, or neither; after
    DIRT numbers of 0..1."""
    axis = jnp.linspace(-SPAN, SPAN, CANVAS)
    place, width = 1.0 + 0.5 * even[0], 0.02 + 0.06 * even[1]
    across = jax.nn.sigmoid((width - jnp.abs(axis - place)) / 0.03)
    along = (axis > -SPAN * 1.5 * even[2]) & (axis < SPAN * 1.5 * even[3])
    line = across[:, None] * along[None] * (0.3 + 0.7 * even[4])
    line = jnp.where(even[5] < 0.5, line, line[::-1])
    line = jnp.where(even[6] < 0.5, line, line.T)
    down, right, size = SPAN * (2 * even[7] - 1), SPAN * (2 * even[8] - 1), 0.05 + 0.35 * even[9] ** 2
    away = (axis[:, None] - down) ** 2 + (axis[None] - right) ** 2
    smudge = jnp.exp(-away / size**2) * (0.15 + 0.6 * even[10])
    ink = jnp.maximum(ink, line * (even[11] < how.dirt))
    return jnp.maximum(ink, smudge * (even[11] > 1 - how.dirt))


def _sampled(field: Any, x: Any, y: Any) -> Any:
    """The field at the places x, y, bilinear; outside it goes on as at its edge."""
    column, row = ((v + REACH) / (2 * REACH) * GRID - 0.5 for v in (x, y))
    left, top = (jnp.clip(jnp.floor(v), 0, GRID - 2).astype(int) for v in (column, row))
    right, down = jnp.clip(column - left, 0, 1), jnp.clip(row - top, 0, 1)
    flat, at = field.reshape(-1), top * GRID + left
    upper = flat[at] * (1 - right) + flat[at + 1] * right
    lower = flat[at + GRID] * (1 - right) + flat[at + GRID + 1] * right
    return upper * (1 - down) + lower * down


def framed(ink: Any, stretch: Any = 1.0, push: Any = (0.0, 0.0)) -> Any:
    """[CANVAS, CANVAS] to [SIDE, SIDE] as `edge.ink.framed` does it: the longer side of what is inked is BOX
    pixels, its centre of mass in the middle; with `stretch` and `push` (down, right, in pixels) besides."""
    peak = jnp.maximum(ink.max(), 1e-6)
    marks = ink > FAINT * peak
    rows, columns = marks.any(axis=1), marks.any(axis=0)
    ends = [(jnp.argmax(v), v.shape[0] - jnp.argmax(v[::-1])) for v in (rows, columns)]
    longer = jnp.maximum(*(end - first for first, end in ends))
    scale = longer / (BOX * stretch)
    total = jnp.maximum(ink.sum(), 1e-6)
    middles = ((ink.sum(axis=1) * (jnp.arange(ink.shape[0]) + 0.5)).sum() / total,
               (ink.sum(axis=0) * (jnp.arange(ink.shape[1]) + 0.5)).sum() / total)
    down, across = (_shares(ink.shape[n], middles[n] - scale * (SIDE / 2 + push[n]), scale) for n in (0, 1))
    return jnp.clip(down @ ink @ across.T / peak, 0, 1)


def _shares(length: int, start: Any, scale: Any) -> Any:
    """[SIDE, length]: the shares of the old pixels in the new ones; see `edge.ink.shares`."""
    support = jnp.maximum(scale, 1.0)
    centre = start + (jnp.arange(SIDE) + 0.5) * scale
    near = jnp.abs(jnp.arange(length)[None] + 0.5 - centre[:, None])
    return jnp.maximum(0.0, 1 - near / support) / support


@partial(jax.jit, static_argnames=("how",))
def spoiled(key: Any, fields: Any, other: Any, how: Spoiling) -> Any:
    """Pictures [n, SIDE, SIDE], 0..1, white ink on black, of glyphs with these fields [n, 2, GRID, GRID];
    `other` are those of the same glyphs in other faces."""
    count = len(fields)
    keys = jax.random.split(key, 3)  # few calls: each of them takes a second to compile
    normal = jax.random.normal(keys[0], (count, NORMAL + 4))
    even = jax.random.uniform(keys[1], (count, EVEN + DIRT + 3))
    even, dirt = jnp.split(even, [EVEN + 3], axis=1)
    bent = jax.vmap(_one, in_axes=(0, 0, 0, 0, None))(normal[:, :NORMAL], even[:, :EVEN], fields, other, how)
    bent = jax.vmap(_dirtied, in_axes=(0, 0, None))(bent, dirt, how)
    stretch = jnp.exp(normal[:, NORMAL] * how.frame)
    small = jax.vmap(framed)(bent, stretch, normal[:, NORMAL + 1 : NORMAL + 3] * how.frame * BOX)
    blurred = even[:, EVEN] < how.blur
    radius = jnp.where(blurred, 0.3 + even[:, EVEN + 1], 0.05)[:, None, None]
    away = jnp.arange(SIDE)[:, None] - jnp.arange(SIDE)[None]
    soft = jnp.exp(-((away[None] / radius) ** 2) / 2)
    soft = soft / soft.sum(axis=2, keepdims=True)
    small = soft @ small @ soft.transpose(0, 2, 1)
    level = how.noise * even[:, EVEN + 2, None, None] ** 2
    gamma = jnp.exp(normal[:, NORMAL + 3, None, None] * 0.3)
    noisy = jnp.clip(small, 0, 1) ** gamma + level * jax.random.normal(keys[2], small.shape)
    return jnp.clip(noisy, 0, 1)
