"""The checks on the table of a manifest, of any kind of bundle: all that is wrong is told together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from edge.errors import ModelError

SCHEMA = 1
MANIFEST = "manifest.json"

Same = tuple[tuple[str, object, str], ...]
"""key of the manifest, what this edge has, and how a person says it"""


class Checks:
    """Gathers problems; each method reads one thing and says what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def done(self, where: object) -> None:
        """Raise all that was found, if anything was."""
        if len(self.problems) == 1:
            raise ModelError(where, self.problems[0])
        if self.problems:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            raise ModelError(where, f"{len(self.problems)} mistakes{lines}")

    def text(self, raw: Mapping[str, Any], key: str, *, required: bool = True) -> str:
        value = raw.get(key, "")
        if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            self.problems.append(f"{key} is not a line of text")
        elif required and not value.strip():
            self.problems.append(f"{key} is missing or empty")
        return value if isinstance(value, str) else ""

    def table(self, raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = raw.get(key)
        if value is not None and not isinstance(value, dict):
            self.problems.append(f"{key} is not a table")
        return value if isinstance(value, dict) else {}

    def row(self, raw: Mapping[str, Any], key: str) -> tuple[Any, ...]:
        value = raw.get(key)
        if value is not None and not isinstance(value, list):
            self.problems.append(f"{key} is not a list")
        return tuple(value) if isinstance(value, list) else ()

    def same(self, table: object, name: str, wanted: Same) -> None:
        """What it was trained with must be what this edge has."""
        if not isinstance(table, dict):
            self.problems.append(f"{name} is missing, so nobody knows what it was trained with")
            return
        for key, ours, words in wanted:
            theirs = table.get(key)
            if key not in table:
                self.problems.append(f"{name}.{key} is missing")
            elif theirs != ours or isinstance(theirs, bool):
                found = f"trained with {str(theirs)[:40]} {words}, this edge uses {ours}"
                self.problems.append(f"{name}.{key}: {found}")

    def common(self, raw: Mapping[str, Any], kind: str) -> Mapping[str, str]:
        schema = raw.get("schema")
        if schema != SCHEMA or isinstance(schema, bool):
            newer = " (upgrade heychip?)" if isinstance(schema, int) and schema > SCHEMA else ""
            self.problems.append(f"schema is {schema!r}, this edge reads {SCHEMA}{newer}")
        if raw.get("kind") != kind:
            self.problems.append(f"kind is {raw.get('kind')!r}, not {kind!r}")
        table = raw.get("files")
        if not isinstance(table, dict) or not table:
            self.problems.append("files is not a table of names and sha256")
            return {}
        for name, digest in table.items():
            if not is_inside(name) or name == MANIFEST:
                self.problems.append(f"files: {name[:80]!r} is not the name of a file in this folder")
            if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                self.problems.append(f"files: the sha256 of {name[:80]!r} is not one")
        return {name: str(digest) for name, digest in table.items()}


def is_inside(name: str) -> bool:
    """Whether a name from a manifest is a plain path below the folder; of links it says nothing."""
    path = PurePosixPath(name)
    plain = bool(name) and name.isprintable() and len(name) <= 200 and not set(name) & set("\\:")
    return plain and not path.is_absolute() and ".." not in path.parts and str(path) == name


def number(value: object) -> float | None:
    """A finite number as it is, anything else as None; true and false are no numbers."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and -1e30 < value < 1e30
    return float(value) if usable and isinstance(value, (int, float)) else None
