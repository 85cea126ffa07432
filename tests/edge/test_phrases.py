"""Phrases: random, but not too soon again, and nothing but text."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.phrases import Phrases


@given(st.integers(1, 20), st.integers(0, 2**32))
def test_the_last_third_never_comes_next(count: int, seed: int) -> None:
    """What was among the last third (at least one, where there are two) is not drawn; all lines come up."""
    lines = [f"line {i}" for i in range(count)]
    phrases = Phrases(lines, seed)
    drawn = [phrases.pick().text for _ in range(5 * count)]
    rest = max(count // 3, min(count - 1, 1))
    for i, line in enumerate(drawn):
        assert line not in drawn[max(0, i - rest) : i]
    assert set(drawn) == set(lines)


def test_every_line_is_heard_before_one_is_heard_twice() -> None:
    """A bag is emptied before it is filled again."""
    phrases = Phrases([f"line {i}" for i in range(10)], 1)
    for _ in range(4):
        assert len({phrases.pick().text for _ in range(10)}) == 10


def test_seed() -> None:
    """The same seed draws the same lines, another one does not."""
    lines = [f"line {i}" for i in range(30)]
    one, same, other = (Phrases(lines, seed) for seed in (7, 7, 8))
    first = [one.pick().text for _ in lines]
    assert first == [same.pick().text for _ in lines]
    assert first != [other.pick().text for _ in lines]


def test_doubled_lines_count_once() -> None:
    """A line that stands twice in the file does not sound twice in a row."""
    phrases = Phrases(["a", "a", "b"], 0)
    drawn = [phrases.pick().text for _ in range(20)]
    assert all(x != y for x, y in pairwise(drawn))


@pytest.mark.parametrize(
    ("line", "filled"),
    [
        ("I see {label}.", "I see {word}."),
        ("{ label }!", "{word}!"),
        ("half a { brace } is text {word", "half a { brace } is text {word"),
        ("100 %s %(label)s", "100 %s %(label)s"),
        ("{word}", ""),
    ],
)
def test_filling(line: str, filled: str) -> None:
    """Values go in as they are, never looked at again; what is no placeholder stays; the missing is empty."""
    allowed = ("label", "word", "brace") if "brace" in line else ("label", "word")
    values = {"label": "{word}"} | ({"brace": "{ brace }"} if "brace" in line else {})
    assert Phrases([line], allowed=allowed).pick(**values).text == filled


@pytest.mark.parametrize("placeholder", ["{label.x}", "{0}", "{}", "{label!r}", "{label:>9999}", "{x}"])
def test_unknown_placeholders_are_told_at_load(placeholder: str) -> None:
    """Nothing of Python's format language is understood: it is reported with its line and what is known."""
    with pytest.raises(ConfigError, match=r"known here: \{word\}"):
        Phrases([f"a {placeholder} b"])


def test_file(tmp_path: Path) -> None:
    """One phrase a line, # begins a comment, blanks are nothing, UTF-8 with or without a mark."""
    path = tmp_path / "p.txt"
    path.write_bytes("\ufeff# c\r\n  Grüße, {word} \r\n\r\n\tzwei\n# end".encode())
    assert Phrases(path).lines == ("Grüße, {word}", "zwei")
    path.write_bytes(b"ok\n\xff\n")
    with pytest.raises(ConfigError, match="line 2"):
        Phrases(path)
