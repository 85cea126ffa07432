"""What sounds like the phrase but is not it: the negatives that a detector needs most.

In any language that espeak-ng speaks: edits of the phrase's phonemes, spoken through [[...]]. Where there are
words (English, and the languages of `text/`): real words that sound close, in phrases of the same rhythm, and
sentences.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from synth.phonemes import (
    Bare,
    Spoken,
    Word,
    apart,
    bare,
    base,
    distance,
    is_vowel,
    spoken,
    syllables,
    written,
)
from synth.phrase import clean
from synth.sentences import common_words, lines
from synth.vocabulary import close_words
from synth.voices.espeak import accents

SAME = 0.22  # nearer than this is the phrase itself, in some accent
KINDS = ("word", "pair", "edit", "order", "part", "repeat", "inside", "sentence")
MOST = {"word": 160, "pair": 80, "edit": 200, "sentence": 100}  # of each kind

SENTENCES = (
    "the {} is on the table", "I said {} again", "is that a {}", "my {} was here", "do you have any {}",
    "what about the {}", "that {} is not mine", "one more {} and we are done", "they call it a {}",
    "where did you put the {}", "it is only a {}", "put the {} over there", "the old {} is broken",
    "I like this {}", "the word is {}", "{} is enough",
)  # fmt: skip
CALLS = (
    "{} there", "{} you", "oh {}", "{} everybody", "{} what is up", "{} come here", "{} {}", "and {} again",
    "he said {} to me", "{} wait a minute", "{} how are you",
)  # fmt: skip


@dataclass(frozen=True)
class NearMiss:
    """One text that must not wake the detector."""

    text: str
    """words, or [[phonemes]] for engines whose `phonemes` is true"""
    kind: str
    """one of KINDS"""
    distance: float = 0.0
    """of the phrase to the nearest part of this: 0.3 to 1 for a changed consonant, 1 for a lost vowel"""


def near_misses(phrase: str, lang: str = "en-us", seed: int = 0) -> list[NearMiss]:
    """The near-misses of a phrase, closest first, the same for the same seed and the same installed word
    lists.

    What has the phrase's sounds in it, or is the phrase in another accent of the language, is left out: it is
    neither right nor wrong. Raises VoiceError where espeak-ng is missing.
    """
    phrase = clean(phrase).lower()
    rng = random.Random(f"near misses/{seed}")
    words = spoken([phrase], lang)[0]
    mine = bare(words)
    accented = {bare(spoken([phrase], accent)[0]) for accent in accents(lang)} - {mine}
    real = list(dict.fromkeys(_real(phrase, words, lang, rng)))
    heard = spoken([text for text, _ in real], lang)
    texts = [(*one, said) for one, said in zip(real, heard, strict=True)] + _edits(words, lang, rng)
    found, seen = [], {mine}
    for text, kind, said in texts:
        sounds = bare(said)
        gap = distance(mine, sounds, inside=True)
        if sounds and sounds not in seen and min([gap, *(distance(one, sounds) for one in accented)]) >= SAME:
            seen.add(sounds)
            found.append(NearMiss(text, kind, round(gap, 3)))
    found.sort(key=lambda miss: (miss.distance, KINDS.index(miss.kind), miss.text))
    return list(_capped(found))


def _capped(found: list[NearMiss]) -> Iterator[NearMiss]:
    left = dict(MOST)
    for miss in found:
        left[miss.kind] = left.get(miss.kind, len(found)) - 1
        if left[miss.kind] >= 0:
            yield miss


def _real(phrase: str, words: Spoken, lang: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Texts in words; the first of several that sound alike is kept, so the likelier kinds come first."""
    parts = phrase.split()
    close = [close_words(part, lang, 60) for part in parts]
    for place, others in enumerate(close):
        for other in others:
            yield " ".join([*parts[:place], other, *parts[place + 1 :]]), "word"
    if len(parts) > 1:
        yield from ((text, "pair") for text in _pairs(close, rng))
        yield from ((" ".join(order), "order") for order in _orders(parts, rng))
    yield from ((text, "part") for text in _parts(parts, words))
    for part in parts if len(parts) > 1 else _syllables(words):
        yield from ((f"{part} {part}", "repeat"), (f"{part}, {part}, {part}", "repeat"))
    if lang.lower().startswith("en"):
        yield from _sentences(parts, close, rng)


def _pairs(close: list[list[str]], rng: random.Random) -> list[str]:
    """Every word replaced by a close one: "hay jeep"."""
    near = [others[:14] for others in close if others]
    if len(near) < 2:
        return []
    return [" ".join(rng.choice(others) for others in near) for _ in range(3 * MOST["pair"])]


def _orders(parts: list[str], rng: random.Random) -> list[list[str]]:
    orders = [parts[::-1], [*parts[1:], parts[0]]]
    orders += [rng.sample(parts, len(parts)) for _ in range(4)]
    return [order for order in orders if order != parts]


def _parts(parts: list[str], words: Spoken) -> Iterator[str]:
    """Words and rows of words of the phrase; of one word, its beginnings and ends as phonemes."""
    for size in range(1, len(parts)):
        yield from (" ".join(parts[start : start + size]) for start in range(len(parts) - size + 1))
    flat = [phoneme for word in words for phoneme in word]
    for cut in range(1, len(flat)):
        yield from (
            written([tuple(piece)]) for piece in (flat[:cut], flat[cut:]) if any(map(is_vowel, piece))
        )


def _syllables(words: Spoken) -> list[str]:
    """The phrase cut before each consonant that begins a syllable, as phonemes."""
    flat = [phoneme for word in words for phoneme in word]
    vowels = [place for place, phoneme in enumerate(flat) if is_vowel(phoneme)]
    cuts = [
        0,
        *(max(before + 1, after - 1) for before, after in itertools.pairwise(vowels)),
        len(flat),
    ]
    return [written([tuple(flat[a:b])]) for a, b in itertools.pairwise(cuts) if b > a]


def _sentences(parts: list[str], close: list[list[str]], rng: random.Random) -> Iterator[tuple[str, str]]:
    """The words of a phrase of several inside sentences, then words that sound close."""
    if len(parts) > 1:
        yield from ((pattern.format(parts[0], parts[0]), "inside") for pattern in CALLS)
        yield from ((pattern.format(noun), "inside") for noun in parts[1:] for pattern in SENTENCES)
    for others in close:
        for other in others[:16]:
            yield from ((pattern.format(other), "sentence") for pattern in rng.sample(SENTENCES, 4))


def _edits(words: Spoken, lang: str, rng: random.Random) -> list[tuple[str, str, Spoken]]:
    """[[phonemes]] of the phrase with one or two sounds changed, lost or added, that espeak-ng reads back."""
    sounds = inventory(lang)
    changed = list(dict.fromkeys(_changed(words, sounds, rng)))
    again = [next_ for one in changed for next_ in rng.sample(list(_changed(one, sounds, rng)), 2)]
    every = [one for one in dict.fromkeys([*changed, *again]) if syllables(one)]
    texts = [written(one) for one in every]
    heard = spoken(texts, lang)
    every_heard = zip(texts, every, heard, strict=True)
    return [(text, "edit", said) for text, one, said in every_heard if bare(said) == bare(one)]


def _changed(words: Spoken, sounds: Bare, rng: random.Random) -> Iterator[Spoken]:
    """Each phoneme replaced by similar ones, dropped, exchanged with the next; others put in between."""
    consonants = [sound for sound in sounds if not is_vowel(sound)]
    for place, word in enumerate(words):

        def put(new: Word, place: int = place) -> Spoken:
            kept = (*words[:place], new, *words[place + 1 :])
            return tuple(one for one in kept if one)

        for at, phoneme in enumerate(word):
            stress = phoneme[: len(phoneme) - len(phoneme.lstrip("',%="))]
            for other in similar(phoneme, sounds):
                yield put((*word[:at], stress + other, *word[at + 1 :]))
            yield put((*word[:at], *word[at + 1 :]))
            if at + 1 < len(word):
                yield put((*word[:at], word[at + 1], phoneme, *word[at + 2 :]))
        for at in range(len(word) + 1):
            for extra in rng.sample(consonants, min(5, len(consonants))):
                yield put((*word[:at], extra, *word[at:]))
            yield put((*word[:at], "@", *word[at:]))


def similar(phoneme: str, sounds: Bare, most: int = 7) -> list[str]:
    """The sounds of the language that are like this one, nearest first, one of each kind."""
    ranked = sorted(
        (apart(phoneme, sound), sound) for sound in sounds if is_vowel(sound) == is_vowel(phoneme)
    )
    kinds: dict[str, str] = {}
    for gap, sound in ranked:
        if 0 < gap < 0.95:
            kinds.setdefault(base(sound), sound)
    return list(kinds.values())[:most]


@functools.cache
def inventory(lang: str) -> Bare:
    """The phonemes of a language, as its voice uses them in common words, sentences and numbers."""
    words = common_words()[::5] if lang.lower().startswith("en") else lines(lang.lower().split("-")[0])
    heard = spoken([*words, *map(str, range(1, 41))], lang)
    counts: dict[str, int] = {}
    for said in heard:
        for phoneme in bare(said):
            counts[phoneme] = counts.get(phoneme, 0) + 1
    return tuple(sorted(phoneme for phoneme, count in counts.items() if count > 1 and base(phoneme)))
