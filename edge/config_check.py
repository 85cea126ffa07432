"""What may stand behind a key of the configuration file, and how a mistake is told.

A check takes what TOML gave and returns what the dataclass wants, or raises `Wrong` with what was expected.
`read_table` runs them over a whole table and collects every mistake, so that a person mends all at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import ConfigError

Check = Callable[[object], Any]
T = TypeVar("T")

MAX_BYTES = 1_000_000
ALIASES = {"threshold": "offset", "sensitivity": "offset", "models": "bundles", "words": "bundles"}
"""what other programs call it"""
_SECRET = re.compile(r"pass(word|wd|phrase)|token|secret|api[-_]?key", re.IGNORECASE)


class Wrong(ValueError):  # noqa: N818 - the message goes on: "found 3, expected …"
    """A value that is refused; the text says what was expected."""


def show(value: object) -> str:
    """A found value in plain words, cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{value[:60]}"' + ("…" if len(value) > 60 else "")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a table"
    return str(value)[:60]


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` for the known word that is most like this one, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f', did you mean "{close[0]}"?' if close else ""


def number(low: float, high: float) -> Check:
    """A number from `low` to `high`; whole numbers are numbers, true and false are not."""

    def check(value: object) -> float:
        expected = f"expected a number from {low:g} to {high:g}"
        if isinstance(value, str):
            raise Wrong(expected + " without quotes")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Wrong(expected)
        if not math.isfinite(value) or not low <= value <= high:
            raise Wrong(expected)
        return float(value)

    return check


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: object) -> int:
        expected = f"expected a whole number from {low} to {high}"
        if isinstance(value, str):
            raise Wrong(expected + " without quotes")
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Wrong(expected)
        return value

    return check


def text(*, empty: bool = True) -> Check:
    """A text without control characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("expected a text in quotes")
        if not empty and not value.strip():
            raise Wrong("expected a text that is not empty")
        if any(ord(c) < 32 and c not in "\t\n" for c in value):
            raise Wrong("expected a text without control characters")
        return value

    return check


def choice(*known: str | int) -> Check:
    """One of a few words, or of a few whole numbers."""

    def check(value: object) -> object:
        if type(value) is not type(known[0]) or value not in known:
            hint = nearest(value, map(str, known)) if isinstance(value, str) else ""
            raise Wrong(f"expected one of {', '.join(map(str, known))}{hint}")
        return value

    return check


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Wrong("expected true or false, without quotes")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts, none of them empty."""
    if not isinstance(value, list):
        raise Wrong('expected a list like ["one", "two"]')
    check = text(empty=False)
    return tuple(check(item) for item in value)


def name_or_names(value: object) -> str | tuple[str, ...]:
    """A text, or a list of at least one, none of them empty or twice."""
    if isinstance(value, str):
        return texts([value])[0]
    names = texts(value) if isinstance(value, list) else ()
    if not names or len(set(names)) < len(names):
        raise Wrong('expected a name, or a list like ["one", "two"] without the same name twice')
    return names


def key(default: T, check: Check, *, place: str = "") -> T:
    """A field of a configuration dataclass. `place` is "file" where the value is a path, "name" where it may
    be a name or a path; both are resolved against the file."""
    field: T = dataclasses.field(default=default, metadata={"check": check, "place": place})
    return field


def keys_of(cls: type) -> dict[str, Mapping[str, Any]]:
    """The keys that a section knows, each with its check and place."""
    return {f.name: f.metadata for f in dataclasses.fields(cls) if "check" in f.metadata}


def resolve(value: str, base: Path, place: str) -> str:
    """A path against the folder `base`. Where names may stand, a plain name (no slash, no .onnx) stays one,
    unless a bundle of that name lies beside the file."""
    path = str(base / os.path.expanduser(value))  # noqa: PTH111 - pathlib's raises where there is no home
    plain = place == "name" and "/" not in value and not value.endswith(".onnx")
    if not value or (plain and not os.path.lexists(os.path.join(path, "manifest.json"))):  # noqa: PTH118
        return value
    return path


def read_table(
    cls: type[T],
    table: Mapping[str, object],
    *,
    where: str,
    base: Path,
    problems: list[str],
    elsewhere: Mapping[str, str] | None = None,
) -> T:
    """A TOML table as `cls`, in the order of the file. Mistakes go to `problems`, their keys to the default.
    `elsewhere` tells the section in which a key that is unknown here would be known."""
    known, good = keys_of(cls), {}
    for name, value in table.items():
        if name not in known:
            problems.append(f"{where}{name}: unknown key{_hint(name, known, elsewhere or {})}")
            continue
        try:
            checked = known[name]["check"](value)
        except Wrong as wrong:
            problems.append(f"{where}{name}: found {show(value)}, {wrong}")
            continue
        place = known[name]["place"]
        if place and isinstance(checked, str):
            checked = resolve(checked, base, place)
        elif place:
            checked = tuple(resolve(item, base, place) for item in checked)
        good[name] = checked
    return cls(**good)


def _hint(name: str, known: Mapping[str, object], elsewhere: Mapping[str, str]) -> str:
    if name in elsewhere:
        return f", it belongs into [{elsewhere[name]}]"
    close = difflib.get_close_matches(name, ALIASES, n=1, cutoff=0.8)
    if close and ALIASES[close[0]] in known:
        return f', did you mean "{ALIASES[close[0]]}"?'
    hint = nearest(name, known)
    return hint or f" (known: {', '.join(known)})"


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, UTF-8 with or without a byte order mark. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(path, [f"cannot be read: {error.strerror}"]) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(path, [f"larger than {MAX_BYTES // 1_000_000} MB, not a configuration file"])
    try:
        return parse_toml(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(path, [f"not UTF-8 (line {line}); save it as UTF-8"]) from error


def parse_toml(source: str, path: Path | str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ConfigError with line and column of the first mistake of grammar."""
    try:
        tables = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        lines = source.split("\n")
        at_end = f"line {len(lines)}, column {len(lines[-1]) + 1}"
        where = at_end if "end of document" in place or not place else place.rstrip(")")
        raise ConfigError(path, [f"{where}: not TOML: {reason}"]) from error
    except RecursionError as error:
        raise ConfigError(path, ["brackets are nested too deep"]) from error
    if not tables:
        raise ConfigError(path, ["the file is empty; write at least one [[rules]], or start with --defaults"])
    return tables


def secrets_for_all(path: Path, tables: Mapping[str, Any]) -> list[str]:
    """A warning for every key and every word of a command that looks like a secret, where every user of the
    machine may read the file."""
    if not path.stat().st_mode & stat.S_IROTH:
        return []
    return [
        f"{name} looks like a secret, and every user may read it; run: chmod 640 {path}"
        for name in _secrets(tables, "")
    ]


def _secrets(value: object, name: str) -> list[str]:
    """The dotted names of all that looks like a secret."""
    if isinstance(value, dict):
        found = [f"{name}{k}" for k in value if _SECRET.search(k) and not k.endswith("_file")]
        return found + [inner for k, v in value.items() for inner in _secrets(v, f"{name}{k}.")]
    if isinstance(value, list):
        return [inner for i, v in enumerate(value, 1) for inner in _secrets(v, f"{name}{i}.")]
    in_command = isinstance(value, str) and ".run." in name and _SECRET.search(value)
    return [name.rstrip(".")] if in_command else []
