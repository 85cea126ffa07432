"""Sentences to be read aloud as negatives."""

from __future__ import annotations

import re

import pytest

from edge.errors import UsageError
from synth.sentences import common_words, fill, lines, matcher, sentences, slots


def test_thousands_of_different_sentences() -> None:
    """Five thousand texts, none twice, of one to thirty words, in letters that engines read."""
    texts = sentences(5_000, seed=3)
    assert len(set(texts)) == 5_000
    assert all(1 <= len(text.split()) <= 30 for text in texts)
    assert not any(re.search(r"[{}\[\]_#]", text) for text in texts)


def test_the_seed_decides() -> None:
    """The same seed gives the same texts, a longer list begins with the shorter one, another seed gives
    others."""
    assert sentences(300, seed=1) == sentences(400, seed=1)[:300]
    assert sentences(300, seed=1) != sentences(300, seed=2)


@pytest.mark.parametrize("phrase", ["computer", "hey chip", "turn on the", "alexa", "the", "Hey, Siri!"])
def test_the_phrase_is_never_among_them(phrase: str) -> None:
    """No text has the words of the phrase in a row; they are there apart, where the phrase has several."""
    words = re.findall(r"\w+", phrase.lower())
    texts = [re.findall(r"\w+", text.lower()) for text in sentences(3_000, seed=0, avoid=phrase)]
    for text in texts:
        assert not any(text[place : place + len(words)] == words for place in range(len(text))), text
    if len(words) > 1:
        assert any(words[0] in text for text in texts)


@pytest.mark.parametrize(
    ("phrase", "text", "is_in"),
    [
        ("computer", "My computers, both of them", True),
        ("computer", "the computer's mouse", True),
        ("computer", "a commuter", False),
        ("computer", "microcomputer", False),
        ("snow boy", "a Snow-Boy", True),
        ("snow boy", "snowboy!", True),
        ("hey chip", "hey, Chip?", True),
        ("hey chip", "they chip", False),
        ("hey chip", "hey chipper", False),
        ("", "anything", False),
        ("Straße", "die STRASSE", True),
        ("привет", "Привет, мир", True),
    ],
)
def test_what_counts_as_the_phrase(phrase: str, text: str, is_in: bool) -> None:
    """Plurals, possessives, hyphens and case do not hide it; longer words do not hold it."""
    assert matcher(phrase)(text) is is_in


def test_all_kinds_are_there() -> None:
    """Commands to other assistants, greetings, numbers, single words and whole sentences."""
    texts = sentences(2_000, seed=0)
    for pattern in (r"^alexa, ", r"^hey (siri|google)", r"^hey \w+$", r"\d", r"^[a-z]+$", r"^[A-Z].* .*\.$"):
        assert sum(bool(re.search(pattern, text)) for text in texts) > 8, pattern


def test_a_language_without_sentences_has_numbers() -> None:
    """Digits are read by every voice in its own language; German and others have sentences, too."""
    assert all(re.fullmatch(r"[\d\s.,:+%]+", text) for text in sentences(200, lang="sv"))
    assert any("Milch" in text for text in sentences(300, lang="de"))


def test_more_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more can be made it says how many there are, instead of going on for ever."""
    monkeypatch.setattr("synth.sentences.number", lambda *_, **__: "1")
    with pytest.raises(UsageError, match="only 1 different"):
        sentences(10, lang="sv")


def test_templates_name_slots_that_exist() -> None:
    """Every {slot} of every template has fillings, and articles fit them."""
    import random

    rng = random.Random(0)
    for name in ("templates", "commands", "greetings"):
        for template in lines(f"en/{name}"):
            for slot in re.findall(r"\{([a-z ]+)\}", template):
                assert slot in slots() or slot.removeprefix("a ") in slots(), template
            text = fill(template, rng)
            assert not re.search(r"\ban? an?\b|\ba [aeiou]|\ban [^aeiouh]", text.replace("a unit", "")), text
    assert len(common_words()) > 1_500
