"""A folder for each class becomes a bundle that the Pi can use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edge.bundle import verify_bundle
from edge.camera.folder import read_picture
from edge.classifier import Classifier
from edge.errors import UsageError
from synth.cli import main
from synth.vision.features import Backbone, spoiled
from synth.vision.head import Head, fitted, strangers, with_unknown
from synth.vision.pictures import LEAST, WAYS, album, class_folders


def quiet(_: int) -> None:
    """Progress that nobody watches."""


def picture(kind: str, seed: int) -> NDArray[np.uint8]:
    """Something that even a small network tells apart: discs, stripes or squares in many colours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:120, 0:150]
    back, front = rng.integers(0, 110, 3), rng.integers(150, 256, 3)
    if kind == "disc":
        down, right, radius = rng.integers(45, 75), rng.integers(50, 100), rng.integers(25, 42)
        inside = (y - down) ** 2 + (x - right) ** 2 < radius**2
    elif kind == "stripes":
        inside = (x * np.cos(a := rng.uniform(0, 3)) + y * np.sin(a)) % 14 < 7
    else:
        inside = ((y // 15 + x // 15) % 2 == 0) & (rng.random((120, 150)) < 0.9)
    out = np.where(inside[..., None], front, back) + rng.normal(0, 8, (120, 150, 3))
    return np.clip(out, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for k, kind in enumerate(("disc", "stripes", "squares")):
        (root / kind).mkdir()
        for n in range(7):
            Image.fromarray(picture(kind, 100 * k + n)).save(root / kind / f"{n}.png")
    return root


@pytest.fixture(scope="module")
def bundle(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "shapes"
    assert main(["see", str(folder), "--out", str(out), "--jobs", "1"]) == 0
    return out


def test_the_bundle_is_whole(bundle: Path) -> None:
    """Every file is listed with its hash; the last label is "unknown"; pictures are told by their hashes."""
    assert {check.state for check in verify_bundle(bundle)} == {"ok"}
    assert (bundle / "labels.txt").read_text().split() == ["disc", "squares", "stripes", "unknown"]
    told = json.loads((bundle / "manifest.json").read_text())
    pictures = told["sources"]["pictures"]
    hashes = [{row["sha256"] for row in pictures[way]} for way in WAYS]
    assert sum(map(len, hashes)) == len(set.union(*hashes)) == 21


def test_the_pi_tells_what_it_was_taught(bundle: Path) -> None:
    """New discs, stripes and squares are called so by the very classifier of the daemon, most of them."""
    classifier = Classifier.load(bundle)
    right = 0
    for k, kind in enumerate(("disc", "stripes", "squares")):
        for n in range(4):
            path = bundle.parent / f"{kind}{n}.png"
            Image.fromarray(picture(kind, 5_000 + 100 * k + n)).save(path)
            right += classifier.classify(read_picture(path)).label == kind
    assert right >= 8


def test_the_report_can_be_looked_at(bundle: Path) -> None:
    """The page has the matrix and pictures in itself, and fetches nothing."""
    page = (bundle / "report.html").read_text()
    assert "was \\ said" in page
    assert "data:image/jpeg;base64," in page
    assert "http" not in page


def test_the_same_seed_gives_the_same_bytes(bundle: Path, folder: Path, tmp_path: Path) -> None:
    """Model and labels are the same; another number of jobs changes nothing."""
    again = tmp_path / "shapes"
    assert main(["see", str(folder), "--out", str(again), "--jobs", "2"]) == 0
    for name in ("model.onnx", "labels.txt", "report.html"):
        assert (again / name).read_bytes() == (bundle / name).read_bytes()


def test_what_was_looked_at_is_not_looked_at_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the same command takes up the features it has; once more, it has them all, and gives the
    same bundle."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    looked: list[int] = []
    whole = Backbone.features

    def stopped(self: Backbone, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(looked) == 30:
            raise KeyboardInterrupt
        looked.append(1)
        return whole(self, tensor)

    command = ["see", str(folder), "--out", str(tmp_path / "shapes"), "--jobs", "1"]
    monkeypatch.setattr(Backbone, "features", stopped)
    assert main(command) == 130
    had = len(list((tmp_path / "cache").rglob("*.npz")))
    assert had == 4  # whole pictures: seven rows each
    monkeypatch.setattr(Backbone, "features", lambda self, t: (looked.append(1), whole(self, t))[1])
    looked.clear()
    assert main(command) == 0
    first = len(looked)
    looked.clear()
    assert main([*command[:-3], str(tmp_path / "again"), "--jobs", "1"]) == 0
    assert not looked
    assert first > 0
    ours, theirs = (tmp_path / name / "model.onnx" for name in ("shapes", "again"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_class_without_pictures_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder, and one with too few, are both named before any work is done."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "nothing").mkdir()
    for path in sorted((copy / "disc").iterdir())[LEAST - 1 :]:
        path.unlink()
    assert main(["see", str(copy), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "nothing: no pictures" in said
    assert f"disc: only {LEAST - 1}" in said
    assert not (tmp_path / "out").exists()


def test_one_class_is_none(tmp_path: Path) -> None:
    """With one folder there is nothing to tell apart; "unknown" does not count as a class."""
    for name in ("disc", "unknown"):
        (tmp_path / name).mkdir()
        for n in range(LEAST):
            Image.fromarray(picture("disc", n)).save(tmp_path / name / f"{n}.png")
    with pytest.raises(UsageError, match="two classes"):
        class_folders(tmp_path)


def test_a_broken_picture_is_left_out_by_name(folder: Path, tmp_path: Path) -> None:
    """What cannot be read is told and left out; the others are learned from."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "disc" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    found = album(copy, 0, quiet)
    assert len(found.unreadable) == 1
    assert "broken.jpg" in found.unreadable[0]
    assert sum(map(len, found.ways.values())) == 21


def test_a_picture_in_two_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    """Nobody knows which it is: both files are named."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.copy(copy / "disc" / "0.png", copy / "stripes" / "same.png")
    with pytest.raises(UsageError, match=r"disc.0\.png and .*stripes.same\.png"):
        album(copy, 0, quiet)


def test_what_is_the_same_or_alike_never_parts(folder: Path, tmp_path: Path) -> None:
    """A copy counts once, and a saved-again copy goes the way of its original, whatever the seed."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.copy(copy / "disc" / "0.png", copy / "disc" / "copy.png")
    for n in range(4):
        Image.open(copy / "disc" / f"{n}.png").save(copy / "disc" / f"again{n}.jpg", quality=80)
    for seed in range(4):
        found = album(copy, seed, quiet)
        assert len(found.twice) == 1
        way = {p.path.stem: name for name, some in found.ways.items() for p in some if p.label == 0}
        assert all(way[f"again{n}"] == way[str(n)] for n in range(1, 4))
        assert {name for name, some in found.ways.items() if some} == set(WAYS)


def rows(rng: np.random.Generator, classes: int, each: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Features around a direction for each class."""
    labels = np.repeat(np.arange(classes), each)
    features = np.eye(classes, 20)[labels] * 3 + rng.normal(0, 0.4, (len(labels), 20))
    return features.astype(np.float32), labels


def test_unknown_takes_few_of_the_known() -> None:
    """On the pictures it was set with, no more than a twentieth of the known become unknown; and far-off
    features, none of whose directions was learned, do."""
    rng = np.random.default_rng(0)
    taught = rows(rng, 4, 30)
    head = with_unknown(fitted(*taught, 4, 1e-3), 4, taught[0], *(held := rows(rng, 4, 50)))
    told = head.logits(held[0]).argmax(axis=1)
    assert 0 < (told == 4).sum() <= 10
    assert (told == held[1]).mean() > 0.9
    strange = (np.eye(20)[10] * 3 + rng.normal(0, 0.4, (50, 20))).astype(np.float32)
    assert (head.logits(strange).argmax(axis=1) == 4).mean() > 0.8


def test_the_nearest_picture_tells_strangers_too() -> None:
    """A row between two classes, which a matrix would call one of them, is unknown: no picture is near it."""
    rng = np.random.default_rng(3)
    taught = rows(rng, 4, 30)
    head = with_unknown(fitted(*taught, 4, 1e-3), 4, taught[0], *rows(rng, 4, 50))
    assert head.near is not None
    assert head.pull > 0
    np.testing.assert_allclose(head.nearest(taught[0]), 1, atol=1e-4)
    between = ((np.eye(20)[0] + 0.8 * np.eye(20)[1]) * 3 + rng.normal(0, 0.4, (50, 20))).astype(np.float32)
    without = Head(head.mean, head.weights, head.bias)
    assert (head.nearest(between) < 0.97).all()
    assert (head.logits(between) != without.logits(between))[:, 4].all()
    np.testing.assert_array_equal(head.logits(between)[:, :4], without.logits(between)[:, :4])


def test_strangers_are_counted_class_by_class() -> None:
    """Each class is left out in turn and its pictures shown; of two classes none can be left out."""
    rng = np.random.default_rng(1)
    ways = [rows(rng, 4, n) for n in (30, 20, 10)]
    found = strangers(ways, 4, 1e-3)
    assert found is not None
    assert [count for _, count in found] == [10] * 4
    assert sum(caught for caught, _ in found) > 20
    assert strangers(ways, 2, 1e-3) is None


def test_the_cut_network_is_the_shipped_one() -> None:
    """Its features times the shipped matrix would be the shipped logits: it has 1280 of them, all real."""
    backbone = Backbone()
    found = backbone.features(backbone.plan.tensor(picture("disc", 1)))
    assert found.shape == (1280,)
    assert np.isfinite(found).all()
    assert found.std() > 0.05


def test_spoiling_keeps_the_picture() -> None:
    """Other part, angle and light, but the same kind of numbers; the same seed gives the same."""
    image = picture("disc", 3)
    one, two, other = (spoiled(image, (64, 64), np.random.default_rng(s)) for s in (1, 1, 2))
    assert one.shape == (64, 64, 3)
    assert 0 <= one.min() <= one.max() <= 255
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).mean() > 1


def test_a_head_is_sure_of_its_own() -> None:
    """Probabilities sum to one, the highest is the class that was taught."""
    features, labels = rows(np.random.default_rng(2), 3, 20)
    head: Head = fitted(features, labels, 3, 1e-3)
    found = head.probabilities(features)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert (found.argmax(axis=1) == labels).mean() > 0.97
