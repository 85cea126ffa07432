"""The table of faults: each row has a test."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fault_docs import HERE, missing, shown
from tests.fault_table import NOT_YET, PI, ROWS, rows_of


def test_every_row_is_shown_by_a_test(request: pytest.FixtureRequest) -> None:
    """Rows (a) to (f) have each at least one test, but for those about parts that do not exist yet and those
    that only a Pi can show."""
    items = request.session.items
    whole = {path.name for path in HERE.rglob("test_*.py")} <= {item.path.name for item in items}
    if whole:
        assert missing(shown(items)) == []
        return
    code = "import sys\nfrom tests.fault_docs import collect, missing\n"
    code += "sys.exit(' '.join(missing(collect())) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_table_is_whole() -> None:
    """A1 to F12, in order, none left out, and each excuse is for a row that exists."""
    counts = {"A": 16, "B": 13, "C": 9, "D": 16, "E": 10, "F": 12}
    assert list(ROWS) == [f"{letter}{k}" for letter, most in counts.items() for k in range(1, most + 1)]
    assert {*NOT_YET, *PI} <= set(ROWS)


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        (("test_d7_deaf",), {"D7"}),
        (("test_d9_b11_no_numbers",), {"D9", "B11"}),
        (("test_table", "A10 24 bit"), {"A10"}),
        (("test_any", "", "D9, B11: what is no number"), {"D9", "B11"}),
        (("test_any", "", "E5: a black picture"), {"E5"}),
        (("test_any", "", "", ("F4",)), {"F4"}),
        (("test_a_label_is_told", "44100", "A label of D7 is told."), set()),
        (("test_a_plus_b2", "x A1"), set()),
    ],
)
def test_how_a_test_says_what_it_shows(test: tuple[str, ...], rows: set[str]) -> None:
    """By its name, its parameter, its docstring or its mark; what only sounds like a row is none."""
    assert rows_of(*test) == rows  # type: ignore[arg-type]
