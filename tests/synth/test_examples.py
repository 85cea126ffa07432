"""From material to examples: which scenes are made, and that another phrase shares what it can."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edge.backbone import HARDENED, REFERENCE
from edge.events import RATE_HZ
from synth.acoustics import Sound
from synth.dataset import NEGATIVE, POSITIVE
from synth.examples import HELD_OUT_COPIES, NOISES, _rows, examples
from synth.ingest import Rejected
from synth.material import Material, Spoken, Way
from synth.packs import to_pcm
from synth.presets import PRESETS
from synth.shelf import Shelf, chunks
from synth.voices import Voice

PRESET = dataclasses.replace(PRESETS["quick"], copies=3, negative_copies=1, speech_copies=1)
VOICE = Voice("toy", "one", "en-us", "free")


def tone(hz: float, seconds: float = 0.5) -> Sound:
    """A tone."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def spoken(count: int, hz: float, first: int = 0) -> list[Spoken]:
    """Clips in a row of places."""
    return [Spoken(tone(hz + 10 * k), VOICE, f"text {k}", first + k) for k in range(count)]


def material(phrase_hz: float) -> Material:
    """Two phrases, one near-miss, ten sentences, a minute of speech, one piece of music."""
    speech, noise, music = ([to_pcm(sound)] for sound in (tone(200, 20), tone(50, 5), tone(70, 40)))
    ways = {way: Way(spoken(2, phrase_hz), spoken(1, 900), spoken(10, 300), speech * 3, noise, music)
            for way in ("train", "choose", "report")}
    return Material(ways, Rejected.of([]), [], "toy")


def test_rows_keep_their_places_when_a_sentence_is_left_out() -> None:
    """The sentence that holds the phrase is gone; all others stay in the stream that they were in."""
    ten = spoken(20, 300)
    whole = _rows(ten, range(20))
    without = _rows(ten[:3] + ten[4:], [k for k in range(20) if k != 3])
    assert whole == [tuple(range(8)), tuple(range(8, 16)), tuple(range(16, 20))]
    assert without == [(0, 1, 2, 4, 5, 6, 7), *whole[1:]]


def test_streams_are_half_a_minute_and_nothing_is_lost() -> None:
    """Recordings in a row until there is half a minute; a longer one is a stream of its own."""
    streams = Shelf(chunks([tone(200, 12)] * 5 + [to_pcm(tone(200, 70))]))
    assert [round(len(s) / RATE_HZ) for s in streams] == [38, 96]
    assert [round(float(np.abs(s).max()), 3) for s in streams] == [0.5, 0.5]
    assert chunks([]) == []


@pytest.mark.parametrize("way", ["train", "choose"])
def test_every_kind_is_there(way: str, tmp_path: Path) -> None:
    """Each phrase as often as the preset says, and negatives of every kind; fragments and music to train."""
    found = examples(way, material(500), [], PRESET, seed=0, jobs=1, folder=tmp_path)
    copies = PRESET.copies if way == "train" else HELD_OUT_COPIES
    calls = {int(found.stream[k]) for k in np.flatnonzero(found.label == POSITIVE)}
    assert len(calls) == 2 * copies
    natural = {int(s) for s in found.stream[found.natural]}
    assert len(natural) == 2 * 2 + 2 * 2 + NOISES + (1 if way == "train" else 0)
    assert (found.label[found.natural] == NEGATIVE).all()


def test_another_phrase_shares_what_is_not_its_own(tmp_path: Path) -> None:
    """Of a second phrase only its own scenes are made; another backbone shares nothing."""
    examples("train", material(500), [], PRESET, seed=0, jobs=1, folder=tmp_path)
    first = {path.name for path in tmp_path.iterdir()}
    examples("train", material(650), [], PRESET, seed=0, jobs=1, folder=tmp_path)
    second = {path.name for path in tmp_path.iterdir()} - first
    assert len(second) == PRESET.copies + 1
    examples("train", material(500), [], PRESET, seed=0, jobs=1, folder=tmp_path, backbone=REFERENCE)
    third = {path.name for path in tmp_path.iterdir()} - first - second
    assert len(third) == len(first)
    assert HARDENED != REFERENCE
