"""What took long to decode is kept: the same numbers come out, and only as long as no file has changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edge.events import RATE_HZ
from edge.wav import write_wav
from synth import packs
from synth.acoustics import Sound
from synth.packs import Pcm, read_through

HOUR = 1.0
TWO_S = 2.0 / 3600


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Ten recordings of half a second; anything is worth keeping."""
    monkeypatch.setattr(packs, "WORTH_S", 0.0)
    for k in range(10):
        write_wav(tmp_path / f"{k}.wav", np.random.default_rng(k).normal(0, 0.1, RATE_HZ // 2), RATE_HZ)
    return sorted(tmp_path.glob("*.wav"))


def read(folder: Path | None, paths: list[Path], hours: float = HOUR) -> list[Pcm]:
    return list(read_through(folder, "x-train", paths, hours))


def equal(one: list[Pcm], other: list[Pcm]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def forbidden(path: Path) -> Sound:
    raise AssertionError(f"{path} is decoded once more")


@pytest.mark.parametrize("hours", [HOUR, TWO_S])
def test_a_pack_is_what_was_decoded(
    hours: float, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of the pack come the very numbers that came without, and no file is decoded."""
    plain, first = read(None, paths, hours), read(tmp_path / "cache", paths, hours)
    monkeypatch.setattr(packs, "load_audio", forbidden)
    again = read(tmp_path / "cache", paths, hours)
    assert len(plain) == (10 if hours == HOUR else 4)
    assert equal(plain, first) and equal(plain, again)
    assert all(sound.dtype == np.int16 for sound in again)


def test_a_pack_of_all_serves_less(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read whole is there for whoever wants less of it."""
    whole = read(tmp_path / "cache", paths)
    monkeypatch.setattr(packs, "load_audio", forbidden)
    assert equal(read(tmp_path / "cache", paths, TWO_S), whole[:4])


def test_less_does_not_stand_for_all(paths: list[Path], tmp_path: Path) -> None:
    """A pack of a part is not taken for the whole."""
    assert len(read(tmp_path / "cache", paths, TWO_S)) == 4
    assert len(read(tmp_path / "cache", paths)) == 10


def test_a_changed_file_is_decoded_anew(paths: list[Path], tmp_path: Path) -> None:
    """Another content under the same name, of the same size, is noticed by its time."""
    before = read(tmp_path / "cache", paths)
    write_wav(paths[3], np.full(RATE_HZ // 2, 0.25), RATE_HZ)
    os.utime(paths[3], ns=(1, 1))
    after = read(tmp_path / "cache", paths)
    assert not np.array_equal(before[3], after[3])
    assert equal(before[:3] + before[4:], after[:3] + after[4:])


def test_a_broken_pack_is_made_anew(
    paths: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pack that a power cut left half is told of, and mended."""
    before = read(tmp_path / "cache", paths)
    (pack,) = (tmp_path / "cache" / "packs").iterdir()
    whole = pack.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"no pack"):
        pack.write_bytes(broken)
        assert equal(read(tmp_path / "cache", paths), before)
        assert "event=broken_pack" in caplog.text
        assert len(pack.read_bytes()) == len(whole)


def test_what_is_quick_is_not_kept(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where decoding costs next to nothing the disk is spared."""
    monkeypatch.setattr(packs, "WORTH_S", 3600.0)
    assert len(read(tmp_path / "cache", paths)) == 10
    assert not (tmp_path / "cache").exists()


def test_reading_that_is_broken_off_keeps_nothing(paths: list[Path], tmp_path: Path) -> None:
    """Half of a reading is no pack."""
    reading = read_through(tmp_path / "cache", "x", paths, HOUR)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "cache").exists()


def test_nowhere_to_keep_is_no_fault(
    paths: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the cache cannot be written the recordings are read all the same."""
    (tmp_path / "file").touch()
    assert len(read(tmp_path / "file" / "cache", paths)) == 10
    assert "event=pack_not_kept" in caplog.text
