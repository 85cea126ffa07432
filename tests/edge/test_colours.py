"""Colours: as people write them, as an LED needs them, and halfway between two."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.colours import NAMES, _to_lab, linear, mix, parse

SAD, JOYFUL = linear(parse("#000089")), linear(parse("#ff8f00"))
part = st.floats(0, 1)
light = st.tuples(part, part, part)


def test_names_and_numbers() -> None:
    """A name in any case, or six hexadecimal digits."""
    assert parse("Orange") == parse(NAMES["orange"]) == (1.0, 165 / 255, 0.0)
    assert parse(" #FF8000 ") == (1.0, 128 / 255, 0.0)


@pytest.mark.parametrize("text", ["", "#fff", "ff8000", "#gg0000", "blu", "#ff80001"])
def test_what_is_no_colour(text: str) -> None:
    """Anything else is refused, with what was expected."""
    with pytest.raises(ValueError, match="#rrggbb"):
        parse(text)


def test_the_kit_s_colours() -> None:
    """The default colours give an LED what the AIY kit gave it: (0, 0, 64) and (255, 70, 0) of 255."""
    assert [round(255 * c) for c in SAD] == [0, 0, 64]
    assert [round(255 * c) for c in JOYFUL] == [255, 70, 0]


def test_linear_light() -> None:
    """What looks half as bright is on for a fifth of the time (IEC 61966-2-1: 0.5 is 0.2140)."""
    assert linear((0.5, 0.0, 1.0)) == pytest.approx((0.21404, 0, 1), abs=1e-5)


def test_halfway_as_the_eye_sees_it() -> None:
    """Halfway from black to white is the grey of OKLab's lightness 0.5: 0.125 of the light, not a half."""
    assert mix((0, 0, 0), (1, 1, 1), 0.5) == pytest.approx((0.125, 0.125, 0.125), abs=1e-4)


def test_from_sad_to_joyful() -> None:
    """The blend grows lighter in equal steps, so that half of the joy is half of the way for the eye."""
    ways = [mix(SAD, JOYFUL, i / 20) for i in range(21)]
    lightness = [_to_lab(way)[0] for way in ways]
    steps = [after - before for before, after in pairwise(lightness)]
    assert steps == pytest.approx([sum(steps) / 20] * 20, rel=0.02)
    assert ways[0] == SAD
    assert ways[-1] == JOYFUL


@given(light, light, part)
def test_an_led_can_show_it(one: tuple[float, ...], other: tuple[float, ...], share: float) -> None:
    """Whatever is mixed stays within 0..1, and both ends are exact."""
    assert all(0 <= c <= 1 for c in mix(one, other, share))
    assert mix(one, other, 0) == one
    assert mix(one, other, 1) == other
