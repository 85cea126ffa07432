"""Handwriting is brought to one form, whatever it came on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.classifier import Plan
from edge.errors import ModelError
from edge.ink import BOX, SIDE, framed, ink, shares

INK = {"name": "image", "size": [SIDE, SIDE], "mean": 127.5, "std": 127.5, "colour": "ink"}


def hook(height: int = 120, width: int = 160, paper: float = 255, pen: float = 0) -> NDArray[np.uint8]:
    """An L that is thicker below, off the middle."""
    grey = np.full((height, width), paper, np.float32)
    top, left = height // 6, width // 3
    grey[top : top + height // 2, left : left + 8] = pen
    grey[top + height // 2 : top + height // 2 + 12, left : left + height // 3] = pen
    return grey.astype(np.uint8)[:, :, None].repeat(3, axis=2)


def centre(image: NDArray[np.float32]) -> list[float]:
    places = np.arange(SIDE) + 0.5
    return [float((image.sum(axis=1 - n) * places).sum() / image.sum()) for n in (0, 1)]


def test_dark_on_light_is_light_on_dark() -> None:
    """A note on paper and the same on a blackboard come out alike."""
    dark, light = ink(hook()), ink(255 - hook())
    assert dark is not None
    assert light is not None
    np.testing.assert_allclose(dark, light, atol=1)


def test_it_stands_in_the_middle_and_fills_its_box() -> None:
    """As in MNIST: the longer side is 20 of 28 pixels, the centre of mass is in the middle."""
    found = ink(hook())
    assert found is not None
    assert found.shape == (SIDE, SIDE)
    assert centre(found) == pytest.approx([SIDE / 2, SIDE / 2], abs=0.3)
    rows = np.flatnonzero(found.max(axis=1) > 100)
    assert rows[-1] - rows[0] + 1 == pytest.approx(BOX, abs=1)


def test_a_picture_in_that_form_stays_as_it_is() -> None:
    """What has MNIST's form already goes through almost unchanged, so nothing is lost by doing it twice."""
    once = ink(hook())
    assert once is not None
    twice = ink(np.rint(once).astype(np.uint8)[:, :, None].repeat(3, axis=2))
    assert twice is not None
    assert np.abs(twice - once).mean() < 6


def test_light_that_falls_from_one_side_is_no_ink() -> None:
    """A shadow over the paper, half as dark at one side, changes little."""
    shade = np.linspace(1.0, 0.55, 160)[None, :, None]
    even, shaded = ink(hook()), ink((hook() * shade).astype(np.uint8))
    assert even is not None
    assert shaded is not None
    assert np.abs(even - shaded).mean() < 8


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_page_has_no_ink(level: int) -> None:
    """Nothing written gives nothing, and the tensor of such a page is all zeros."""
    page = np.full((60, 80, 3), level, np.uint8)
    assert ink(page) is None
    tensor = Plan.of(INK, "x").tensor(page)
    assert tensor.shape == (1, 1, SIDE, SIDE)
    assert not tensor.any()


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_any_picture_gives_finite_numbers_or_none(height: int, width: int, seed: int) -> None:
    """Whatever the pixels and the shape: no ink, or SIDE by SIDE numbers within 0..255."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    found = ink(pixels)
    assert found is None or (found.shape == (SIDE, SIDE) and 0 <= found.min() <= found.max() <= 255)


def test_shares_of_a_plain_field_sum_to_one() -> None:
    """Within the picture nothing is gained or lost, shrinking or enlarging."""
    for scale in (0.4, 1.0, 2.7):
        inner = shares(400, 100.0, scale, SIDE).sum(axis=1)
        np.testing.assert_allclose(inner, 1, atol=0.03)


def test_training_frames_as_the_pi_does() -> None:
    """The frame that training makes in JAX is the frame of `edge.ink`, number for number."""
    spoil = pytest.importorskip("synth.vision.spoil")
    image = np.zeros((spoil.CANVAS, spoil.CANVAS), np.float32)
    image[6:30, 10:14] = 0.9
    image[26:30, 10:32] = 0.6
    np.testing.assert_allclose(np.asarray(spoil.framed(image)), framed(image), atol=1e-4)


def test_grey_is_one_channel() -> None:
    """A network that wants grey gets one channel, in both layouts, with the shares that eyes give colours."""
    red = np.full((9, 9, 3), (200, 0, 0), np.uint8)
    plan = {"name": "x", "size": [8, 8], "mean": 0, "std": 1, "colour": "grey"}
    for layout, shape in (("NCHW", (1, 1, 8, 8)), ("NHWC", (1, 8, 8, 1))):
        tensor = Plan.of({**plan, "layout": layout}, "x").tensor(red)
        assert tensor.shape == shape
        np.testing.assert_allclose(tensor, 200 * 0.299, rtol=1e-4)


def test_ink_has_one_size() -> None:
    """A manifest that asks for ink of another size is refused with the right one."""
    with pytest.raises(ModelError, match=str(SIDE)):
        Plan.of({**INK, "size": [32, 32]}, Path("manifest.json"))
