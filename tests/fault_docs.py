"""`python -m tests.fault_docs`: writes docs/faults.md from the table and the tests that pytest collects."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.fault_table import NOT_YET, PI, ROWS, rows_of

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "faults.md"
SHOWN = 4  # tests named for a row; the others are counted
GROUPS = {
    "A": "Recordings",
    "B": "Models",
    "C": "Configuration",
    "D": "Sound",
    "E": "Camera",
    "F": "Speech, commands, process",
}


def shown(items: Iterable[Any]) -> dict[str, list[str]]:
    """For each row the tests that show it, as `file.py::test_name`, each once. Items are of pytest."""
    found: dict[str, dict[str, None]] = {row: {} for row in ROWS}
    for item in items:
        if not hasattr(item, "function"):
            continue
        name = item.originalname or item.name
        parameter = item.callspec.id if hasattr(item, "callspec") else ""
        marked = tuple(mark.args[0] for mark in item.iter_markers("fault"))
        for row in rows_of(name, parameter, item.function.__doc__ or "", marked, file=item.path.name):
            found[row][f"{item.path.relative_to(HERE)}::{name}"] = None
    return {row: sorted(tests) for row, tests in found.items()}


def missing(found: dict[str, list[str]]) -> list[str]:
    """Rows that no test shows and that are not excused."""
    return [row for row in ROWS if not found[row] and row not in NOT_YET and row not in PI]


def collect() -> dict[str, list[str]]:
    """`shown` of the whole suite. Not to be called within a run of pytest."""
    found: dict[str, list[str]] = {}

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            found.update(shown(session.items))

    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-qqq", str(HERE)], plugins=[Collector()])
    return found


def page(found: dict[str, list[str]]) -> str:
    """docs/faults.md."""
    lines = [
        "# Faults, and the tests that show them",
        "",
        "Made by `python -m tests.fault_docs`; `make test` fails where a row has lost its",
        "last test. Rows marked *soak* are also thrown at random in `make soak`.",
    ]
    from tests.soak.faults import KINDS

    soaked = {row.strip() for kind in KINDS.values() for row in kind.rows.split(",")}
    for letter, group in GROUPS.items():
        lines += [
            "",
            f"## ({letter.lower()}) {group}",
            "",
            "| row | fault | what happens instead | tests |",
            "|---|---|---|---|",
        ]
        for row in (row for row in ROWS if row[0] == letter):
            fault, instead = ROWS[row]
            tests = [f"`{test}`" for test in found[row][:SHOWN]]
            tests += [f"and {len(found[row]) - SHOWN} more"] if len(found[row]) > SHOWN else []
            tests += ["*soak*"] if row in soaked else []
            tests += [f"**not yet**: {NOT_YET[row]}"] if row in NOT_YET and not found[row] else []
            tests += [f"**pi**: {PI[row]}"] if row in PI else []
            lines.append(f"| {row} | {fault} | {instead} | {', '.join(tests)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    collected = collect()
    PAGE.write_text(page(collected))
    print(
        f"{PAGE.name}: {sum(bool(tests) for tests in collected.values())} of {len(ROWS)} rows shown by tests"
    )
    sys.exit(f"no test shows {', '.join(missing(collected))}" if missing(collected) else 0)
