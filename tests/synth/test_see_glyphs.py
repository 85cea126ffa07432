"""Glyphs of fonts become a bundle that reads handwriting. The fonts are those that matplotlib has with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jax
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from edge.bundle import verify_bundle
from edge.classifier import Classifier
from edge.errors import UsageError
from edge.events import Frame
from edge.ink import SIDE
from edge.onnx_scan import scan
from synth.cli import main
from synth.vision.fonts import MOST_FACES, Found, design_of, font_files, gather
from synth.vision.glyph_export import check_parity, exported
from synth.vision.glyph_net import KEEP_EVERY, Recipe, chances_of, logits, start_params, train
from synth.vision.glyphs import glyphs_of
from synth.vision.spoil import Spoiling, spoiled
from synth.vision.strokes import GRID, fields, fields_of, thinned

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
SOME = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "cmr10.ttf", "STIXGeneral.ttf")


def quiet(_: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    for name in SOME:
        shutil.copy(FONTS / name, folder)
    return folder


@pytest.fixture(scope="module")
def found(fonts: Path) -> Found:
    return gather(font_files(fonts), "0147", quiet)


def test_a_design_is_a_family_without_weight_and_width() -> None:
    """Ninety faces of one family are one design."""
    for ending in (" UI ExtraCondensed Light", "", " Black", " Semi Bold Italic"):
        family = f"Noto Sans Kannada{ending}"
        assert design_of(family) == "Noto Sans Kannada"
    assert design_of("Light") == "Light"


def test_fonts_that_lack_a_glyph_are_counted(fonts: Path) -> None:
    """Of the five fonts only DejaVu has Armenian letters; one broken file more changes nothing else."""
    (fonts / "broken.ttf").write_bytes(b"not a font")
    try:
        some = gather(font_files(fonts), "ԱԲ", quiet)
    finally:
        (fonts / "broken.ttf").unlink()
    assert {face.design for face in some.faces} <= {"DejaVu Sans", "DejaVu Serif"}
    assert len(some.faces) + some.alike + some.without == 5
    assert [name.partition(":")[0] for name in some.unreadable] == ["broken.ttf"]


def test_the_same_drawing_counts_once(fonts: Path, tmp_path: Path) -> None:
    """A font under two names is one face; a design gives a few faces at the most."""
    shutil.copy(fonts / "DejaVuSans.ttf", tmp_path / "a.ttf")
    shutil.copy(fonts / "DejaVuSans.ttf", tmp_path / "b.ttf")
    some = gather(font_files(tmp_path), "01", quiet)
    assert (len(some.faces), some.alike) == (1, 1)
    assert chances_of(["a", "a", "b"]) == pytest.approx([0.25, 0.25, 0.5])
    assert MOST_FACES >= 1


def test_every_face_draws_every_glyph(found: Found) -> None:
    """Glyphs are cut to their ink."""
    assert len(found.faces) == len(SOME)
    for face in found.faces:
        assert len(face.masks) == 4
        assert all(mask[0].max() > 0.3 and mask[:, -1].max() > 0.3 for mask in face.masks)


def test_thinning_leaves_a_line_in_the_middle() -> None:
    """Of a bar the line in its middle is left, one pixel wide, and of a ring a ring."""
    bar = np.zeros((40, 40), bool)
    bar[10:30, 16:25] = True
    line = thinned(bar)
    assert (line.sum(axis=1)[15:25] == 1).all()
    assert (line & bar).sum() == line.sum()
    assert np.abs(np.argmax(line[15:25], axis=1) - 20).max() <= 1
    y, x = np.mgrid[-20:20, -20:20]
    ring = thinned((np.hypot(y, x) < 15) & (np.hypot(y, x) > 8))
    assert not ring[20, 20]
    assert ring[20, :20].sum() == ring[20, 20:].sum() == 1


def test_fields_tell_inside_from_outside() -> None:
    """A glyph's outline field is negative in its ink; the middle line's field is nowhere negative, and
    where the ink is it is less than half a stroke."""
    mask = np.ones((60, 12), np.float32)
    outline, middle = fields(mask)
    assert outline.shape == (GRID, GRID)
    assert outline[GRID // 2, GRID // 2] < 0 < outline[0, 0]
    assert 0 <= middle.min() < 0.05
    assert middle[outline < 0].max() < 0.35


def test_spoiling_gives_pictures_that_differ(found: Found) -> None:
    """Same key, same pictures; another key, others; all of them 0..1, inked and framed."""
    table = fields_of(found.faces)[:, 1]
    one, two = (np.asarray(spoiled(jax.random.PRNGKey(k), table, table[::-1], Spoiling())) for k in (0, 1))
    again = np.asarray(spoiled(jax.random.PRNGKey(0), table, table[::-1], Spoiling()))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (len(SOME), SIDE, SIDE)
    assert 0 <= one.min() <= one.max() <= 1
    assert (one.sum(axis=(1, 2)) > 8).all()
    assert np.abs(one - two).mean() > 0.02


def test_without_spoiling_a_glyph_is_itself(found: Found) -> None:
    """With everything turned off the font's own outline comes out: a picture nearest to its own glyph."""
    calm = Spoiling(pen=0, blend=0, turn=0, shear=0, aspect=0, perspective=0, lopsided=0, coarse=0, fine=0,
                    thin=0.07, thick=0.0701, uneven=0, cut=0, dirt=0, blur=0, noise=1e-6, frame=0)
    table = fields_of(found.faces)
    one = table[0]
    made = np.asarray(spoiled(jax.random.PRNGKey(0), one, one, calm))
    other = np.asarray(spoiled(jax.random.PRNGKey(5), table[1], table[1], calm))
    apart = np.abs(made[:, None] - other[None]).mean(axis=(2, 3))
    assert (apart.argmin(axis=1) == np.arange(4)).all()


def test_the_file_says_what_the_network_says() -> None:
    """Exported by hand, the graph gives the probabilities of the network that was trained, and is small."""
    params = {k: np.asarray(v) for k, v in start_params(7, 0).items()}
    data = exported(params)
    pictures = np.random.default_rng(0).random((5, SIDE, SIDE)).astype(np.float32)
    check_parity(data, params, pictures)
    scan(data, "glyphs")
    assert len(data) < 400_000
    spoilt = {**params, "w": params["w"][::-1].copy()}
    with pytest.raises(UsageError, match="differs"):
        check_parity(data, spoilt, pictures)
    assert np.asarray(logits(params, pictures)).shape == (5, 7)


def test_a_bundle_comes_out(fonts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A few steps teach little, but the bundle is whole, is loaded by the daemon's classifier, and tells
    which fonts it was taught by and how it read the handwriting it was judged by."""
    for glyph in "01":
        (tmp_path / "real" / glyph).mkdir(parents=True)
    y, x = np.mgrid[0:40, 0:40]
    ring = np.where(np.abs(np.hypot(y - 20, x - 20) - 12) < 3, 0, 255).astype(np.uint8)
    Image.fromarray(ring).save(tmp_path / "real" / "0" / "a.png")
    line = np.where(np.abs(x - 20) < 3, 0, 255).astype(np.uint8)
    Image.fromarray(line).save(tmp_path / "real" / "1" / "a.png")
    out = tmp_path / "digits"
    code = main(["see", "--glyphs", "0 1", "--fonts", str(fonts), "--steps", "40", "--judge",
                 str(tmp_path / "real"), "--out", str(out), "--json"])
    assert code == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["handwriting"]["wrong"]["of"] == 2
    assert {check.state for check in verify_bundle(out)} == {"ok"}
    told = json.loads((out / "manifest.json").read_text())
    assert {row["design"] for row in told["sources"]["fonts"]} >= {"DejaVu Sans", "DejaVu Serif", "cmr10"}
    seen = Classifier.load(out).classify(Frame(ring[:, :, None].repeat(3, axis=2), "ring"))
    assert seen.label == "0"
    empty = Classifier.load(out).classify(Frame(np.full((30, 30, 3), 200, np.uint8), "page"))
    assert empty.label == ""


def test_a_training_that_was_stopped_goes_on(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the same training starts where its state was last kept, and ends with the very weights of
    one that was never stopped; nothing is left behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table, chances = fields_of(found.faces), chances_of([f.design for f in found.faces])
    recipe = Recipe(steps=KEEP_EVERY + 4, batch=8)
    whole = train(table, chances, recipe, 0, quiet)
    steps: list[int] = []

    def until_stopped(n: int) -> None:
        steps.append(n)
        if sum(steps) == KEEP_EVERY + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(table, chances, recipe, 0, until_stopped)
    assert len(list(tmp_path.rglob("*.npz"))) == 1
    again: list[int] = []
    parts = train(table, chances, recipe, 0, again.append)
    assert again == [KEEP_EVERY, 1, 1, 1, 1]
    for name, weights in whole.items():
        np.testing.assert_array_equal(parts[name], weights)
    assert not list(tmp_path.rglob("*.npz"))


WRONG = {
    "twice": (["--glyphs", "0010"], "stands there twice"),
    "one": (["--glyphs", "0"], "2 to"),
    "no font has it": (["--glyphs", "೦೧", "--fonts", "FONTS"], "none has all of"),
    "no folder": (["--glyphs", "01", "--fonts", "nowhere"], "no such folder"),
    "no steps": (["--glyphs", "01", "--steps", "0"], "at least 1"),
    "both": (["somewhere", "--glyphs", "01"], "not both"),
    "neither": ([], "folder of pictures, or --glyphs"),
    "no judge": (["--glyphs", "01", "--judge", "nowhere"], "no folder"),
    "steps of a folder": (["somewhere", "--steps", "3"], "go with --glyphs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_in_words(
    case: str, fonts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, what is wrong in words, and nothing written."""
    words, expected = WRONG[case]
    arguments = [str(fonts) if word == "FONTS" else word for word in words]
    assert main(["see", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_blanks_between_glyphs_do_not_count() -> None:
    """So that a list may be written as people write it."""
    assert glyphs_of(" a b\tc") == ("a", "b", "c")
