"""IPA from espeak-ng for the neural voices, with the text's punctuation, which they read as melody."""

from __future__ import annotations

import functools
import re

from .process import run_program

MARKS = re.compile(r"([,.!?;:…]+)(?=\s|$)")


@functools.lru_cache(maxsize=4096)
def clauses(text: str, lang: str, tie: str = "") -> tuple[tuple[str, str], ...]:
    """(IPA, the mark after it or nothing) for each clause of a text; [[...]] is espeak-ng's own phonemes.

    `tie` is put into affricates and diphthongs (`t^ʃ`), where a model has one symbol for both halves.
    """
    parts = MARKS.split(text)  # a mark inside [[...]] is followed by a bar or a bracket, never by a blank
    found = []
    argv = ["espeak-ng", "-q", "--ipa", *(["--tie=" + tie] if tie else []), "-b", "1", "-v", lang]
    for piece, mark in zip(parts[::2], [*parts[1::2], ""], strict=False):
        line = " ".join(piece.replace("\0", " ").split())
        ipa = run_program(argv, text=line + "\n").decode("utf-8", "replace") if line else ""
        ipa = re.sub(r"\([\w-]+\)", "", " ".join(ipa.split()))  # (en): a change of language
        if ipa or mark:
            found.append((ipa, mark[:1]))
    return tuple(found)
