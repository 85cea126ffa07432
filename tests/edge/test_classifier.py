"""What the classifier sees, and what it refuses to look at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.camera.folder import read_picture
from edge.classifier import Classifier, ClassifierError, Plan, scaled
from edge.errors import DeviceError, ModelError
from edge.events import Frame
from edge.files import sha256_of

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "demo" / "pictures"
THINGS = ROOT / "models" / "things"
INPUT = {"name": "image", "size": [8, 8], "mean": 127.0, "std": 128.0}


@pytest.fixture(scope="module")
def things() -> Classifier:
    return Classifier.load("things")


def flat(*colour: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("file", "label"),
    [("cat", "tiger cat"), ("espresso", "espresso"), ("tripod", "tripod"), ("palace", "palace")],
)
def test_it_is_right_on_the_pictures_of_the_demo(things: Classifier, file: str, label: str) -> None:
    """A cat is a cat, an espresso an espresso; five labels come, best first, with their probabilities."""
    pytest.importorskip("PIL")
    seen = things.classify(read_picture(PICTURES / f"{file}.jpg"))
    assert seen.label == label
    assert seen.score > 0.3
    assert seen.source.endswith(f"{file}.jpg")
    assert (seen.label, seen.score) == seen.top[0]
    scores = [score for _, score in seen.top]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) <= 1 + 1e-5


def test_nearly_all_of_a_cat_is_cats(things: Classifier) -> None:
    """The three kinds of house cat share nine tenths of the probability between them."""
    pytest.importorskip("PIL")
    top = dict(things.classify(read_picture(PICTURES / "cat.jpg")).top)
    assert sum(top.get(cat, 0.0) for cat in ("tabby", "tiger cat", "Egyptian cat")) > 0.9


def test_the_size_of_a_picture_hardly_matters(things: Classifier) -> None:
    """The same espresso, four times as large, is the same espresso."""
    pytest.importorskip("PIL")
    frame = read_picture(PICTURES / "espresso.jpg")
    large = Frame(frame.pixels.repeat(4, axis=0).repeat(4, axis=1), frame.source)
    small, big = things.classify(frame), things.classify(large)
    assert small.label == big.label == "espresso"
    assert abs(small.score - big.score) < 0.2


def test_the_order_of_colours_is_red_green_blue() -> None:
    """A red card's red goes to the network's first channel, or to its last where the manifest says BGR.

    Looking at labels would not show it: with red and blue exchanged an espresso is still called one.
    """
    red = flat(220, 30, 20)
    rgb = Plan.of({**INPUT, "colour": "RGB"}, "x").tensor(red)
    bgr = Plan.of({**INPUT, "colour": "BGR"}, "x").tensor(red)
    expected = (np.array([220, 30, 20], np.float32) - 127) / 128
    np.testing.assert_allclose(rgb[0].mean(axis=(1, 2)), expected, atol=1e-5)
    np.testing.assert_allclose(bgr[0].mean(axis=(1, 2)), expected[::-1], atol=1e-5)


def test_layout_nhwc_is_the_same_picture() -> None:
    """A network that wants the colours last gets the same numbers."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    first = Plan.of(INPUT, "x").tensor(pixels)
    last = Plan.of({**INPUT, "layout": "NHWC"}, "x").tensor(pixels)
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), last)


SURPRISES: dict[str, Any] = {
    "nothing": None,
    "a list": [[1, 2, 3]],
    "grey": np.zeros((48, 64), np.uint8),
    "grey with an axis": np.zeros((48, 64, 1), np.uint8),
    "with alpha": np.zeros((48, 64, 4), np.uint8),
    "a batch": np.zeros((1, 48, 64, 3), np.uint8),
    "channels first": np.zeros((3, 48, 64), np.uint8),
    "no rows": np.zeros((0, 64, 3), np.uint8),
    "no columns": np.zeros((48, 0, 3), np.uint8),
    "16 bits": np.zeros((48, 64, 3), np.uint16),
    "floats": np.zeros((48, 64, 3), np.float32),
    "NaN": np.full((48, 64, 3), np.nan),
    "booleans": np.zeros((48, 64, 3), bool),
    "absurdly long": np.zeros((1, 20_000, 3), np.uint8),
}


@pytest.mark.parametrize("surprise", SURPRISES)
def test_e6_an_odd_frame_is_refused_by_name(things: Classifier, surprise: str) -> None:
    """E6: shape, type and size surprises are a ClassifierError naming the camera; the next frame works."""
    with pytest.raises(ClassifierError, match=r"cam: .*skipped"):
        things.classify(Frame(SURPRISES[surprise], "cam"))
    assert things.classify(Frame(flat(200, 200, 200), "cam")).label


def test_a_classifier_error_is_a_device_error() -> None:
    """The daemon skips what is wrong with frames as it skips what is wrong with cameras."""
    assert issubclass(ClassifierError, DeviceError)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (2, 3, 3), (3000, 20, 3), (225, 223, 3)])
def test_any_real_shape_is_looked_at(things: Classifier, shape: tuple[int, ...]) -> None:
    """Tiny and thin pictures have a label, too; so have arrays with strides of their own."""
    pixels = np.random.default_rng(1).integers(100, 256, shape, np.uint8)
    assert things.classify(Frame(pixels, "x")).label in things.labels
    assert things.classify(Frame(pixels[::-1, ::-1, ::-1], "x")).label in things.labels


@pytest.mark.parametrize(("level", "dark"), [(0, True), (7, True), (9, False), (255, False)])
def test_e5_darkness_has_no_label(things: Classifier, level: int, dark: bool) -> None:
    """E5: a black picture is dark, whatever a network would make of it; a white one is looked at."""
    seen = things.classify(Frame(flat(level, level, level), "cam"))
    assert (seen.label == "") is dark
    if dark:
        assert (seen.score, seen.top, seen.source) == (0.0, (), "cam")


def test_a_network_that_gives_nan_is_no_label(things: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that are none never become a label."""
    probabilities = np.full((1, 1000), np.nan, np.float32)
    monkeypatch.setattr(things, "_run", lambda _: probabilities)
    with pytest.raises(ClassifierError, match="NaN"):
        things.classify(Frame(flat(99, 99, 99), "cam"))


@pytest.mark.parametrize("shape", [(480, 640), (213, 320), (100, 90), (1080, 1920), (224, 224), (17, 400)])
def test_scaling_is_pillows(shape: tuple[int, int]) -> None:
    """Our antialiased scaling is Pillow's BILINEAR to one step of 255 and a half, up and down, with crops."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    for crop in (1.0, 0.875, 0.5):
        side = min(shape) * crop
        left, top = (shape[1] - side) / 2, (shape[0] - side) / 2
        box = (left, top, left + side, top + side)
        theirs = np.asarray(image.fromarray(pixels).resize((224, 224), image.Resampling.BILINEAR, box=box))
        # Pillow rounds to whole steps after each of its two passes. At a crop it also leaves out the pixels
        # beyond the box, which ours may touch at the edge: as a camera's picture goes on there, so do we.
        inside = slice(2, -2) if crop < 1 else slice(None)
        ours = scaled(pixels, (224, 224), crop)
        assert np.abs(ours - theirs)[inside, inside].max() <= 1.5


@pytest.mark.parametrize("shape", [(256, 256), (512, 512), (400, 600), (800, 512), (1024, 1280), (128, 128)])
def test_preparation_is_the_originals(shape: tuple[int, int]) -> None:
    """(x - 127) / 128 of the middle 224 x 224, the shorter side scaled to 256: equal to 1e-3.

    The original evaluates so (crop padding 32 of 256). The reference is Pillow on floats, which does not
    round to whole steps as it does on bytes; the shapes are those whose longer side needs no rounding either.
    """
    image = pytest.importorskip("PIL.Image")
    noise = np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)
    height, width = (round(side * 256 / min(shape)) for side in shape)
    top, left = (height - 224) // 2, (width - 224) // 2
    planes = []
    for k in range(3):
        plane = image.fromarray(noise[..., k].astype(np.float32))
        plane = plane.resize((width, height), image.Resampling.BILINEAR)
        planes.append(np.asarray(plane)[top : top + 224, left : left + 224])
    plan = json.loads((THINGS / "manifest.json").read_text())["input"]
    ours = Plan.of(plan, "x").tensor(noise)
    np.testing.assert_allclose(ours[0], (np.stack(planes) - 127) / 128, atol=1e-3)


def test_preparation_of_a_ramp_is_known() -> None:
    """Of 256 columns that are 0, 1, ... 255, the network sees (16 - 127) / 128 to (239 - 127) / 128."""
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (256, 1, 3))
    plan = json.loads((THINGS / "manifest.json").read_text())["input"]
    expected = (np.arange(16, 240) - 127) / 128
    np.testing.assert_allclose(Plan.of(plan, "x").tensor(ramp), np.tile(expected, (1, 3, 224, 1)), atol=1e-3)


@given(
    height=st.integers(1, 300), width=st.integers(1, 300), crop=st.floats(0.1, 1.0), level=st.integers(0, 255)
)
def test_scaling_keeps_a_plain_colour(height: int, width: int, crop: float, level: int) -> None:
    """Whatever the size and the crop, the shares of the pixels sum to one."""
    out = scaled(flat(level, level, level, height=height, width=width), (16, 24), crop)
    assert out.shape == (16, 24, 3)
    np.testing.assert_allclose(out, level, atol=1e-3)


def test_scaling_does_not_alias() -> None:
    """A fine chessboard becomes grey; every n-th pixel of it would be black or white."""
    board = (np.indices((640, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    out = scaled(board[:, :, None].repeat(3, axis=2), (64, 64))
    assert np.abs(out - 127.5).max() < 3


def test_a_crop_takes_the_middle() -> None:
    """Of a wide picture the sides fall away; what is seen is the middle."""
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    assert scaled(pixels, (10, 10), 0.9).min() == pytest.approx(255)


# Bundles that are refused. Each copy is changed in one way; its hashes are right unless they are the point.


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(THINGS, tmp_path / "mine"))


def rewrite(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"] = {name: sha256_of((folder / name).read_bytes()) for name in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_of_ones_own_is_tried_and_used(copy: Path) -> None:
    """A copied bundle, given by its path, sees what the shipped one sees."""
    pytest.importorskip("PIL")
    assert Classifier.load(copy).classify(read_picture(PICTURES / "espresso.jpg")).label == "espresso"


@pytest.mark.parametrize("file", ["labels.txt", "model.onnx"])
def test_a_changed_file_is_refused_by_its_hash(copy: Path, file: str) -> None:
    """One flipped bit in any file, and the bundle is refused, naming that file."""
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(ModelError, match=file):
        Classifier.load(copy)


def test_labels_and_outputs_must_agree(copy: Path) -> None:
    """With 999 labels for 1000 outputs, every name could be the wrong one."""
    lines = (copy / "labels.txt").read_text().splitlines(keepends=True)
    (copy / "labels.txt").write_text("".join(lines[:-1]))
    rewrite(copy)
    with pytest.raises(ModelError, match=r"1000.*999"):
        Classifier.load(copy)


def test_no_labels_at_all_are_refused(copy: Path) -> None:
    """An empty list of labels is a mistake of the bundle, not a crash."""
    (copy / "labels.txt").write_text("\n \n")
    rewrite(copy)
    with pytest.raises(ModelError, match="no labels"):
        Classifier.load(copy)


WRONG_INPUTS: dict[str, Any] = {
    "missing": None,
    "no table": [224, 224],
    "no size": {"name": "image", "mean": 0, "std": 1},
    "huge": {**INPUT, "size": [100_000, 100_000]},
    "zero": {**INPUT, "size": [0, 224]},
    "std 0": {**INPUT, "std": 0},
    "words": {**INPUT, "mean": "much"},
    "layout": {**INPUT, "layout": "CHWN"},
    "crop": {**INPUT, "crop": 2},
}


@pytest.mark.parametrize("wrong", WRONG_INPUTS)
def test_an_input_that_cannot_be_is_refused(wrong: str) -> None:
    """What a manifest says of its input is checked before it is believed."""
    with pytest.raises(ModelError, match="input"):
        Plan.of(WRONG_INPUTS[wrong], "manifest.json")


@pytest.mark.parametrize("change", [{"name": "picture"}, {"size": [64, 64]}])
def test_manifest_and_model_must_agree(copy: Path, change: dict[str, Any]) -> None:
    """A manifest that names another input or another size than the model has is refused at load."""
    told = json.loads((copy / "manifest.json").read_text())["input"] | change
    rewrite(copy, input=told)
    with pytest.raises(ModelError, match="manifest says"):
        Classifier.load(copy)


def test_a_hotword_is_no_classifier(copy: Path) -> None:
    """A bundle of another kind, and a single file, are refused with the reason."""
    rewrite(copy, kind="hotword")
    with pytest.raises(ModelError, match="classifier"):
        Classifier.load(copy)
    with pytest.raises(ModelError, match="manifest"):
        Classifier.load(copy / "model.onnx")


def test_labels_outside_the_folder_are_refused(copy: Path) -> None:
    """A manifest cannot have labels read from elsewhere."""
    rewrite(copy, labels="../secret.txt")
    with pytest.raises(ModelError, match="does not list"):
        Classifier.load(copy)


def test_a_name_nobody_has_is_refused_with_a_hint() -> None:
    """A typing mistake gets the nearest name."""
    with pytest.raises(ModelError, match="things"):
        Classifier.load("thinks")
