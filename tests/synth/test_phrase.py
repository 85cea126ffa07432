"""Phrases: which are refused, which are warned about, and how the others are written."""

from __future__ import annotations

import shutil

import pytest

from edge.errors import UsageError
from synth import phonemes
from synth.phonemes import apart, bare, distance, spoken, syllables, written
from synth.phrase import check_phrase, slug, spellings

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="apt-get install espeak-ng")


@pytest.mark.parametrize(
    ("text", "lang", "says"),
    [
        ("", "en-us", "empty"),
        ("  \n", "en-us", "empty"),
        ("--", "en-us", "no letters"),
        ("hey 2", "en-us", "digits"),
        ("hey ²", "en-us", "digits"),
        ("hey_chip", "en-us", "'_'"),
        ("hey chip!", "en-us", "'!'"),
        ("hey 🤖", "en-us", "letters"),
        ("../../etc", "en-us", "'.' '/'"),
        ("[[heI]]", "en-us", "'['"),
        ("a", "en-us", "too short"),
        ("abracadabra what a very long phrase it is", "en-us", "too long"),
        ("x" * 200, "en-us", "200 letters"),
        ("привет", "en-us", "--lang"),
    ],
)
def test_refused_phrases_name_the_remedy(text: str, lang: str, says: str) -> None:
    """A phrase that cannot work is a UsageError that says why and what to do."""
    with pytest.raises(UsageError, match=r".") as error:
        check_phrase(text, lang)
    assert says in str(error.value)
    assert ":" in str(error.value), "a remedy follows the reason"


@pytest.mark.parametrize(
    ("text", "says"), [("chip", "one syllable"), ("ok", "3 sounds"), ("hey", "one syllable")]
)
def test_short_phrases_are_warned_about(text: str, says: str) -> None:
    """One syllable, or fewer than five sounds, works but is hard to tell from other words."""
    assert says in " ".join(check_phrase(text))


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("hey chip", "en-us"),
        ("o'brien", "en-gb"),
        ("привет чип", "ru"),
        ("hé Camille", "fr-fr"),
        ("नमस्ते", "hi"),
    ],
)
def test_good_phrases_pass(text: str, lang: str) -> None:
    """Apostrophes, accents, other scripts in their own language: no error and no warning."""
    assert check_phrase(text, lang) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hey  Chip", "hey_chip"),
        ("O'Brien", "o_brien"),
        ("hé Straße", "he_strasse"),
        ("../a/b", "a_b"),
        ("!", "word"),
    ],
)
def test_slug(text: str, name: str) -> None:
    """A slug is a file name: no blanks, no marks on Latin letters, nothing that leads out of a folder."""
    assert slug(text) == name


def test_spellings_sound_like_the_phrase() -> None:
    """Every way of writing has the phonemes of the plain one; the plain one is first, and none is there
    twice."""
    ways = spellings("hey chip")
    assert ways[0] == "hey chip"
    assert {"hey chip", "hey, chip", "Hey Chip!"} <= set(ways)
    assert len(ways) == len(set(ways)) >= 6
    heard = {bare(said) for said in spoken(ways, "en-us")}
    assert heard == {("h", "eI", "tS", "I", "p")}


def test_joining_that_changes_the_sound_is_left_out() -> None:
    """ "now here" joined would be "nowhere"."""
    ways = spellings("now here")
    assert "nowhere" not in ways
    assert "now here" in ways


def test_a_text_is_a_line_whatever_is_in_it() -> None:
    """Marks that end a clause, blanks and brackets do not mix up the phonemes of many texts."""
    texts = ["hey, chip! hey.", "", "one; two: three?", "[[h'eI]], [[tS'Ip]]", "hey chip"]
    heard = [bare(said) for said in spoken(texts, "en-us")]
    assert heard[0] == ("h", "eI", "tS", "I", "p", "h", "eI")
    assert heard[3] == heard[4] == ("h", "eI", "tS", "I", "p")


def test_written_phonemes_are_read_back() -> None:
    """What `written` puts between brackets, espeak-ng says; t and S stay two sounds where they are two."""
    words = ((("t", "S", "'I", "p"),), (("tS", "'I", "p"),))
    heard = spoken([written(one) for one in words], "en-us")
    assert [bare(said) for said in heard] == [("t", "S", "I", "p"), ("tS", "I", "p")]


def test_distances_follow_the_ear() -> None:
    """The same is 0, ship is nearer to chip than map is, and a part inside a sentence is found."""
    chip, ship, map_ = ("tS", "I", "p"), ("S", "I", "p"), ("m", "a", "p")
    assert distance(chip, chip) == 0
    assert 0 < distance(chip, ship) < distance(chip, map_)
    assert distance(chip, ("D", "@", *chip, "I", "z"), inside=True) == 0
    assert apart("p", "b") == apart("b", "p") < apart("p", "a")
    assert syllables(spoken(["computer"], "en-us")[0]) == 3


def test_without_espeak_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phonemes come from espeak-ng; where it is missing, the error says how to get it."""
    monkeypatch.setattr(phonemes.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match="apt-get install espeak-ng"):
        spellings("hey chip")
