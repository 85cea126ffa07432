"""The recordings that a bundle carries, to be tried with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import change_manifest
from tones import silence, tone, tone_bundle

from edge.bundle import load_bundle
from edge.listener import Listener
from edge.manifest import DETECTORS
from edge.replay import replay
from synth.tried_with import add_recordings

ROOM = 0.4  # a quiet room is half a logit below the threshold of this bundle
OTHER = [tone(1.0, hertz=hertz) for hertz in (200.0, 3_000.0, 6_000.0)]


def draft(place: Path) -> Path:
    """A bundle of which there is only the model."""
    folder = tone_bundle(place)
    return change_manifest(folder, lambda m: m.update(golden=None, files={DETECTORS: m["files"][DETECTORS]}))


def tried(folder: Path, said: list[np.ndarray], other: list[np.ndarray]) -> tuple[dict[str, Any], list[str]]:
    """What the manifest is told, and the files."""
    manifest: dict[str, Any] = {}
    return manifest, add_recordings(folder, manifest, said, other, 0)


def margin(folder: Path, name: str) -> float:
    """The largest that replay finds."""
    found: list[float] = replay(Listener([load_bundle(folder)]), folder / name, trace=True)["margin"]
    return max(found)


def test_golden_is_heard_and_counter_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip of the phrase that is heard best, and of other sounds the one that is nearest and yet clearly
    below, each with the margin that replay finds."""
    monkeypatch.setattr("synth.tried_with.COUNTER_ROOM", ROOM)
    folder = draft(tmp_path)
    manifest, names = tried(folder, [silence(1), tone(0.9), tone(0.2)], [*OTHER, tone(0.9)])
    assert names == ["golden.wav", "counter.wav"]
    assert manifest["golden"]["heard"]
    assert not manifest["counter"]["heard"]
    for key in ("golden", "counter"):
        assert abs(margin(folder, f"{key}.wav") - manifest[key]["margin"]) < 0.01
    alone = [tried(folder, [tone(0.9)], [one])[0].get("counter") for one in OTHER]
    assert alone[1] is None  # too near
    assert manifest["counter"] == max((one for one in alone if one), key=lambda one: one["margin"])


def test_where_all_else_is_heard_there_is_no_counter_example(tmp_path: Path) -> None:
    """A recording that a rounding could turn into an alarm is of no use, and none is no error."""
    manifest, names = tried(draft(tmp_path), [tone(0.9)], [tone(0.8)])
    assert names == ["golden.wav"]
    assert "counter" not in manifest
