"""Work that is kept is there whole, or it is made again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from synth.vision import kept


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_what_is_kept_comes_back_until_it_is_forgotten() -> None:
    """Arrays come back as they were, of other names nothing."""
    kept.keep("a", {"rows": np.arange(6.0).reshape(2, 3)})
    found = kept.load("a")
    assert found is not None
    np.testing.assert_array_equal(found["rows"], np.arange(6.0).reshape(2, 3))
    assert kept.load("b") is None
    kept.forget("a")
    kept.forget("a")
    assert kept.load("a") is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_piece_that_was_cut_off_is_none(share: float) -> None:
    """A file that a power cut left half written is made again, not believed."""
    kept.keep("a", {"rows": np.zeros(1000)})
    path = kept.folder() / "a.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert kept.load("a") is None


def test_a_pickle_is_not_opened() -> None:
    """An array of objects, which only a pickle can hold, is none."""
    kept.folder().mkdir(parents=True)
    np.savez(kept.folder() / "a.npz", rows=np.array([{}], dtype=object))
    assert kept.load("a") is None


def test_a_place_that_cannot_be_written_costs_only_the_keeping(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cache is a file, nothing is kept and nothing raised."""
    (cache / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "file"))
    kept.keep("a", {"rows": np.zeros(3)})
    assert kept.load("a") is None


def test_the_name_is_of_all_that_decides() -> None:
    """Another number, another array of the same sum, another order: another name."""
    names = {kept.key_of(1, np.array([1.0, 2.0])), kept.key_of(1, np.array([2.0, 1.0])),
             kept.key_of(2, np.array([1.0, 2.0])), kept.key_of(np.array([1.0, 2.0]), 1)}
    assert len(names) == 4
    assert kept.key_of("x", 3) == kept.key_of("x", 3)


def test_what_was_used_last_stays() -> None:
    """Beyond the most that are kept, the pieces go that nobody asked for the longest."""
    for k, name in enumerate("abcd"):
        kept.keep(name, {"rows": np.zeros(2)})
        os.utime(kept.folder() / f"{name}.npz", (k, k))
    kept.load("a")
    kept.tidy(2)
    assert sorted(p.stem for p in kept.folder().glob("*.npz")) == ["a", "d"]
