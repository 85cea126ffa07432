"""Real speech to reject: three ways that never share a file, decided by the file's name alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.acoustics import Sound
from synth.negatives import SHARES, WAYS, Source, installed, recordings, way_of

COUNT = 30


def fill(folder: Path, count: int = COUNT, first: int = 0) -> Source:
    """Recordings of half a second, each at a level of its own."""
    for k in range(first, first + count):
        rng = np.random.default_rng(k)
        write_wav(folder / f"speaker{k % 3}" / f"{k}.wav", rng.normal(0, 0.1, RATE_HZ // 2), RATE_HZ)
    return Source(folder.name, "speech", folder, "the user's own")


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


def test_more_files_and_another_place_move_nothing(source: Source, tmp_path: Path) -> None:
    """Files that are added, and the folder's own place, change nobody's way: only the name in it counts."""
    before = {way: prints(list(recordings(source, way, 1.0))) for way in WAYS}
    fill(source.folder, 10, first=COUNT)
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


def test_what_does_not_decode_is_passed_over(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no recording is told of by name, and all the others are read."""
    names = [f"junk{k}.flac" for k in range(40) if way_of(f"junk{k}.flac") == "train"][:2]
    for k, name in enumerate(names):
        (source.folder / name).write_bytes(b"no sound" * (k + 1))
    expected = sum(way_of(str(p.relative_to(source.folder))) == "train" for p in source.folder.rglob("*.wav"))
    assert len(list(recordings(source, "train", 1.0))) == expected
    assert all(name in caplog.text for name in names)


def test_folders_of_ones_own_come_last(tmp_path: Path) -> None:
    """A user's folder is named and taken for speech; packages that are absent are not offered."""
    found = installed([tmp_path / "mine"])
    assert (found[-1].name, found[-1].kind, found[-1].folder) == ("folder mine", "speech", tmp_path / "mine")
    assert all(source.folder.is_dir() for source in found[:-1])
