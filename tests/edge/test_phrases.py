"""Phrases: random, but not too soon again, and nothing but text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.phrases import Line, Phrases, parse
from edge.wav import write_wav


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


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(0, 2**32))
def test_weights_never_bring_a_line_back_too_soon(weights: list[int], seed: int) -> None:
    """However lines are weighed, the last third is not drawn, and all lines come up."""
    phrases = Phrases([f"[x{weight}] line {i}" for i, weight in enumerate(weights)], seed)
    drawn = [phrases.pick().text for _ in range(30 * len(weights))]
    rest = max(len(weights) // 3, min(len(weights) - 1, 1))
    for i, line in enumerate(drawn):
        assert line not in drawn[max(0, i - rest) : i]
    assert len(set(drawn)) == len(weights)


def test_weights() -> None:
    """Of forty lines the one that weighs three times as much is drawn three times as often."""
    phrases = Phrases(["[x3] often", *(f"line {i}" for i in range(39))], 5)
    counts = Counter(phrases.pick().text for _ in range(42 * 50))
    assert 2.5 < counts["often"] / (sum(counts.values()) - counts["often"]) * 39 < 3.5


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("[x3] Hello.", Line("Hello.", weight=3)),
        ("[x 12]Hello.", Line("Hello.", weight=12)),
        ("3x Hello.", Line("3x Hello.")),
        ("[xylophone] Hello.", Line("[xylophone] Hello.")),
        ("[laughs] Hello.", Line("[laughs] Hello.")),
        ("mail me @home.wav", Line("mail me @home.wav")),
    ],
)
def test_what_has_a_weight_and_what_only_looks_so(written: str, line: Line) -> None:
    """A weight is [x and a number before the line; all else is to be spoken."""
    assert parse(written, Path()) == line


@pytest.mark.parametrize(
    "wrong", ["[x0] a", "[x100] a", "[x-1] a", "[x2.5] a", "[x3 ] a", "[x3]", "@hello", "@a.mp3"]
)
def test_mistakes_of_notation_are_told(wrong: str) -> None:
    """What is meant as a weight or a recording and is none is no line to be spoken by accident."""
    with pytest.raises(ConfigError, match=r"\[x1\] to \[x99\]|nothing to say|names a wav file"):
        Phrases([wrong])


def test_recordings_lie_beside_the_phrase_file(tmp_path: Path) -> None:
    """They are found from the file's folder, weighed like lines, and from what is kept of them found from
    anywhere; a file with wrong ones tells all of them."""
    (tmp_path / "laughs").mkdir()
    write_wav(tmp_path / "laughs" / "Ha ha.WAV", np.zeros(160, np.float32), 16_000)
    path = tmp_path / "p.txt"
    path.write_text("[x2] @laughs/Ha ha.WAV\nhello\n")
    phrases = Phrases(path)
    file = str(tmp_path / "laughs" / "Ha ha.WAV")
    assert phrases.lines == (f"[x2] @{file}", "hello")
    drawn = {phrases.pick(), phrases.pick()}
    assert drawn == {Line("@laughs/Ha ha.WAV", file, 2), Line("hello")}
    kept = Phrases(phrases.lines), Phrases(phrases.lines[:1])
    assert file in {one.pick().file for one in kept}
    path.write_text("@no.wav\n@p.txt.wav\n{nobody}\n")
    (tmp_path / "p.txt.wav").write_text("text")
    with pytest.raises(ConfigError, match="3 mistakes"):
        Phrases(path)
