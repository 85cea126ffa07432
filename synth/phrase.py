"""The phrase that is to be heard: is it a good one, and how is it written so that engines say it well."""

from __future__ import annotations

import re
import unicodedata

from edge.errors import UsageError
from synth.phonemes import Spoken, spoken, syllables

MIN_PHONEMES, MAX_PHONEMES = 2, 24  # the detector looks back over 1.28 s, and 0.76 s beyond at most
EASY_PHONEMES, LONG_PHONEMES = 5, 16


def clean(phrase: str) -> str:
    """The phrase in composed letters (NFC), blanks single, case as it was written."""
    return " ".join(unicodedata.normalize("NFC", phrase).replace("\u2019", "'").split())


def slug(phrase: str) -> str:
    """A name for files: hey_chip. Letters of other scripts stay, marks on Latin ones go."""
    parts = unicodedata.normalize("NFKD", clean(phrase).casefold())
    kept = (
        part if unicodedata.category(part)[0] in "LMN" else "_"
        for part in parts
        if not "\u0300" <= part <= "\u036f"
    )
    return re.sub("_+", "_", unicodedata.normalize("NFC", "".join(kept))).strip("_")[:80] or "word"


def check_phrase(text: str, lang: str = "en-us") -> list[str]:
    """Warnings about a phrase that will work but not well; a phrase that cannot work is a UsageError."""
    phrase = clean(text)
    _check_letters(phrase)
    words = spoken([phrase], lang)[0]
    _check_spelled(phrase, words, lang)
    count, beats = sum(map(len, words)), syllables(words)
    if count < MIN_PHONEMES:
        raise UsageError(
            f"the phrase {phrase!r} is too short, {count} sound: take two or more syllables, as in 'hey chip'"
        )
    if count > MAX_PHONEMES:
        raise UsageError(
            f"the phrase {phrase!r} is too long, {count} sounds of at most {MAX_PHONEMES}: take fewer words"
        )
    warnings = []
    if beats <= 1:
        warnings.append(
            f"{phrase!r} has one syllable: it will be hard to tell from other words; put 'hey' before it"
        )
    elif count < EASY_PHONEMES:
        warnings.append(
            f"{phrase!r} has only {count} sounds: it will be hard to tell from other words; take a longer one"
        )
    if count > LONG_PHONEMES:
        warnings.append(
            f"{phrase!r} has {count} sounds: said slowly it is longer than the detector looks back"
        )
    return warnings


def _check_letters(phrase: str) -> None:
    if not phrase:
        raise UsageError("the phrase is empty: write the words to be heard, as in 'hey chip'")
    if len(phrase) > 100:
        raise UsageError(f"the phrase has {len(phrase)} letters, at most 100 are possible: take fewer words")
    odd = [letter for letter in phrase if not _is_letter(letter) and letter not in " '-"]
    if any(unicodedata.category(letter) in ("Nd", "Nl", "No") for letter in odd):
        raise UsageError(f"the phrase {phrase!r} has digits: write numbers as words ('seven', not '7')")
    if odd:
        shown = " ".join(repr(letter) for letter in dict.fromkeys(odd))
        raise UsageError(
            f"the phrase {phrase!r} has {shown}: use letters, blanks, apostrophes and hyphens only"
        )
    if not any(map(_is_letter, phrase)):
        raise UsageError(
            f"the phrase {phrase!r} has no letters: write the words to be heard, as in 'hey chip'"
        )


def _is_letter(letter: str) -> bool:
    return letter.isalpha() or unicodedata.category(letter).startswith(
        "M"
    )  # M: marks of Hindi, Thai and others


def _check_spelled(phrase: str, words: Spoken, lang: str) -> None:
    """Refuses what espeak-ng reads letter by letter, because the letters are not of the language."""
    names = [unicodedata.name(letter, "") for letter in phrase if letter.isalpha()]
    if not words:
        raise UsageError(f"the voice {lang} cannot say {phrase!r}: name its language with --lang")
    syllabic = any(name.startswith(("CJK", "HANGUL", "HIRAGANA", "KATAKANA")) for name in names)
    if all(name.startswith("LATIN") for name in names):
        return  # abbreviations are spelled on purpose
    per_letter = sum(map(len, words)) / len(names)
    if per_letter > 4.5 or (not syllabic and len(words) > 1.5 * len(phrase.split())):
        raise UsageError(
            f"the voice {lang} spells {phrase!r} letter by letter: name its language with --lang"
        )


def spellings(phrase: str, lang: str = "en-us") -> list[str]:
    """Ways of writing the phrase, the plain one first: as a call, a question, with a pause, joined,
    hyphenated.

    All sound the same but for melody and pauses: joined and hyphenated ones are kept only where espeak-ng
    gives them the same phonemes and the same stress.
    """
    plain = clean(phrase).lower() if lang.startswith("en") else clean(phrase)
    words = plain.split()
    called = plain[:1].upper() + plain[1:]
    titled = " ".join(word[:1].upper() + word[1:] for word in words)
    ways = [plain, called + ".", titled + "!", called + "?", plain + ",", titled + "..."]
    if len(words) > 1:
        paused = words[0] + ", " + " ".join(words[1:])
        ways += [paused, paused[:1].upper() + paused[1:] + "!", titled]
        joined = ["".join(words), "-".join(words), *("-".join(words[:cut]) + " " + "-".join(words[cut:])
                  for cut in range(2, len(words)))]  # fmt: skip
        wanted, *heard = spoken([plain, *joined], lang)
        flat = [phoneme for word in wanted for phoneme in word]
        ways += [
            way for way, words_ in zip(joined, heard, strict=True) if [p for w in words_ for p in w] == flat
        ]
    return list(dict.fromkeys(ways))
