"""The ablation's table, and what its variants take away."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edge.backbone import CONTEXT
from edge.events import HOP_S
from synth.dataset import Examples
from synth.material import Spoken, Way
from synth.voices import Voice
from tests.bench.ablation import first_of, highest_of, kept, main, mean_of, sources
from tests.bench.ablation_table import WHOLE, table
from tests.bench.ablation_variants import VARIANTS
from tests.bench.heard import Judge, Streams, over_many
from tests.bench.table import CONDITIONS


def row(word: str, variant: str, seed: int, percent: float) -> dict[str, object]:
    """A line of the file."""
    columns = [column for name, _ in CONDITIONS for column in (name, over_many(name))]
    return {"word": word, "variant": variant, "seed": seed, **dict.fromkeys(columns, percent)}


def test_the_table_has_means_ranges_and_points() -> None:
    """Means over words for each seed; the range is over seeds, the points and their interval are of runs with
    the same word and seed."""
    rows = [row(w, v, s, base + s + extra + wobble * (s == 1)) for w, base in (("a", 1.0), ("b", 3.0))
            for v, extra, wobble in ((WHOLE, 0.0, 0.0), ("without rooms", 4.0, 3.0)) for s in range(3)]
    lines = table(rows).splitlines()
    assert lines[2].startswith(f"| {WHOLE} | 3.0 (2.0 to 4.0) | 3.0 |  | 3.0 (2.0 to 4.0) |")
    # differences 4, 7, 4 twice: mean 5, deviation 1.549, t of 5 degrees 2.571
    assert lines[3].startswith("| without rooms | 8.0 (6.0 to 10.0) | 8.0 | +5.0 (+3.4 to +6.6) |")
    assert lines[-1] == "Mean over a, b."


def test_a_variant_that_some_words_have_not_been_through_says_so() -> None:
    """And is held against the whole recipe on the same words."""
    rows = [row("a", WHOLE, 0, 1.0), row("b", WHOLE, 0, 9.0), row("a", "without rooms", 0, 2.0)]
    assert "| without rooms (a alone) | 2.0 (2.0 to 2.0) | 2.0 | +1.0 (" in table(rows)


def test_the_picture_is_drawn_from_the_file(tmp_path: Path) -> None:
    """A PNG beside the table; nothing is trained for it."""
    rows = [row(w, v, s, s + extra) for w in "ab" for s in range(3) for v, extra in ((WHOLE, 0), ("x", 2))]
    file = tmp_path / "results.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert main(["--table", str(file), "--plot", str(tmp_path / "a.png")]) == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_variants_change_one_thing_each() -> None:
    """No two are alike, and each differs from the whole recipe in a single field."""
    whole = VARIANTS[0]
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    for variant in VARIANTS[1:]:
        fields = [f.name for f in dataclasses.fields(variant) if f.name != "name"]
        assert sum(getattr(variant, name) != getattr(whole, name) for name in fields) == 1


@pytest.mark.parametrize(("name", "left"), [
    (WHOLE, ["kokoro", "flite", "espeak-ng", "near kokoro", "near flite", "talk", "real", "real", "music"]),
    ("without neural voices", ["flite", "espeak-ng", "near flite", "talk", "real", "real", "music"]),
    ("neural voices alone", ["kokoro", "near kokoro", "talk", "real", "real", "music"]),
    ("without flite", ["kokoro", "espeak-ng", "near kokoro", "talk", "real", "real", "music"]),
    ("without near-misses", ["kokoro", "flite", "espeak-ng", "talk", "real", "real", "music"]),
    ("without real speech and music to reject",
     ["kokoro", "flite", "espeak-ng", "near kokoro", "near flite", "talk"]),
])
def test_what_a_variant_keeps(name: str, left: list[str]) -> None:
    """Neural voices are told from the others, and the parts of a way from each other; talk stays."""
    def spoken(*engines: str) -> list[Spoken]:
        return [Spoken(np.zeros(3, np.float32), Voice(engine, "v", "en-us", "free"), "", k)
                for k, engine in enumerate(engines)]

    piece = np.zeros(16000 * 30, np.int16)
    way = Way(spoken("kokoro", "flite", "espeak-ng"), spoken("kokoro", "flite"), spoken("kokoro"),
              [piece, piece], [], [piece])
    variant = next(variant for variant in VARIANTS if variant.name == name)
    found = [source for source in sources(way) if variant.keep(*source)]
    told = [engine if part == "phrase" else f"{part} {engine}".strip() for part, engine in found]
    assert told == left


def test_examples_that_are_kept_look_at_the_same_rows() -> None:
    """Those of no clip stay; the table holds no more than is looked at."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 96)).astype(np.float16)
    clip = np.array([0, 0, 1, 1, -1, 2], np.int32)
    first = np.array([0, 1, 20, 21, 3, 44], np.int32)
    made = Examples(rows, first, np.arange(6, dtype=np.int8), clip, clip, np.zeros(6, np.float32), clip >= 0)
    found = kept(made, [True, False, True])
    assert found.clip.tolist() == [0, 0, -1, 2]
    assert found.label.tolist() == [0, 1, 4, 5]
    for was, now in zip(first[[0, 1, 4, 5]], found.first, strict=True):
        assert np.array_equal(rows[was : was + CONTEXT], found.rows[now : now + CONTEXT])
    assert len(found.rows) == 19 + 16


def streams(levels: list[float], hops: int, speeds: int = 1) -> Streams:
    """Recordings of one level each, at another speed one more."""
    rows = [np.full((hops + CONTEXT, 96), level + s, np.float16) for level in levels for s in range(speeds)]
    starts = np.arange(len(rows)).reshape(len(levels), speeds, 1) * (hops + CONTEXT) + np.arange(hops)
    return Streams(np.concatenate(rows), tuple(starts.astype(np.int32)))


def test_misses_are_counted_at_the_rate() -> None:
    """Two hours of talk may hold one event at 0.5/h: what is below the highest moment is missed.
    The mean is over none to ten of them, of which there are twelve."""
    talk = streams([-9.0] * 100, int(2.01 * 3600 / HOP_S) // 100)
    for k in range(12):
        talk.rows[talk.first[8 * k][0, 50]] = 12 - k
    judge = Judge({"clean": streams([14.0, 12.0, 11.0, -20.0], 20), "10 dB": streams([12.5, 5.5], 20)}, talk)
    found = judge.misses(lambda rows, first: rows[first, :1].astype(np.float32), first_of)
    assert (found["clean"], found["10 dB"]) == (50.0, 50.0)
    assert found[over_many("clean")] == round(100 * (11 + 1 + 2) / 44, 2)  # one misses 12, two miss 11


def test_the_second_look_is_the_mean_over_speeds() -> None:
    """And members are joined after it."""
    heard = streams([1.0, 5.0], 4, speeds=3)

    def logits(rows: NDArray[np.float16], first: NDArray[np.int32]) -> NDArray[np.float32]:
        said: NDArray[np.float32] = np.stack([rows[first, 0], -rows[first, 0]], axis=1).astype(np.float32)
        return said

    members = heard.said(logits, 3)
    assert [m.shape for m in members] == [(4, 2), (4, 2)]
    assert first_of(members[0]).tolist() == [2.0] * 4
    assert mean_of(members[1]).tolist() == [0.0] * 4
    assert highest_of(members[1]).tolist() == [6.0] * 4
