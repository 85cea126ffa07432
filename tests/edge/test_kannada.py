"""The reader of Kannada digits that ships: what is drawn in lines here needs no font."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.bundle import verify_bundle
from edge.classifier import Classifier
from edge.cli import main
from edge.model_folders import find_bundle

DIGITS = "೦೧೨೩೪೫೬೭೮೯"


def drawn(digit: str, side: int = 28) -> NDArray[np.uint8]:
    """Zero, a ring; one, a ring that is open below: white on black, in MNIST's form."""
    y, x = np.mgrid[0:side, 0:side] - (side - 1) / 2
    away = np.abs(np.hypot(y, x) - 0.3 * side)
    ink = np.clip(1.5 - away * 28 / side, 0, 1)
    if digit == "೧":
        ink[(np.abs(x) < 0.14 * side) & (y > 0)] = 0
    return (255 * ink).astype(np.uint8)


def test_the_bundle_is_whole_and_tells_its_fonts() -> None:
    """Every file has its hash, the labels are the ten digits, and each font is named with its design."""
    folder = find_bundle("kannada_digits")
    assert {check.state for check in verify_bundle(folder)} == {"ok"}
    assert "".join(Classifier.load("kannada_digits").labels) == DIGITS
    fonts = json.loads((folder / "manifest.json").read_text())["sources"]["fonts"]
    assert len({row["design"] for row in fonts}) >= 10
    assert sum(bool(row["licence"]) for row in fonts) > len(fonts) / 2


@pytest.mark.parametrize("digit", DIGITS[:2])
def test_light_on_dark_and_dark_on_light_are_read_alike(
    digit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An array of a data set as .npy, and the same as a large note on grey paper, are both read by look."""
    small = drawn(digit)
    np.save(tmp_path / "a.npy", small[:, :, None].repeat(3, axis=2))
    note = np.full((300, 400), 210, np.uint8)
    note[40:260, 90:310] = 210 - drawn(digit, 220) // 255.0 * 170
    np.save(tmp_path / "b.npy", note[:, :, None].repeat(3, axis=2))
    code = main(["look", "--model", "kannada_digits", str(tmp_path / "a.npy"), str(tmp_path / "b.npy")])
    assert code == 0
    told = [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]
    assert told == [digit, digit]
