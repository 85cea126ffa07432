"""The page of costs: what is counted, what is written, and that the page fits its figures."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import head

from edge.bundle import load_bundle
from edge.errors import UsageError
from tests.bench import arithmetic, cost_page
from tests.bench.cost_blocks import blocks
from tests.bench.cost_measure import command

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def kept() -> dict[str, Any]:
    """The figures that the page was made from."""
    found: dict[str, Any] = json.loads((DOCS / "cost.json").read_text())
    return found


def test_the_page_is_made_of_its_figures(tmp_path: Path, kept: dict[str, Any]) -> None:
    """The page in docs is what the script makes of the figures in docs, word for word, with pictures."""
    for name in ("cost.md", "cost.json"):
        (tmp_path / name).write_text((DOCS / name).read_text())
    assert cost_page.main(["--docs", str(tmp_path)]) == 0
    assert (tmp_path / "cost.md").read_text() == (DOCS / "cost.md").read_text()
    drawn = sorted(path.name for path in tmp_path.glob("*.png"))
    assert drawn == sorted(path.name for path in DOCS.glob("cost_*.png"))
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in drawn)
    assert all(f"({name})" in (DOCS / "cost.md").read_text() for name in drawn)


def test_all_figures_are_there(kept: dict[str, Any]) -> None:
    """Every row of every table has the numbers that were measured, and as many cells as its head."""
    for name, text in blocks(kept).items():
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, name
        assert "nan" not in text
    assert kept["bench"]["members"][0]["members"] == kept["bench"]["streams"][0]["streams"] == 1


def test_blocks_without_a_partner_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that lacks a block is left as it is, and the block is named."""
    page = (DOCS / "cost.md").read_text().replace("<!-- begin offline -->", "")
    (tmp_path / "cost.md").write_text(page)
    (tmp_path / "cost.json").write_text((DOCS / "cost.json").read_text())
    assert cost_page.main(["--docs", str(tmp_path)]) == 2
    assert "offline" in capsys.readouterr().err
    assert (tmp_path / "cost.md").read_text() == page


def test_only_blocks_are_written() -> None:
    """What is around the blocks stays, and filling twice changes nothing."""
    page = "a <!-- begin x -->\nold\n<!-- end x --> b"
    once = cost_page.filled(page, {"x": "new"})
    assert once == "a <!-- begin x -->\nnew\n<!-- end x --> b"
    assert cost_page.filled(once, {"x": "new"}) == once


def test_multiply_adds_are_counted() -> None:
    """1,536 numbers times two members are 3,072; of the shipped heads, eight networks that go on from the hop
    before, only what the newest embedding gives is counted."""
    window = np.zeros((1, 16, 96), np.float32)
    assert arithmetic.of_graph(head(2).SerializeToString(), {"embeddings": window})["multiply_adds"] == 3072
    eight_nets = 256 * 96 * 3 + 256 * 32 * 3 + 256 * 12
    assert arithmetic.of_detectors(load_bundle("hey_chip"))["multiply_adds"] == eight_nets


def test_the_backbone_is_as_large_as_the_plan_says() -> None:
    """About 5.6 million multiply-adds a step, and the front end is far below what the reference's takes."""
    data = (files("edge") / "data" / "backbone.onnx").read_bytes()
    assert 5.5e6 < arithmetic.of_backbone(data)["multiply_adds"] < 5.7e6
    front = arithmetic.of_front_end()
    assert front["dense"] > 5 * front["multiply_adds"]


def test_a_command_is_measured_from_outside() -> None:
    """CPU and memory of a process and its children; one that fails is an error with its own words."""
    cost = command("replay", str(load_bundle("hey_chip").path / "golden.wav"))
    assert cost["cpu_s"] > 0
    assert cost["peak_mb"] > 20
    with pytest.raises(UsageError, match="no recordings given"):
        command("replay")
