"""Real speech to reject: three ways that share no file and, where speakers can be told apart, no speaker."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.acoustics import Sound
from synth.decode import load_audio
from synth.negatives import SHARES, WAYS, Source, files_of, installed, is_here, recordings, way_of
from synth.sources import sources

COUNT = 30


def fill(folder: Path, count: int = COUNT, first: int = 0, speakers: int = 3) -> Source:
    """Recordings of half a second, each at a level of its own, in a folder for each speaker."""
    for k in range(first, first + count):
        rng = np.random.default_rng(k)
        write_wav(folder / f"speaker{k % speakers}" / f"{k}.wav", rng.normal(0, 0.1, RATE_HZ // 2), RATE_HZ)
    return Source(folder.name, "speech", folder, "the user's own")


def touch(folder: Path, *names: str) -> None:
    """Files that differ, and are read by nobody here."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@functools.cache
def installed_names(name: str) -> dict[str, set[str]]:
    """Those of a package, which are many."""
    return names(next(source for source in sources() if source.name == name))


def names(source: Source) -> dict[str, set[str]]:
    """The files of each way by their names below the folder."""
    found = files_of(source).items()
    return {way: {path.relative_to(source.folder).as_posix() for path in paths} for way, paths in found}


def prints(sounds: list[Sound]) -> set[bytes]:
    """What tells recordings apart."""
    return {sound.tobytes() for sound in sounds}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A folder of thirty recordings."""
    return fill(tmp_path / "own")


def test_ways_share_no_recording_and_leave_none_out(source: Source) -> None:
    """Every recording is in exactly one of the three ways."""
    ways = [prints(list(recordings(source, way, 1.0))) for way in WAYS]
    assert sum(map(len, ways)) == len(set.union(*ways)) == COUNT
    assert all(ways)


def test_more_files_and_another_place_move_nothing(tmp_path: Path) -> None:
    """Files that are added, and the folder's own place, change nobody's way where there are no speakers'
    folders: only the name in it counts."""
    source = fill(tmp_path / "two", speakers=2)
    before = {way: prints(list(recordings(source, way, 1.0))) for way in WAYS}
    fill(source.folder, 10, first=COUNT, speakers=2)
    moved = source.folder.rename(tmp_path / "elsewhere")
    after = {way: prints(list(recordings(Source("x", "noise", moved, ""), way, 1.0))) for way in WAYS}
    assert all(before[way] <= after[way] for way in WAYS)


def test_names_that_are_no_text_have_a_way() -> None:
    """File names may hold bytes that are no UTF-8; they are cut like any others."""
    assert way_of(b"caf\xe9.wav".decode("utf-8", "surrogateescape")) in WAYS


def test_ways_are_pinned() -> None:
    """These names were here before: where they move, old reports are of what new bundles are trained on."""
    found = [way_of(name) for name in ("a.wav", "b.wav", "digits/1.g722", "vm-goodbye.g722", "ünï.flac")]
    assert found == ["choose", "report", "train", "choose", "report"]


def test_shares_are_as_stated() -> None:
    """Of many names each way gets its share, to two points in a hundred."""
    counts = Counter(way_of(f"speaker/{k}.flac") for k in range(10_000))
    for way, share in zip(WAYS, SHARES, strict=True):
        assert counts[way] / 10_000 == pytest.approx(share, abs=0.02)


def test_hours_are_a_bound(source: Source) -> None:
    """Reading stops after the recording with which the hours are full."""
    seconds = [sum(len(s) for s in recordings(source, "train", s / 3600)) / RATE_HZ for s in (0.0, 0.4, 2.0)]
    assert seconds == [0.0, 0.5, 2.0]


def test_what_does_not_decode_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no recording is told of by name, and all the others are read."""
    source = fill(tmp_path / "two", speakers=2)
    junk = [f"junk{k}.flac" for k in range(40) if way_of(f"junk{k}.flac") == "train"][:2]
    touch(source.folder, *junk)
    expected = sum(way_of(str(p.relative_to(source.folder))) == "train" for p in source.folder.rglob("*.wav"))
    assert len(list(recordings(source, "train", 1.0))) == expected > 0
    assert all(name in caplog.text for name in junk)


def test_folders_of_ones_own_come_last(tmp_path: Path) -> None:
    """A user's folder is named and taken for speech; packages that are absent are not offered."""
    found = installed([tmp_path / "mine"])
    assert (found[-1].name, found[-1].kind, found[-1].folder) == ("folder mine", "speech", tmp_path / "mine")
    assert all(source.folder.is_dir() for source in found[:-1])


@pytest.mark.parametrize("count", [3, 4, 9, 40])
def test_folders_of_speakers_are_dealt_whole(count: int, tmp_path: Path) -> None:
    """Of three or more sub-folders each goes to one way with all below it, and no way is left with nothing;
    about half of them train."""
    touch(tmp_path, *(f"person{k}/book/{n}.wav" for k in range(count) for n in range(3)))
    ways = {way: {name.split("/")[0] for name in found}
            for way, found in names(Source("own", "speech", tmp_path, "")).items()}
    assert sum(map(len, ways.values())) == len(set.union(*ways.values())) == count
    assert min(map(len, ways.values())) >= count // 4
    assert abs(len(ways["train"]) - count / 2) <= 1


def test_two_folders_are_not_taken_for_speakers(tmp_path: Path) -> None:
    """With fewer than three sub-folders all three ways get something of a speaker."""
    touch(tmp_path, *(f"person{k}/{n}.wav" for k in range(2) for n in range(40)))
    ways = names(Source("own", "speech", tmp_path, ""))
    assert all(any(name.startswith("person0/") for name in found) for found in ways.values())


def test_the_table_says_where_a_speaker_goes(tmp_path: Path) -> None:
    """A key of the table goes where that says, one that it does not know goes by itself, whole."""
    touch(tmp_path, *(f"{who}/{n}.ogg" for who in ("anna", "bert", "cleo") for n in range(20)))
    known = {"anna": "report", "bert": "choose"}
    source = Source("x", "speech", tmp_path, "", speaker=r"^(\w+)/", ways=known)
    ways = {way: {name.split("/")[0] for name in found} for way, found in names(source).items()}
    assert "anna" in ways["report"] and "bert" in ways["choose"]
    assert sum("cleo" in found for found in ways.values()) == 1 and "cleo" in ways[way_of("cleo")]
    assert sum(map(len, ways.values())) == 3


def test_one_speaker_goes_whole(tmp_path: Path) -> None:
    """A source that is one speaker's is in one way, however many folders it has."""
    touch(tmp_path, *(f"{k}/{n}.ogg" for k in range(5) for n in range(5)))
    found = names(Source("x", "speech", tmp_path, "", way="choose"))
    assert (len(found["choose"]), found["train"], found["report"]) == (25, set(), set())


def test_only_the_right_files_are_taken(tmp_path: Path) -> None:
    """Files that do not match, that are left out, that are empty or that are second copies are in no way."""
    touch(tmp_path, "a/cow_desc.ogg", "a/cow.ogg", "silence/1_desc.ogg", "a/cow_desc.png")
    (tmp_path / "a" / "empty_desc.ogg").touch()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "copy_desc.ogg").write_bytes((tmp_path / "a" / "cow_desc.ogg").read_bytes())
    source = Source("x", "speech", tmp_path, "", files="*_desc*.ogg", without="silence/*", way="train")
    assert names(source)["train"] == {"a/cow_desc.ogg"}
    assert is_here(source)
    assert not is_here(Source("x", "speech", tmp_path, "", files="*_desc_fr.ogg"))


def test_the_first_hour_has_all_speakers(tmp_path: Path) -> None:
    """Whoever reads a part hears everybody, not only those whose names come first."""
    touch(tmp_path, *(f"{who}/{n}.ogg" for who in "abcd" for n in range(25)))
    first = files_of(Source("x", "speech", tmp_path, "", way="train"))["train"][:30]
    assert {path.parent.name for path in first} == set("abcd")


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_packages_are_cut_by_speaker(source: Source) -> None:
    """In a package as it is here, every file is in one way, every speaker is in one way, and there is no file
    of which it is not known whose it is."""
    if not is_here(source):
        pytest.skip(f"{source.package} is not installed")
    ways = installed_names(source.name)
    assert sum(map(len, ways.values())) == len(set.union(*ways.values())) > 0
    if source.way:
        assert set(ways[source.way]) == set.union(*ways.values())
    elif source.speaker:
        keys = {way: {source.key(name) for name in found} for way, found in ways.items()}
        assert None not in set.union(*keys.values())
        assert sum(map(len, keys.values())) == len(set.union(*keys.values()))
        assert set.union(*keys.values()) <= set(source.ways) or not source.ways


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_packages_decode(source: Source) -> None:
    """A recording of each package that is here, 8 kHz GSM among them, is sound at 16 kHz."""
    if not is_here(source):
        pytest.skip(f"{source.package} is not installed")
    name = min(set.union(*installed_names(source.name).values()))
    sound = load_audio(source.folder / name)
    assert len(sound) > 0.1 * RATE_HZ
    assert np.abs(sound).max() > 0.01


def test_each_way_hears_several_people() -> None:
    """With all packages, each way has English and at least five speakers, and train has the most."""
    here = [source for source in sources() if source.kind == "speech" and is_here(source)]
    if len(here) < sum(source.kind == "speech" for source in sources()):
        pytest.skip("not all packages of speech are installed")
    people: dict[str, set[str]] = {way: set() for way in WAYS}
    for source in here:
        for way, found in installed_names(source.name).items():
            people[way] |= {f"{source.name} {source.key(name) or source.language}" for name in found}
    english = {way: {who for who in found if who.endswith((" en", " en_GB")) or who.startswith("speakerbox")}
               for way, found in people.items()}
    assert all(len(found) >= 5 for found in people.values())
    assert all(english.values())
    assert len(people["train"]) == max(map(len, people.values()))
