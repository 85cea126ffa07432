"""A scene: the clip is where it says it is, the seed decides, nothing is louder than full scale."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import RATE_HZ
from synth.acoustics import Sound, room_impulses
from synth.augment import LEAD_S, SNR_DB, TAIL_S, Scenery, background, scene, spoiled

CLIP_S = 0.6


def chirp() -> Sound:
    """Something like a clip: 0.6 s of a rising tone that begins and ends at once."""
    t = np.arange(int(CLIP_S * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * (300 * t + 1_000 * t**2))).astype(np.float32)


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    """Two rooms, two voices (noise that comes and goes), a piece of real background."""
    rng = np.random.default_rng(0)
    swell = np.abs(np.sin(np.arange(40_000) / 3_000)).astype(np.float32)
    talk = [rng.normal(0, 0.1, 40_000).astype(np.float32) * swell for _ in range(2)]
    return Scenery(room_impulses(2, 0), talk, [rng.normal(0, 0.05, 60_000).astype(np.float32)])


def energy(sound: Sound) -> float:
    """Sum of the squares."""
    return float((sound.astype(np.float64) ** 2).sum())


def test_the_clip_lies_between_start_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing else in the scene, its sound is all between start_s and end_s, and reaches both."""
    monkeypatch.setattr("synth.augment.SNR_DB", (90.0, 91.0))
    alone = Scenery((), ())
    for seed in range(30):
        made = scene(chirp(), alone, np.random.default_rng(seed))
        start, end = round(made.start_s * RATE_HZ), round(made.end_s * RATE_HZ)
        inside = energy(made.sound[start:end])
        assert inside > 0.985 * energy(made.sound)  # the rest: filters ring, and the floor hisses
        for edge in (made.sound[start : start + 800], made.sound[end - 800 : end]):
            assert energy(edge) > 0.002 * inside


def test_a_reverberant_clip_begins_where_it_says(scenery: Scenery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room adds a tail behind the clip, but no delay in front of it: the onset is within 15 ms."""
    monkeypatch.setattr("synth.augment.SNR_DB", (90.0, 91.0))
    for seed in range(30):
        made = scene(chirp(), Scenery(scenery.rooms, ()), np.random.default_rng(seed))
        start = round(made.start_s * RATE_HZ)
        onset = int(np.flatnonzero(np.abs(made.sound) > 0.05 * np.abs(made.sound).max())[0])
        assert abs(onset - start) < 0.015 * RATE_HZ


def test_lengths_are_as_stated(scenery: Scenery) -> None:
    """Lead and tail are within their bounds, and another throat changes the clip's length by under 60 %."""
    for seed in range(30):
        made = scene(chirp(), scenery, np.random.default_rng(seed))
        assert LEAD_S[0] - 1e-4 <= made.start_s <= LEAD_S[1]
        assert made.end_s - made.start_s == pytest.approx(CLIP_S, rel=0.6)
        assert len(made.sound) / RATE_HZ - made.end_s == pytest.approx(TAIL_S, abs=1e-3)
        assert np.isinf(made.snr_db) or SNR_DB[0] <= made.snr_db <= SNR_DB[1]


def test_people_stop_talking_before_they_call(scenery: Scenery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Talk leaves a hole for the phrase: just before its start there is a silent moment."""
    monkeypatch.setattr("synth.augment.mixed", lambda sound, *_: sound)
    monkeypatch.setattr("synth.augment.filtered", lambda sound, _: sound)
    monkeypatch.setattr("synth.augment.telephone", lambda sound: sound)
    talked = 0
    for seed in range(60):
        clip = np.zeros(9_600, np.float32)
        clip[4_800] = 0.5  # loud enough to scale the talk by
        made = scene(clip, Scenery((), scenery.talk), np.random.default_rng(seed))
        peak = np.abs(made.sound).max()
        start = round(made.start_s * RATE_HZ)
        before = np.abs(made.sound[: start - RATE_HZ // 2]).max() / peak
        gap = np.abs(made.sound[start - int(0.029 * RATE_HZ) : start]).max() / peak
        assert gap < 0.02
        talked += before > 0.05
    assert 8 <= talked <= 35  # of 60, about one in three


@pytest.mark.parametrize("spoil", ["scene", "stream"])
def test_the_seed_decides(scenery: Scenery, spoil: str) -> None:
    """The same seed gives the same scene, to the bit; another gives another."""

    def made(seed: int) -> Sound:
        rng = np.random.default_rng(seed)
        return scene(chirp(), scenery, rng).sound if spoil == "scene" else spoiled(chirp(), scenery, rng)

    for seed in range(5):
        assert np.array_equal(made(seed), made(seed))
    assert not np.array_equal(made(0), made(1))


def test_nothing_exceeds_full_scale_and_nothing_is_missing(scenery: Scenery) -> None:
    """Of many scenes and streams every sample is a number within full scale, and none of them is silent."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for sound in (scene(chirp(), scenery, rng).sound, spoiled(chirp(), scenery, rng)):
            assert sound.dtype == np.float32
            assert np.isfinite(sound).all()
            assert 0.02 < np.abs(sound).max() <= 1.0


def test_the_clip_is_not_written_to(scenery: Scenery) -> None:
    """The clip is used again for the next scene, so it must stay as it is; so must the scenery."""
    clip = chirp()
    talk = [sound.copy() for sound in scenery.talk]
    for seed in range(20):
        scene(clip, scenery, np.random.default_rng(seed))
        spoiled(clip, scenery, np.random.default_rng(seed))
    assert (clip == chirp()).all()
    assert all((a == b).all() for a, b in zip(talk, scenery.talk, strict=True))


def test_background_has_unit_power_whatever_it_is(scenery: Scenery) -> None:
    """Colours, voices and recordings: the power is 1 for each, with and without a pool to draw from."""
    for seed in range(25):
        for world in (scenery, Scenery((), ())):
            noise = background(8_000, world, np.random.default_rng(seed))
            assert (noise.astype(np.float64) ** 2).mean() == pytest.approx(1.0, abs=1e-3)
