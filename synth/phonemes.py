"""How a text sounds: the phonemes of espeak-ng, and how far two of them are apart.

espeak-ng knows about a hundred languages, and writes what it would say in mnemonics close to Kirshenbaum's
ASCII IPA (`h'eI tS'Ip`), which it also reads back between double brackets. `'` and `,` mark stress.
"""

from __future__ import annotations

import functools
import re
import shutil
import unicodedata
from collections.abc import Iterable, Sequence

from synth.voices.process import VoiceError, run_program

REMEDY = "espeak-ng is not installed, and phonemes come from it: apt-get install espeak-ng"

Word = tuple[str, ...]
"""phonemes of one word, stress marks included"""
Spoken = tuple[Word, ...]
"""words of one text"""
Bare = tuple[str, ...]
"""phonemes in a row, without stress, words and pauses"""

# place 0 (lips) .. 9 (glottis), manner, voiced. Affricates lie between a stop and a fricative.
STOP, AFFRICATE, FRICATIVE, NASAL, LIQUID, GLIDE = 0.0, 0.4, 0.8, 1.6, 2.0, 2.3
CONSONANTS: dict[str, tuple[float, float, float]] = {
    "p": (0, STOP, 0), "b": (0, STOP, 1), "t": (3, STOP, 0), "d": (3, STOP, 1), "k": (6, STOP, 0),
    "g": (6, STOP, 1), "?": (9, STOP, 0), "c": (5, STOP, 0), "q": (7, STOP, 0), "J": (5, STOP, 1),
    "t#": (3, 0.3, 1), "*": (3, 0.3, 1), "tS": (4, AFFRICATE, 0), "dZ": (4, AFFRICATE, 1),
    "ts": (3, AFFRICATE, 0), "dz": (3, AFFRICATE, 1), "pF": (0.5, AFFRICATE, 0), "f": (1, FRICATIVE, 0),
    "v": (1, FRICATIVE, 1), "T": (2, FRICATIVE, 0), "D": (2, FRICATIVE, 1), "s": (3, FRICATIVE, 0),
    "z": (3, FRICATIVE, 1), "S": (4, FRICATIVE, 0), "Z": (4, FRICATIVE, 1), "C": (5, FRICATIVE, 0),
    "x": (6, FRICATIVE, 0), "Q": (7, FRICATIVE, 1), "X": (7, FRICATIVE, 0), "B": (0, FRICATIVE, 1),
    "h": (9, FRICATIVE, 0), "H": (8, FRICATIVE, 0), "m": (0, NASAL, 1), "n": (3, NASAL, 1),
    "n^": (5, NASAL, 1), "N": (6, NASAL, 1), "l": (3, LIQUID, 1), "L": (3, LIQUID, 1), "l^": (5, LIQUID, 1),
    "r": (4, LIQUID, 1), "R": (4, LIQUID, 1), "j": (5, GLIDE, 1), "w": (0, GLIDE, 1), "y": (5, GLIDE, 1),
}  # fmt: skip
# closeness 0 (open) .. 3 (close), backness 0 .. 2; a diphthong has its start and its end.
VOWELS: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((0, 0.3),), "A": ((0, 2),), "0": ((0.3, 2),), "O": ((1, 2),), "o": ((2, 2),), "u": ((3, 2),),
    "U": ((2.5, 1.7),), "V": ((0.8, 1.4),), "@": ((1.5, 1),), "3": ((1.4, 1.1),), "E": ((1, 0),),
    "e": ((1.9, 0),), "I": ((2.5, 0.3),), "i": ((3, 0),), "y": ((3, 0.5),), "Y": ((2.4, 0.6),),
    "W": ((1.1, 0.5),), "&": ((0.5, 0.1),), "u\"": ((3, 1),), "eI": ((1.7, 0), (2.6, 0.2)),
    "aI": ((0.1, 0.7), (2.5, 0.3)), "OI": ((1, 2), (2.5, 0.3)), "aU": ((0.1, 0.8), (2.5, 1.7)),
    "oU": ((1.8, 1.7), (2.5, 1.8)), "i@": ((2.7, 0.2), (1.4, 1)), "U@": ((2.5, 1.7), (1.4, 1)),
    "e@": ((1.2, 0.1), (1.4, 1)), "A@": ((0, 2), (1.2, 1.2)), "O@": ((1, 2), (1.3, 1.3)), "o@": ((1, 2),
    (1.3, 1.3)), "3:": ((1.4, 1.1), (1.3, 1.2)), "aI@": ((0.1, 0.7), (1.6, 0.8)), "aU@": ((0.1, 0.8),
    (1.5, 1.2)), "@L": ((1.5, 1), (1.5, 1.8)), "yU": ((3, 0), (3, 2)),
}  # fmt: skip
LIGHT = {"h": 0.5, "@": 0.5, "?": 0.3, "I": 0.8, "j": 0.7, "w": 0.8, "t": 0.8, "d": 0.8}
"""what it costs to drop or add one that is hardly heard; others cost 1"""


def spoken(texts: Sequence[str], lang: str) -> list[Spoken]:
    """The phonemes of each text, all in one call (about 2,000 words a second).

    Raises VoiceError where espeak-ng is missing or does not know the language.
    """
    if not texts:
        return []
    if shutil.which("espeak-ng") is None:
        raise VoiceError(REMEDY)
    # a line is a text; what ends a clause would end the line of the answer, so it goes
    lines = [
        "".join(
            part if part[:2] == "[[" else "".join(map(_quiet, part))
            for part in re.split(r"(\[\[.*?\]\])", text)
        )
        for text in texts
    ]
    lines = [" ".join(line.split()) or "-" for line in lines]
    answer = _ask(lines, lang)
    if len(answer) != len(lines):  # a line too long for one clause: one by one
        answer = [" ".join(_ask([line], lang)) for line in lines]
    return [tuple(word for part in line.split() if (word := _phonemes(part))) for line in answer]


def _quiet(letter: str) -> str:
    return letter if letter in "'\u2019-" or unicodedata.category(letter)[0] in "LMN" else " "


def _ask(lines: list[str], lang: str) -> list[str]:
    argv = ["espeak-ng", "-q", "-x", "--sep=_", "-b", "1", "-v", lang]
    out = run_program(argv, text="\n".join(lines) + "\n", timeout_s=300).decode("utf-8", "replace")
    return out.split("\n")[:-1]


def _phonemes(word: str) -> Word:
    found: list[str] = []
    for part in re.sub(r"\(\w[\w-]*\)", "_", word).split("_"):  # (en): a change of language
        if re.search(r"[\w@?&*]", part):
            found.append(part.strip("|"))
        elif found and part.strip("|:,'%="):
            found[-1] += part  # the mark of a palatal, for one, belongs to what it follows
    return tuple(found)


def bare(words: Iterable[Word]) -> Bare:
    """Phonemes in a row, without stress."""
    return tuple(name for word in words for phoneme in word if (name := phoneme.lstrip("',%=")))


def written(words: Iterable[Word]) -> str:
    """The text that espeak-ng reads as these phonemes; bars keep t and S from becoming tS."""
    return " ".join("[[" + "|".join(word) + "]]" for word in words)


@functools.lru_cache(maxsize=4096)
def base(phoneme: str) -> str:
    """The entry of CONSONANTS or VOWELS that a mnemonic is a kind of; empty where it is none."""
    name = phoneme.lstrip("',%=")
    exact = name if name in CONSONANTS or name in VOWELS else re.sub(r"[\d#:;^.~`\-!]+$", "", name)
    for size in range(len(exact), 0, -1):
        if exact[:size] in CONSONANTS or exact[:size] in VOWELS:
            return exact[:size]
    return ""


def is_vowel(phoneme: str) -> bool:
    """Whether it carries a syllable (`@L`, the end of little, does)."""
    return base(phoneme) in VOWELS


def syllables(words: Iterable[Word]) -> int:
    """How many vowels there are."""
    return sum(is_vowel(phoneme) for phoneme in bare(words))


@functools.lru_cache(maxsize=65_536)
def apart(a: str, b: str) -> float:
    """How different two phonemes sound: 0 (the same) .. 1.4 (a vowel and a consonant)."""
    x, y = base(a), base(b)
    if x == y:
        return 0.0 if x or a == b else 1.0
    if x in VOWELS and y in VOWELS:
        ends = zip(VOWELS[x][0] + VOWELS[x][-1], VOWELS[y][0] + VOWELS[y][-1], strict=True)
        return min(1.0, 0.15 + 0.13 * sum(abs(p - q) for p, q in ends))
    if x in CONSONANTS and y in CONSONANTS:
        (place, manner, voice), (place2, manner2, voice2) = CONSONANTS[x], CONSONANTS[y]
        return min(
            1.0, 0.1 + 0.08 * abs(place - place2) + 0.4 * abs(manner - manner2) + 0.25 * abs(voice - voice2)
        )
    return 1.4


def distance(a: Bare, b: Bare, *, inside: bool = False) -> float:
    """Weighted edit distance; with `inside`, of `a` to the part of `b` that is nearest to it."""
    row = [0.0] + [0.0 if inside else sum(weight(p) for p in b[: j + 1]) for j in range(len(b))]
    for x in a:
        last, row = row, [row[0] + weight(x)]
        for j, y in enumerate(b):
            row.append(min(last[j] + apart(x, y), last[j + 1] + weight(x), row[j] + weight(y)))
    return min(row) if inside else row[-1]


def weight(phoneme: str) -> float:
    """What dropping or adding it costs."""
    return LIGHT.get(base(phoneme), 1.0)
