"""What an evaluation tells beyond its summary: voices, members, what woke it, and bundles side by side."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import HOP_S
from synth.details import against, alarms, details, or_against_best, voices
from synth.evaluate import Evaluation, Positive, summary
from synth.evaluation_page import evaluation_html
from synth.evaluation_text import evaluation_text

NONE = np.zeros(0, np.float32)
HOSTILE = "<script>alert('hey')</script>"


def evaluation(seed: int = 0, good: float = 2.0) -> Evaluation:
    """Forty phrases of four people in two conditions and an hour of talk, for two members: the first hears
    women, the second hears men, and each is woken now and then."""
    rng = np.random.default_rng(seed)
    people = ["women/anna", "women/bea", "men/carl", "men/dirk"]
    positives = tuple(
        Positive(NONE, 2.5, condition, people[k % 4], f"{people[k % 4]}/{k}.wav")
        for condition in ("clean", "10 dB") for k in range(20))
    woman = np.array([p.family.startswith("women") for p in positives])
    loud = np.array([p.condition == "clean" for p in positives])
    best = np.stack([np.where(woman, good, -4.0), np.where(woman, -4.0, good)], axis=1)
    best = best + rng.normal(0, 0.5, best.shape) - 1.5 * ~loud[:, None]
    talk = rng.normal(-12, 1, (45_000, 2))
    talk[[500, 1_000, 20_000], 0] = [0.5, -0.5, 1.25]
    talk[30_000, 1] = 0.25
    streams = tuple(np.split(talk.astype(np.float32), 9))
    first_s = np.where(best.max(axis=1) >= 0, 2.6, np.nan)
    margins = tuple(stream.max(axis=1) for stream in streams)
    names = tuple(f"talk-{k}.ogg" for k in range(9))
    return Evaluation(positives, best.max(axis=1), first_s, margins, 45_000 * HOP_S / 3600,
                      best.astype(np.float32), streams, names)


def test_each_voice_and_group_is_a_row() -> None:
    """People, and the folders that hold several of them; counts add up; the most missed comes first."""
    found = evaluation()
    found.best[2] = -9.0  # Carl's first, clean
    found.best[3] = found.best[7] = -9.0  # Dirk's
    rows = voices(found)
    assert set(rows) == {"women", "women/anna", "women/bea", "men", "men/carl", "men/dirk"}
    assert rows["men/dirk"]["clean"]["misses"] == 2
    assert rows["men"]["clean"]["misses"] == 3
    assert rows["women"]["clean"] == {"misses": 0, "of": 10, "percent": 0.0, "ci95": [0.0, 27.8]}
    for condition in ("clean", "10 dB"):
        missed = found.misses(condition=condition)
        assert sum(rows[group][condition]["misses"] for group in ("women", "men")) == missed[0]
    shares = [sum(row[c]["misses"] for c in row) / sum(row[c]["of"] for c in row) for row in rows.values()]
    assert shares == sorted(shares, reverse=True)


def test_one_voice_is_no_table() -> None:
    """Where all phrases are of one voice, the summary has said it."""
    found = evaluation()
    same = tuple(Positive(NONE, 2.5, p.condition, "calls") for p in found.positives)
    assert voices(Evaluation(same, found.best, found.first_s, found.negatives, found.hours)) == {}


def test_the_or_beats_its_best_member_where_they_hear_different_people() -> None:
    """Each alone misses half of the people; together, at equal false accepts, they miss few."""
    told = or_against_best(evaluation(good=6.0), ["women", "men"])
    for row in (told["1.0"]["clean"], told["0.1"]["clean"]):
        assert row["or"]["misses"] == 0
        assert row["best_member"]["misses"] == 10
        assert row["difference"]["points"] == -50.0
        assert row["difference"]["ci95"][1] < 0
        assert row["difference"]["p"] < 0.01
    assert told["0.1"]["clean"]["member"] in ("women", "men")


def test_members_are_counted_as_if_alone() -> None:
    """False accepts, misses and what nobody else hears, at each member's own threshold."""
    found = evaluation()
    rows = details(found, ["women", "men"])["members"]
    assert [row["false_accepts"]["events"] for row in rows] == [2, 1]
    assert [row["misses"]["clean"]["misses"] for row in rows] == [10, 10]
    heard = int((found.best >= 0).sum())
    each = [int((found.member_best[:, k] >= 0).sum()) for k in (0, 1)]
    assert [row["heard_by_it_only"] for row in rows] == each
    assert sum(row["heard_by_it_only"] for row in rows) == heard
    assert "members" not in details(found, ["only one"])


def test_what_woke_it_is_named_with_its_time() -> None:
    """Every false accept, the farthest over first: in which recording, at the end of which hop."""
    found = evaluation()
    rows = alarms(found)
    assert [row["margin"] for row in rows] == [1.25, 0.5, 0.25]
    assert rows[1] == {"file": "talk-0.ogg", "time_s": pytest.approx(501 * HOP_S), "margin": 0.5}
    assert [row["file"] for row in rows] == ["talk-4.ogg", "talk-0.ogg", "talk-6.ogg"]
    assert len(rows) == found.alarms()


def test_missed_recordings_are_named() -> None:
    """By condition, so that a person can listen to them."""
    found = evaluation()
    found.best[4] = -1.0
    assert details(found)["missed"]["clean"] == [found.positives[4].name]


def test_a_bundle_against_itself_is_no_different() -> None:
    """And a worse one misses more, by points that agree with the counts."""
    better, worse = evaluation(good=3.0), evaluation(good=0.5)
    assert against(better, better)["1.0"]["clean"]["points"] == 0.0
    row = against(worse, better)["0.1"]["clean"]
    counts = [one.misses(one.offset(0.1), condition="clean")[0] for one in (worse, better)]
    assert row["points"] == pytest.approx(100 * (counts[0] - counts[1]) / 20)
    assert row["points"] > 0 > against(better, worse)["0.1"]["clean"]["points"]


def figures(found: Evaluation, name: str) -> dict:
    """As the command prints them."""
    return {"bundle": f"/models/{name}", "name": name, "word": "hey", **summary(found),
            **details(found, ["women", "men"])}


def test_page_and_text_hold_the_figures() -> None:
    """Every voice, the OR beside its best member, latency and what woke it, for two bundles."""
    found = [evaluation(), evaluation(1, 1.0)]
    told = [figures(one, name) for one, name in zip(found, ("one", HOSTILE), strict=True)]
    told[1]["against_first"] = against(found[1], found[0])
    page = evaluation_html(told, found, 3)
    assert "<script" not in page
    assert page.count("<svg ") == 2 + 2 * 3
    words = (page, "\n".join(evaluation_text(row, one) for row, one in zip(told, found, strict=True)))
    for text in words:
        for voice, row in told[0]["voices"].items():
            assert voice in text
            low, high = row["clean"]["ci95"]
            assert f"{row['clean']['percent']:g} % ({low:g} to {high:g} %)" in text
        points = told[1]["against_first"]["0.5"]["clean"]["points"]
        assert f"{points:+g} (" in text
        best = told[0]["or_against_best_member"]["0.5"]["10 dB"]["difference"]
        assert f"{best['points']:+g} ({best['ci95'][0]:+g} to {best['ci95'][1]:+g}), p {best['p']:g}" in text
    assert "talk-4.ogg" in page
    assert "3 recordings were left out" in page
    assert "median 100 ms" in words[1]


def test_nothing_heard_has_a_page() -> None:
    """All missed, one member, no false accept: no figure divides by zero."""
    found = evaluation()
    unheard = np.full(3, -50.0), np.full(3, np.nan)
    deaf = Evaluation(found.positives[:3], *unheard, found.negatives, found.hours)
    told = {"bundle": "x", "name": "x", "word": "hey", **summary(deaf), **details(deaf)}
    assert "latency" not in evaluation_text(told, deaf)
    assert "100 %" in evaluation_html([told], [deaf], 0)
