"""Faces are found where they are and nowhere else; who laughs has joy, who does not has none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.camera.folder import read_picture
from edge.classifier import Classifier, ClassifierError, scaled
from edge.cli import main
from edge.errors import ModelError
from edge.events import Frame, Seen
from edge.face_finder import apart, cut, finds, overlap, parts, square
from edge.faces import Faces
from edge.files import sha256_of
from edge.lookers import open_looker

HERE = Path(__file__).with_name("faces")
ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo" / "pictures"
SMILING, SERIOUS = HERE / "smiling.jpg", HERE / "serious.jpg"


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces.load("faces")


def pixels(path: Path) -> NDArray[np.uint8]:
    pytest.importorskip("PIL")
    return read_picture(path).pixels


def look(faces: Faces, array: NDArray[np.uint8]) -> Seen:
    return faces.classify(Frame(array, "cam"))


def test_a_laughing_face_is_joy(faces: Faces) -> None:
    """The astronaut's face is found where it is, alone, and laughs."""
    seen = look(faces, pixels(SMILING))
    assert (seen.label, len(seen.faces), seen.dark, seen.source) == ("face", 1, False, "cam")
    face = seen.faces[0]
    assert seen.score == face.score > 0.8
    assert face.joy > 0.95
    assert overlap(np.array([113, 35, 170, 111]), np.array([face.box]))[0] > 0.5
    (left, _), (right, _), (_, nose), (_, mouth) = face.points
    assert left < right
    assert nose < mouth


def test_a_serious_face_is_none(faces: Faces) -> None:
    """Newton is found, too, and does not laugh; not even upside down in colour."""
    seen = look(faces, pixels(SERIOUS))
    assert len(seen.faces) == 1
    assert seen.faces[0].joy < 0.1
    grey = np.repeat(pixels(SERIOUS).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert look(faces, grey).faces[0].joy < 0.1


@pytest.mark.parametrize("name", ["cat", "espresso", "palace"])
def test_what_is_no_face_is_none(faces: Faces, name: str) -> None:
    """A cat looks one in the eye, a cup is round: no faces, no label, and it is not dark."""
    seen = look(faces, pixels(DEMO / f"{name}.jpg"))
    assert (seen.label, seen.score, seen.faces, seen.dark) == ("", 0.0, (), False)


def test_the_largest_face_is_first(faces: Faces) -> None:
    """Of two people in a picture the nearer one comes first, whoever is surer to be one."""
    smiling, serious = pixels(SMILING), pixels(SERIOUS)
    small = serious[:, 144:432][::2, ::2]
    canvas = np.full((330, 640, 3), 90, np.uint8)
    canvas[:320, 320:] = smiling
    canvas[20 : 20 + small.shape[0], 20 : 20 + small.shape[1]] = small
    seen = look(faces, canvas)
    assert len(seen.faces) == 2
    assert seen.faces[0].size > seen.faces[1].size
    assert seen.faces[0].joy > 0.9
    assert seen.faces[1].joy < 0.2


def test_a_mirror_image_has_the_same_joy(faces: Faces) -> None:
    """Left and right exchanged, the box is mirrored and joy stays, within 0.1."""
    array = pixels(SMILING)
    here, there = look(faces, array).faces[0], look(faces, array[:, ::-1]).faces[0]
    mirrored = np.array([[320 - here.box[2], here.box[1], 320 - here.box[0], here.box[3]]])
    assert overlap(np.array(there.box), mirrored)[0] > 0.7
    assert abs(here.joy - there.joy) < 0.1


def test_somebody_far_away_in_a_large_picture_is_found(faces: Faces) -> None:
    """A face of a fiftieth of the width is lost in the whole picture, and found in its parts."""
    face = pixels(SMILING)[::3, ::3]  # 107 pixels, the face 22 of them
    canvas = np.full((800, 1100, 3), 90, np.uint8)
    canvas[300 : 300 + len(face), 600 : 600 + len(face)] = face
    seen = look(faces, canvas)
    assert len(seen.faces) == 1
    assert 600 < seen.faces[0].box[0] < 707
    assert look(faces, canvas[::2, ::2]).faces == ()


@pytest.mark.parametrize("level", [0, 5])
def test_e5_darkness_is_told_as_darkness(faces: Faces, level: int) -> None:
    """E5: a black picture is dark and has no faces; a bright empty one is not dark."""
    assert look(faces, np.full((48, 64, 3), level, np.uint8)).dark
    assert not look(faces, np.full((48, 64, 3), 200, np.uint8)).dark


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 4), (0, 64, 3), (1, 48, 64, 3)])
def test_e6_an_odd_frame_is_refused_by_name(faces: Faces, shape: tuple[int, ...]) -> None:
    """E6: odd shapes are refused, naming the camera."""
    with pytest.raises(ClassifierError, match=r"cam: .*skipped"):
        look(faces, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (3000, 20, 3), (255, 257, 3)])
def test_any_real_shape_is_looked_at(faces: Faces, shape: tuple[int, ...]) -> None:
    """Thin pictures and tiny ones hold no face and do no harm, contiguous or not."""
    noise = np.random.default_rng(1).integers(100, 256, shape, np.uint8)
    assert look(faces, noise).faces == look(faces, noise[::-1, ::-1, ::-1]).faces == ()


def test_a_network_that_gives_nan_is_no_face(faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes and scores that are none are left out; joy that is none is an error of this picture."""
    run = Faces._run

    def nan(self: Faces, net: Any, name: str, image: Any) -> Any:
        out = run(self, net, name, image)
        return [np.full_like(one, np.nan) for one in out] if name in broken else out

    monkeypatch.setattr(Faces, "_run", nan)
    broken = {"far.onnx"}
    assert look(faces, pixels(SMILING)).faces == ()
    broken = {"near.onnx"}
    assert look(faces, pixels(SMILING)).faces == ()
    broken = {"joy.onnx"}
    with pytest.raises(ClassifierError, match="NaN"):
        look(faces, pixels(SMILING))


# What it is made of


def test_a_cut_of_all_is_the_scaling_of_the_classifier() -> None:
    """Where nothing is outside, the cut is the antialiased scaling that was measured against Pillow's."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    inner = cut(noise, np.array([0, 0, 300, 300]), 64)
    np.testing.assert_allclose(inner[2:-2, 2:-2], scaled(noise, (64, 64))[2:-2, 2:-2], atol=1e-3)


@settings(max_examples=50)
@given(
    left=st.integers(-400, 400),
    top=st.integers(-400, 400),
    side=st.integers(1, 500),
    level=st.integers(1, 255),
)
def test_a_cut_is_black_outside_and_true_inside(left: int, top: int, side: int, level: int) -> None:
    """Wherever the square lies, numbers stay within 0..255, and its share of the picture keeps the colour."""
    out = cut(np.full((90, 120, 3), level, np.uint8), np.array([left, top, left + side, top + side]), 32)
    assert out.shape == (32, 32, 3)
    assert -1e-3 <= out.min() <= out.max() <= level + 1e-3
    inside = max(0, min(120, left + side) - max(0, left)) * max(0, min(90, top + side) - max(0, top))
    if inside == 0:
        assert out[8:24, 8:24].max() < level
    margin = side // 16 + 2  # the antialiasing, or the enlargement, reaches so far
    if margin <= left <= 120 - side - margin and margin <= top <= 90 - side - margin:
        np.testing.assert_allclose(out[8:24, 8:24], level, atol=1e-2)


@given(height=st.integers(1, 4000), width=st.integers(1, 4000))
def test_parts_cover_the_picture(height: int, width: int) -> None:
    """Every corner and the middle lie in a part; the whole is one part."""
    assert len(parts(height, width, 1.0)) == 1
    squares = np.stack(parts(height, width, 0.5))
    for x, y in ((0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)):
        near = (squares[:, 0] <= x + 0.5) & (x - 0.5 <= squares[:, 2])
        assert (near & (squares[:, 1] <= y + 0.5) & (y - 0.5 <= squares[:, 3])).any()
    assert len(squares) <= 9


BOX = st.tuples(*[st.floats(0, 100)] * 2, *[st.floats(1, 50)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(st.tuples(BOX, st.floats(0, 1)), min_size=1, max_size=20))
def test_of_a_heap_the_best_stays(found: list[tuple[tuple[float, ...], float]]) -> None:
    """What stays does not overlap; what goes overlaps with something at least as good that stays."""
    boxes, scores = np.array([box for box, _ in found]), np.array([score for _, score in found])
    kept = apart(boxes, scores)
    for k, one in enumerate(kept):
        assert all(overlap(boxes[one], boxes[kept[:k]]) <= 0.3)
    for gone in set(range(len(found))) - set(kept):
        near = [one for one in kept if overlap(boxes[gone], boxes[one][None])[0] > 0.3]
        assert any(scores[one] >= scores[gone] for one in near)


def test_boxes_and_points_come_back_to_the_picture() -> None:
    """A box in the middle of a square of 128, at a place of the picture twice as large, is twice as large."""
    raw = np.zeros((1, 16), np.float32)
    raw[0, 2:4] = 20
    centres = np.array([[64, 64]], np.float32)
    place = square(np.array([100, 100, 228, 228]), 2.0)
    (found,) = finds(np.array([3.0]), raw, centres, place=place, side=128, least=0.5)
    np.testing.assert_allclose(found.box, [144, 144, 184, 184], atol=1e-3)
    np.testing.assert_allclose(found.points, np.full((4, 2), 164), atol=1e-3)


# Bundles


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(ROOT / "models" / "faces", tmp_path / "mine"))


def rewrite(folder: Path, section: str, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest[section] |= changes
    manifest["files"] = {name: sha256_of((folder / name).read_bytes()) for name in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_of_ones_own_is_tried_and_used(copy: Path) -> None:
    """A copied bundle, given by its path, finds what the shipped one finds."""
    assert len(look(Faces.load(copy), pixels(SMILING)).faces) == 1


@pytest.mark.parametrize("file", ["far.onnx", "near.onnx", "joy.onnx", "LICENSE"])
def test_a_changed_file_is_refused_by_its_hash(copy: Path, file: str) -> None:
    """One flipped bit in any file, and the bundle is refused, naming that file."""
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(ModelError, match=file):
        Faces.load(copy)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("find", {"score": 2}),
        ("find", {"least": 0.9}),
        ("find", {"zooms": []}),
        ("find", {"zooms": [100]}),
        ("find", {"part_share": 0.01}),
        ("find", {"far": None}),
        ("find", {"far": {"file": "far.onnx", "side": 256, "strides": [16], "each": [2]}}),
        ("find", {"near": {"file": "joy.onnx", "side": 128, "strides": [8, 16], "each": [2, 6]}}),
        ("find", {"near": {"file": "../far.onnx", "side": 128, "strides": [8, 16], "each": [2, 6]}}),
        ("find", {"far": {"file": "far.onnx", "side": 10**9, "strides": [16, 32], "each": [2, 6]}}),
        ("joy", {"class": "boredom"}),
        ("joy", {"side": 32}),
        ("joy", {"up": 7}),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(copy: Path, section: str, change: dict[str, Any]) -> None:
    """What a manifest says is checked, also against the graphs, before a picture is looked at."""
    rewrite(copy, section, **change)
    with pytest.raises(ModelError):
        Faces.load(copy)


def test_either_kind_is_opened_by_name(copy: Path) -> None:
    """`faces` is a finder of faces, `things` a classifier; a hotword is neither."""
    assert isinstance(open_looker("faces"), Faces)
    assert isinstance(open_looker("things"), Classifier)
    with pytest.raises(ModelError, match="kind"):
        open_looker("hey_chip")
    with pytest.raises(ModelError, match="folder"):
        open_looker(copy / "far.onnx")


def test_look_tells_faces_and_joy(capsys: pytest.CaptureFixture[str]) -> None:
    """`heychip look --model faces` prints each face and the joy of the largest; null where there is none."""
    pytest.importorskip("PIL")
    assert main(["look", "--model", "faces", str(SMILING), str(DEMO / "palace.jpg")]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["label"] == "face"
    assert len(first["faces"]) == 1
    assert len(first["faces"][0]["box"]) == 4
    assert first["joy"] == first["faces"][0]["joy"] > 0.9
    assert (second["label"], second["faces"], second["joy"]) == ("", [], None)


def test_the_shipped_bundle_is_listed_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """`heychip models` knows the kind, and every file is as its manifest says."""
    assert main(["models", "verify", "faces"]) == 0
    assert main(["models", "list"]) == 0
    assert "faces: faces" in capsys.readouterr().out
