"""What is drawn on pictures, looked at as a person would: by where the colours are."""

from __future__ import annotations

import io
import shutil
import sys

import numpy as np
import pytest

from edge import lettering
from edge.annotate import JOYFUL, LABEL, SAD, SIDE, annotated, blend, encoded
from edge.classifier import ClassifierError
from edge.errors import UsageError
from edge.events import Face, Frame, Seen

Image = pytest.importorskip("PIL.Image")

CAT = Seen("cat", 0.75, "x", (("cat", 0.75), ("dog", 0.2), ("cow", 0.04), ("hen", 0.01)))


def grey(height: int = 480, width: int = 640) -> Frame:
    return Frame(np.full((height, width, 3), 128, np.uint8), "x")


def of_colour(frame: Frame, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has just this colour."""
    return (frame.pixels == np.array(colour, np.uint8)).all(axis=2)


def lettered(text: str, height: int = 24, width: int = 400) -> np.ndarray:
    return np.asarray(lettering.words(text, height, width))


def test_the_picture_stays_and_rows_come_below() -> None:
    """Of a picture without faces not a pixel changes; under it is a row for each of three labels."""
    frame = grey()
    before = frame.pixels.copy()
    done = annotated(frame, [CAT])
    np.testing.assert_array_equal(frame.pixels, before)
    np.testing.assert_array_equal(done.pixels[:480], before)
    bars = of_colour(done, LABEL)[480:].sum(axis=1)
    starts = np.flatnonzero((bars > 0) & (np.roll(bars, 1) == 0))
    assert len(starts) == 3
    assert done.source == "x"


def test_a_bar_is_as_long_as_the_score() -> None:
    """0.75 fills three quarters of its row, NaN and less than nothing none of it, and nothing fails."""
    for score, share in ((0.75, 0.75), (1.0, 1.0), (float("nan"), 0.0), (-3.0, 0.0), (9.0, 1.0)):
        bar = of_colour(annotated(grey(), [Seen("", score, top=(("", score),))]), LABEL)
        assert bar.any(axis=0).sum() / 640 == pytest.approx(share, abs=0.02)


def test_a_face_is_framed_in_the_colour_of_its_joy() -> None:
    """The frame lies on the face's box, blue where it is sad and orange where it laughs."""
    for joy, colour in ((0.0, SAD), (1.0, JOYFUL)):
        box = (200.0, 150.0, 300.0, 280.0)
        done = annotated(grey(), [Seen("face", 0.9, faces=(Face(box, 0.9, joy),))])
        rows, columns = np.nonzero(of_colour(done, colour)[150:480])
        assert (columns.min(), columns.max()) == (200, 300)
        assert rows.max() + 150 == 280
        np.testing.assert_array_equal(done.pixels[170:260, 220:280], 128)
    assert blend(0.5) == tuple(round((s + j) / 2) for s, j in zip(SAD, JOYFUL, strict=True))


def test_boxes_keep_to_the_pixels_where_a_picture_is_enlarged() -> None:
    """In a picture of 120 x 90, drawn four times as large, the frame is where the face is."""
    done = annotated(grey(90, 120), [Seen("face", 0.9, faces=(Face((60, 30, 90, 60), 0.9, 1.0),))])
    columns = np.flatnonzero(of_colour(done, JOYFUL)[120:240].any(axis=0))
    assert (columns.min(), columns.max()) == (240, 360)


def test_boxes_that_lead_out_are_cut() -> None:
    """A face at the edge, outside, of no size, or of no number, breaks nothing."""
    boxes = [(-50, -50, 30, 30), (600, 400, 900, 900), (700, 500, 800, 600), (5, 5, 5, 5), (90, 90, 10, 10)]
    faces = tuple(Face(box, 0.9, joy) for box in boxes for joy in (0.3, float("nan")))
    assert annotated(grey(), [Seen("face", 0.9, faces=faces)]).pixels.shape[1] == 640


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (1, 3000), (3000, 1), (3000, 4000)])
def test_every_size_is_readable(shape: tuple[int, int]) -> None:
    """The longer side comes to 480 to 1920 pixels, and letters are a thirtieth of the width or 16 pixels."""
    done = annotated(grey(*shape), [CAT])
    height, width = done.pixels.shape[:2]
    assert width >= SIDE[0]
    assert max(width, height) <= SIDE[1] + width // 3
    assert of_colour(done, LABEL).any(axis=1).sum() >= 3 * 16


def test_what_is_no_picture_is_refused() -> None:
    """Odd pixels are the error that the daemon skips a picture for."""
    with pytest.raises(ClassifierError, match="float64"):
        annotated(Frame(np.zeros((4, 4, 3)), "x"), [CAT])  # type: ignore[arg-type]
    with pytest.raises(ClassifierError, match="shape"):
        encoded(Frame(np.zeros((4, 4), np.uint8), "x"))


def test_a_jpeg_comes_back() -> None:
    """`encoded` gives a JPEG of the picture with red first."""
    red = Frame(np.tile(np.array([220, 30, 20], np.uint8), (48, 64, 1)), "x")
    back = np.asarray(Image.open(io.BytesIO(encoded(red))))
    assert back.shape == (48, 64, 3)
    np.testing.assert_allclose(back.mean(axis=(0, 1)), (220, 30, 20), atol=4)


def test_dark_and_nothing_are_said() -> None:
    """A dark picture, and one in which nothing was found, have one row each, and it is not the same."""
    dark, nothing = (annotated(grey(), [seen]).pixels for seen in (Seen("", 0, dark=True), Seen("", 0)))
    assert dark.shape == nothing.shape
    assert (dark != nothing).any()


def test_a_long_label_is_cut() -> None:
    """A label of ten thousand letters, with line feeds in it, is one line and ends in an ellipsis."""
    long = lettered("a\nvery long\tlabel " * 600)
    assert long.shape[0] == 24
    assert 300 < long.shape[1] <= 400
    assert lettered("").shape == (24, 1)


@pytest.mark.parametrize("label", ["೫", "中文标签", "ಕನ್ನಡ", "\x00\u202e", "🤖", "\ud800"])
def test_letters_that_no_font_has_are_written_as_numbers(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without fontconfig, letters that Pillow's own font lacks become U+…; nothing fails."""
    monkeypatch.setattr(lettering, "_file_with", lambda _: None)
    lettering._font.cache_clear()
    shown = "".join(f"U+{ord(c):04X}" for c in label if c.isprintable())
    assert lettered(label).shape == lettered(shown).shape
    lettering._font.cache_clear()


@pytest.mark.skipif(not shutil.which("fc-match"), reason="no fontconfig here")
def test_a_font_that_has_the_letters_is_found() -> None:
    """Where a font on this machine has them, letters of other scripts are drawn as they are."""
    if not lettering._file_with(frozenset("Ω")):
        pytest.skip("fontconfig knows no font with Greek")
    assert lettered("ΩΩΩΩ").shape[1] < lettered("U+03A9" * 4).shape[1] / 2


def test_old_pillow_has_a_font_of_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Pillow 10.1 there is one font of one size: letters are enlarged, other scripts numbers."""
    fonts = lettering.pillow().ImageFont
    dots = fonts.load_default_imagefont()

    def load_default(*size: int) -> object:
        if size:
            raise TypeError("takes 0 positional arguments")
        return dots

    def truetype(*args: object, **options: object) -> object:
        raise OSError("cannot open resource")

    monkeypatch.setattr(fonts, "load_default", load_default)
    monkeypatch.setattr(fonts, "truetype", truetype)
    lettering._font.cache_clear()
    assert lettered("tiger cat", 40).shape[0] == 40
    assert lettered("೫", 40).shape == lettered("U+0CEB", 40).shape
    assert annotated(grey(), [CAT]).pixels.shape[1] == 640
    lettering._font.cache_clear()


def test_without_pillow_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare install is told what to install."""
    for name in ("PIL", "PIL.Image", "PIL.ImageDraw", "PIL.ImageFont"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"heychip\[camera\].*python3-pil"):
        annotated(grey(), [CAT])
