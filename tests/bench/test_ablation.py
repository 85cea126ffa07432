"""The ablation's table, and what its variants take away."""

from __future__ import annotations

import dataclasses

import numpy as np

from edge.events import HOP_S
from synth.material import Spoken, Way
from synth.voices import Voice
from tests.bench.ablation import VARIANTS, neural, table
from tests.bench.heard import Judge


def row(word: str, variant: str, seed: int, clean: float, noisy: float) -> dict[str, object]:
    """A line of the file."""
    return {"word": word, "variant": variant, "seed": seed, "clean": clean, "10 dB": noisy}


def test_the_table_has_means_ranges_and_points() -> None:
    """Means over words for each seed; the range is over seeds, the points are against the whole recipe."""
    whole, other = VARIANTS[0].name, "without rooms"
    rows = [row(w, v, s, base + s + extra, 20 + s) for w, base in (("a", 1.0), ("b", 3.0))
            for v, extra in ((whole, 0.0), (other, 4.0)) for s in range(3)]
    lines = table(rows).splitlines()
    assert f"| {whole} | 3.0 (2.0 to 4.0) |  | 21.0 (20.0 to 22.0) |  |" in lines
    assert f"| {other} | 7.0 (6.0 to 8.0) | +4.0 | 21.0 (20.0 to 22.0) | +0.0 |" in lines
    assert "Mean over a, b" in lines[-1]


def test_variants_change_one_thing_each() -> None:
    """No two are alike, and each differs from the whole recipe in a single field."""
    whole = VARIANTS[0]
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    for variant in VARIANTS[1:]:
        fields = [f.name for f in dataclasses.fields(variant) if f.name != "name"]
        assert sum(getattr(variant, name) != getattr(whole, name) for name in fields) == 1


def test_neural_voices_are_told_from_the_others() -> None:
    """Without them only the others speak the phrase, and the other way round."""
    voices = [Voice(engine, "v", "en-us", "free") for engine in ("kokoro", "flite", "espeak-ng")]
    way = Way([Spoken(np.zeros(3, np.float32), voice, "", k) for k, voice in enumerate(voices)])
    assert [s.voice.engine for s in neural(way, keep=True).phrases] == ["kokoro"]
    assert [s.voice.engine for s in neural(way, keep=False).phrases] == ["flite", "espeak-ng"]


def test_misses_are_counted_at_the_rate() -> None:
    """Two hours of talk may hold one event at 0.5/h: what lies under the highest moment is missed."""
    talk = [np.full((int(2 * 3600 / HOP_S) // 100 + 15, 96), -9, np.float16) for _ in range(100)]
    for k, top in enumerate((3, 2, 1)):
        talk[10 * k][50] = top
    calls = [np.full((20, 96), value, np.float16) for value in (4.0, 2.5, 1.5, 0.5)]
    judge = Judge({"clean": calls, "10 dB": calls[2:]}, talk)
    found = judge.misses(lambda rows: [r[:-15, 0].astype(np.float32) for r in rows])
    assert found == {"clean": 75.0, "10 dB": 100.0}
