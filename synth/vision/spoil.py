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
    coarse: float = 0.11
    """pushes of the coarse grid, in half the glyph's longer side"""
    fine: float = 0.035
    """of the fine grid"""
    thin: float = 0.05
    """half the width of the finest pen, in the same unit"""
    thick: float = 0.2
    """of the boldest"""
    uneven: float = 0.3
    """of the logarithm of the pen's width along the stroke"""
    cut: float = 0.25
    """share of glyphs that lose a round piece"""
    blur: float = 0.5
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


def _field(key: Any, count: int, points: int) -> Any:
    """Smooth random fields [count, CANVAS, CANVAS] of about unit variance at the knots."""
    up = _smooth(points)
    return jnp.einsum("ip,npq,jq->nij", up, jax.random.normal(key, (count, points, points)), up)


def _one(key: Any, fields: Any, other: Any, how: Spoiling) -> Any:
    """One bent glyph [CANVAS, CANVAS], 0..1, from its fields [2, GRID, GRID] and another face's."""
    k = jax.random.split(key, 16)
    turn, shear, aspect = (jax.random.normal(k[i]) * s for i, s in
                           enumerate((how.turn, how.shear, how.aspect)))
    axis = jnp.linspace(-SPAN, SPAN, CANVAS)
    y, x = jnp.meshgrid(axis, axis, indexing="ij")
    far = jax.random.normal(k[3], (2,)) * how.perspective
    depth = 1 + far[0] * x + far[1] * y
    x, y = x / depth, y / depth
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    x, y = cos * x - sin * y, sin * x + cos * y
    x, y = (x + shear * y) * jnp.exp(-aspect / 2), y * jnp.exp(aspect / 2)
    amount = jax.random.uniform(k[4], (2,), minval=0.2, maxval=1.3) * jnp.array([how.coarse, how.fine])
    coarse, fine = _field(k[5], 2, COARSE), _field(k[6], 2, FINE)
    x = x + amount[0] * coarse[0] + amount[1] * fine[0]
    y = y + amount[0] * coarse[1] + amount[1] * fine[1]
    share = jax.random.uniform(k[7]) * (jax.random.uniform(k[8]) < how.blend)
    outline = (1 - share) * fields[0] + share * other[0]
    pen = jax.random.uniform(k[9]) < how.pen
    distance = _sampled(jnp.where(pen, fields[1], outline), x, y)
    width = jnp.exp(jax.random.uniform(k[10], minval=jnp.log(how.thin), maxval=jnp.log(how.thick)))
    width = width * jnp.exp(how.uneven * _field(k[11], 1, COARSE)[0] * jax.random.uniform(k[12]))
    width = jnp.where(pen, width, width * 0.6 - 0.04)
    softness = jnp.exp(jax.random.uniform(k[13], minval=jnp.log(0.012), maxval=jnp.log(0.05)))
    ink = jax.nn.sigmoid((width - distance) / softness)
    place = jax.random.uniform(k[14], (2,), minval=-1, maxval=1)
    size = jax.random.uniform(k[15], minval=0.05, maxval=0.2)
    hole = jnp.exp(-(((axis[None] - place[0]) ** 2 + (axis[:, None] - place[1]) ** 2) / size**2) ** 2)
    cut = jax.random.uniform(jax.random.fold_in(key, 1)) < how.cut
    return ink * (1 - cut * hole)


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
    keys = jax.random.split(key, 8)
    bent = jax.vmap(_one, in_axes=(0, 0, 0, None))(jax.random.split(keys[0], count), fields, other, how)
    stretch = jnp.exp(jax.random.normal(keys[1], (count,)) * how.frame)
    push = jax.random.normal(keys[2], (count, 2)) * how.frame * BOX
    small = jax.vmap(framed)(bent, stretch, push)
    radius = jax.random.uniform(keys[6], (count, 1, 1), minval=0.3, maxval=1.3)
    radius = jnp.where(jax.random.uniform(keys[7], (count, 1, 1)) < how.blur, radius, 0.05)
    away = jnp.arange(SIDE)[:, None] - jnp.arange(SIDE)[None]
    soft = jnp.exp(-((away[None] / radius) ** 2) / 2)
    soft = soft / soft.sum(axis=2, keepdims=True)
    small = soft @ small @ soft.transpose(0, 2, 1)
    level = jax.random.uniform(keys[3], (count, 1, 1), maxval=how.noise) ** 2 / how.noise
    gamma = jnp.exp(jax.random.normal(keys[4], (count, 1, 1)) * 0.3)
    return jnp.clip(small**gamma + level * jax.random.normal(keys[5], small.shape), 0, 1)
