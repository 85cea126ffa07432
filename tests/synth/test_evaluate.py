"""Counting how well a bundle hears: misses, false accepts and latency, in words and through the pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundles import crasher, make_bundle
from tones import silence, tone, tone_bundle

from edge.errors import ModelError
from edge.events import HOP_S, RATE_HZ
from synth.acoustics import loudness
from synth.evaluate import CONDITIONS, LEAD_S, RATES, Evaluation, Positive, evaluate, stage, staged, summary

NONE = np.zeros(0, np.float32)


def heard(best: list[float], first_s: list[float], **told: list[str]) -> Evaluation:
    """An evaluation of phrases that end at 2.5 s, and of an hour without any, in streams of 40 s."""
    conditions = told.get("condition", ["clean"] * len(best))
    families = told.get("family", ["a"] * len(best))
    positives = tuple(Positive(NONE, 2.5, c, f) for c, f in zip(conditions, families, strict=True))
    stream = np.full(45_000, -5.0, np.float32)
    stream[[100, 101, 105, 9_000, 20_000, 30_000]] = [0.5, 1.5, 0.1, 3.0, -0.5, -1.0]
    hours = len(stream) * HOP_S / 3600
    return Evaluation(positives, np.array(best), np.array(first_s), tuple(np.split(stream, 90)), hours)


def test_misses_are_counted_by_condition_and_family() -> None:
    """A phrase is missed where its largest margin is below the offset; each is counted where it belongs."""
    found = heard([1.0, -0.1, 0.0, -3.0], [2.4, np.nan, 2.6, np.nan],
                  condition=["clean", "clean", "0 dB", "0 dB"], family=["a", "b", "a", "b"])  # fmt: skip
    assert found.misses() == (2, 4)
    assert found.misses(condition="clean") == (1, 2)
    assert found.misses(condition="0 dB", family="a") == (0, 1)
    assert found.misses(0.5) == (3, 4)
    assert found.misses(-5.0) == (0, 4)
    assert found.misses(condition="10 dB") == (0, 0)
    assert found.conditions() == ["clean", "0 dB"]
    assert found.families() == ["a", "b"]


def test_false_accepts_are_events() -> None:
    """Hops over the threshold within a second are one false accept; an offset moves the threshold."""
    found = heard([], [])
    assert found.hours == 1.0
    assert [found.alarms(offset) for offset in (0.0, 2.0, 4.0, -0.6, -1.5)] == [2, 1, 0, 3, 4]


def test_an_offset_for_a_rate_keeps_it() -> None:
    """At the offset for a rate there are no more false accepts than that, and a bit lower there are."""
    found = heard([], [])
    for rate in (0.1, 1.0, 2.0, 3.0):
        assert found.alarms(found.offset(rate)) == int(rate)
        assert found.alarms(found.offset(rate) - 1.6) > int(rate)


def test_latency_counts_from_the_end_of_the_phrase() -> None:
    """Decided before the end is below zero, after it above; what was not heard has no latency."""
    assert heard([1, 1, -1], [2.4, 2.75, np.nan]).latency_s() == pytest.approx([-0.1, 0.25])


def test_a_summary_holds_what_was_counted() -> None:
    """The figures are the counts, with intervals around them, at the own thresholds and at each rate."""
    told = summary(heard([1.0, -0.1, 3.5, -3.0], [2.4, np.nan, 2.6, np.nan]))
    assert told["false_accepts"] == {"events": 2, "hours": 1.0, "per_hour": 2.0, "ci95": [0.24, 7.22]}
    assert told["misses"] == {"clean": {"misses": 2, "of": 4, "percent": 50.0, "ci95": [15.0, 85.0]}}
    assert told["latency_s"] == {"median": 0.0, "p95": 0.09}
    at = told["at_false_accepts_per_hour"]
    assert isinstance(at, dict)
    assert list(at) == [str(rate) for rate in RATES]
    assert at["0.1"]["clean"]["misses"] == 3  # only the phrase above every false accept is heard


def test_nothing_heard_and_nothing_to_hear() -> None:
    """Where all is missed there is no latency to tell, and no phrases at all give no error."""
    assert summary(heard([-1.0], [np.nan]))["latency_s"] == {}
    assert summary(heard([], []))["misses"] == {}


@pytest.mark.parametrize("noise", ["pink", "babble"])
@pytest.mark.parametrize("snr_db", [10.0, 0.0])
def test_noise_is_at_its_stated_ratio(noise: str, snr_db: float) -> None:
    """Under the phrase and around it, so many dB below its loudest fifth."""
    rng = np.random.default_rng
    pool = [rng(k).normal(0, 0.1, 40_000).astype(np.float32) for k in range(3)]
    clip = tone(1.5)
    sound = staged(clip, noise, snr_db, pool, rng(0))
    lead = sound[: int(LEAD_S * RATE_HZ)]
    signal = np.concatenate([np.zeros(len(lead)), clip, np.zeros(RATE_HZ // 2)])
    scale = float(sound @ signal / (signal @ signal))
    left = (sound - scale * signal).astype(np.float32)
    found_db = 20 * np.log10(loudness((scale * signal).astype(np.float32)) / np.sqrt((left**2).mean()))
    assert found_db == pytest.approx(snr_db, abs=0.3)
    assert np.abs(sound).max() == pytest.approx(0.5)


def test_every_clip_is_staged_in_every_condition() -> None:
    """The phrase ends where it says, and the noise of a clip depends on the seed alone."""
    clips = [(tone(0.5), "a"), (tone(0.7), "b")]
    pool = [np.random.default_rng(1).normal(0, 0.1, 40_000).astype(np.float32)]
    made = stage(clips, pool, 3)
    assert [(p.condition, p.family) for p in made] == [(c, f) for c, _ in CONDITIONS for _, f in clips]
    assert [p.end_s for p in made[:2]] == [LEAD_S + 0.5, LEAD_S + 0.7]
    again, other = stage(clips, pool, 3), stage(clips, pool, 4)
    assert all(np.array_equal(a.sound, b.sound) for a, b in zip(made, again, strict=True))
    assert not any(np.array_equal(a.sound, b.sound) for a, b in zip(made, other, strict=True))
    clean = made[0].sound
    assert np.abs(clean[: int((LEAD_S - 0.05) * RATE_HZ)]).max() < 0.005
    assert np.abs(clean[int((made[0].end_s + 0.02) * RATE_HZ) :]).max() < 0.005


@pytest.fixture(scope="module")
def through_the_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A bundle that hears a tone, on three tones and a silence, and on two streams without the word."""
    bundle = tone_bundle(tmp_path_factory.mktemp("bundles"))
    clips = [(tone(0.8), "a"), (tone(2.0), "a"), (silence(0.8), "b"), (tone(1.2), "b")]
    positives = stage(clips, (), 0)[:4]
    often = np.concatenate([tone(0.8), silence(4)] * 3)
    with_tones = np.concatenate([silence(3), often[: -int(RATE_HZ)]])
    told: list[int] = []
    found = evaluate(bundle, positives, [with_tones, silence(20)], 1, told.append)
    assert sum(told) == 6
    return found


def test_the_pipeline_counts_misses(through_the_pipeline: Evaluation) -> None:
    """Of four recordings, the silent one is missed and the tones are not."""
    assert through_the_pipeline.misses() == (1, 4)
    assert through_the_pipeline.misses(family="a") == (0, 2)
    assert np.flatnonzero(np.isnan(through_the_pipeline.first_s)).tolist() == [2]


def test_the_pipeline_counts_false_accepts(through_the_pipeline: Evaluation) -> None:
    """Three tones in a stream are three false accepts; silence has none; hours are those of the streams."""
    assert through_the_pipeline.alarms() == 3
    assert [len(m) for m in through_the_pipeline.negatives] == [205, 250]
    assert through_the_pipeline.hours == pytest.approx(455 * HOP_S / 3600)


def test_the_pipeline_is_early_on_long_words(through_the_pipeline: Evaluation) -> None:
    """A tone of two seconds is heard long before it ends, one of 0.8 s around its end: the sign is right."""
    short, long, _ = through_the_pipeline.latency_s()
    assert long < -0.8
    assert short == pytest.approx(long + 1.2, abs=HOP_S)


def test_a_bundle_that_crashes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that kills its process is a ModelError; workers that die at birth are replaced for ever."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = make_bundle(tmp_path, onnx_bytes=crasher())
    with pytest.raises(ModelError, match="SIGFPE"):
        evaluate(bundle, [], [silence(1)], 1, lambda _count: None)
