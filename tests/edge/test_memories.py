"""The store of what the field sounded like."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UsageError
from edge.memories import Memories, Memory, find, forget, mark, read_memories
from edge.wav import read_wav

SOUND = (np.random.default_rng(0).standard_normal(16_000) * 0.1).astype(np.float32)
FACTS = {"kind": "heard", "word": "Hey, Chip!", "margin": 1.5}


def opened(folder: Path, **caps: float) -> Memories:
    """A store that is ready."""
    store = Memories(folder, **caps)  # type: ignore[arg-type]
    store.open()
    return store


def numbers(folder: Path) -> list[int]:
    """What is there."""
    return [one.number for one in read_memories(folder)]


def test_a_moment_is_a_recording_and_a_json_beside_it(tmp_path: Path) -> None:
    """16 kHz, mono, 16 bit, under a name that tells number, kind and word; the JSON says what it was told."""
    kept = opened(tmp_path / "a" / "memory").keep(SOUND, FACTS)
    assert kept.wav.name == "000000001_heard_hey-chip.wav"
    found = read_wav(kept.wav)
    assert (found.rate_hz, found.samples.shape) == (16_000, (16_000, 1))
    assert np.abs(found.samples[:, 0] - SOUND).max() <= 1 / 32768
    facts = json.loads(kept.json.read_text())
    assert facts | FACTS == facts
    assert (facts["number"], facts["duration_s"], facts["bytes"]) == (1, 1.0, kept.wav.stat().st_size)
    assert kept.size == kept.wav.stat().st_size + kept.json.stat().st_size
    assert kept.wav.parent.stat().st_mode & 0o007 == 0  # others may not look


def test_numbers_go_on_whatever_the_clock_says(tmp_path: Path) -> None:
    """A later run counts on from the highest number, and files of the far future are no newer for it."""
    store = opened(tmp_path)
    for _ in range(3):
        os.utime(store.keep(SOUND, FACTS).wav, (4e9, 4e9))
    store.close()
    store = opened(tmp_path, most_files=3)
    assert store.keep(SOUND, FACTS).number == 4
    assert numbers(tmp_path) == [2, 3, 4]


@pytest.mark.parametrize("caps", [{"most_files": 3}, {"most_mb": 0.1 + 3 * 0.0005}])
def test_the_oldest_make_room(tmp_path: Path, caps: dict[str, float]) -> None:
    """Neither cap is ever passed, in files or in megabytes (three of 32 kB fit into a tenth of one)."""
    store = opened(tmp_path, **caps)
    for number in range(1, 8):
        store.keep(SOUND, FACTS)
        assert numbers(tmp_path) == list(range(max(1, number - 2), number + 1))
        assert store.size == sum(p.stat().st_size for p in tmp_path.iterdir() if p.name != ".lock")


def test_what_is_marked_goes_last(tmp_path: Path) -> None:
    """A mark that another process made while the store was open is seen, and where all are marked the oldest
    goes all the same."""
    store = opened(tmp_path, most_files=3)
    for _ in range(3):
        store.keep(SOUND, FACTS)
    mark(find(tmp_path, 1), "yes")
    mark(find(tmp_path, 2), "no")
    store.keep(SOUND, FACTS)
    assert numbers(tmp_path) == [1, 2, 4]
    assert [one.label for one in read_memories(tmp_path)] == ["yes", "no", ""]
    mark(find(tmp_path, 4), "yes")
    store.keep(SOUND, FACTS)
    assert numbers(tmp_path) == [2, 4, 5]


def test_what_was_cut_off_is_cleared_away(tmp_path: Path) -> None:
    """A recording without a JSON, a JSON without one, half of one, and temporary names go; what a person put
    into the folder stays; the numbers go on after all of them."""
    store = opened(tmp_path)
    first, second = store.keep(SOUND, FACTS), store.keep(SOUND, FACTS)
    store.close()
    second.json.write_bytes(second.json.read_bytes()[:50])
    (tmp_path / "000000007_heard_hey.wav").write_bytes(b"RIFF")
    (tmp_path / "000000008_heard_hey.json").write_text("{}")
    (tmp_path / ".000000009_heard_hey.wav.abcdefgh").write_bytes(b"RI")
    (tmp_path / "notes.txt").write_text("mine")
    store = opened(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        first.wav.name, first.json.name, "notes.txt", ".lock"}  # fmt: skip
    assert store.keep(SOUND, FACTS).number == 10


def test_a_recording_that_was_cut_is_none(tmp_path: Path) -> None:
    """A file that is shorter than its JSON says is not taken for a recording."""
    kept = opened(tmp_path).keep(SOUND, FACTS)
    os.truncate(kept.wav, 1000)
    assert numbers(tmp_path) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the JSON cannot be written any more, its recording goes, too."""
    store = opened(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.memories.write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        store.keep(SOUND, FACTS)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A second writer is refused, until the first has let go."""
    first = opened(tmp_path)
    with pytest.raises(OSError):
        opened(tmp_path)
    first.close()
    assert opened(tmp_path).is_open


def test_forgetting_and_what_is_not_there(tmp_path: Path) -> None:
    """Both files go; a number that is not there is told of with the remedy."""
    store = opened(tmp_path)
    kept: Memory = store.keep(SOUND, FACTS)
    forget(find(tmp_path, kept.number))
    assert numbers(tmp_path) == []
    with pytest.raises(UsageError, match="there is no memory 1; `heychip memory list`"):
        find(tmp_path, 1)
