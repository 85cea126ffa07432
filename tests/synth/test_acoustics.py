"""What stands between mouth and microphone is what it says it is: levels, slopes, rooms, pitch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import RATE_HZ
from synth.acoustics import (
    COLOURS,
    Sound,
    babble,
    coloured,
    excerpt,
    filtered,
    in_room,
    levelled,
    loudness,
    mixed,
    other_speaker,
    room_impulses,
    telephone,
)

Make = Callable[[np.random.Generator], Sound]


def power(sound: Sound) -> float:
    """Mean of the squares."""
    return float((sound.astype(np.float64) ** 2).mean())


def tone(hertz: float, seconds: float = 1.0, level: float = 0.5) -> Sound:
    """A sine [n]."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32)


def pitch_hz(sound: Sound) -> float:
    """Where the spectrum is highest, to a tenth of a hertz."""
    size = 10 * RATE_HZ
    return float(np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))) * RATE_HZ / size)


@pytest.fixture(scope="module")
def rooms() -> list[Sound]:
    """A few rooms."""
    return room_impulses(3, seed=4)


POOL = [np.random.default_rng(k).normal(0, 0.1 + k, 9_000 * (k + 1)).astype(np.float32) for k in range(3)]
MAKERS: dict[str, Make] = {
    **{f"coloured {c}": lambda rng, c=c: coloured(20_001, c, rng) for c in COLOURS},
    "babble": lambda rng: babble(POOL, 20_001, rng),
    "excerpt": lambda rng: excerpt(POOL, 20_001, rng),
    "filtered": lambda rng: filtered(tone(500), rng),
    "levelled": lambda rng: levelled(tone(500), rng),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_decides(name: str) -> None:
    """One seed, one sound, to the bit; another seed, another sound."""
    first, again, other = (MAKERS[name](np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert (first == again).all()
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("filtered", "levelled")])
def test_noises_have_unit_power(name: str) -> None:
    """Whatever the noise is made of, its mean power is 1, so that a ratio means something."""
    noise = MAKERS[name](np.random.default_rng(3))
    assert len(noise) == 20_001
    assert power(noise) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_have_their_slope(colour: str) -> None:
    """From 125 Hz to 8 kHz the density changes by so many dB an octave."""
    db_per_octave = {"white": 0, "pink": -3, "brown": -6, "blue": 3}[colour]
    spectrum = np.abs(np.fft.rfft(coloured(2**18, colour, np.random.default_rng(0)))) ** 2
    hz = np.fft.rfftfreq(2**18, 1 / RATE_HZ)
    octaves = 125.0 * 2.0 ** np.arange(6)
    density_db = [10 * np.log10(spectrum[(hz >= low) & (hz < 2 * low)].mean()) for low in octaves]
    assert np.diff(density_db) == pytest.approx(np.full(5, db_per_octave), abs=0.5)


@settings(max_examples=25, deadline=None)
@given(snr_db=st.floats(-10, 40), level=st.floats(0.01, 1.0), colour=st.sampled_from(list(COLOURS)))
def test_the_ratio_of_signal_to_noise_is_the_stated_one(snr_db: float, level: float, colour: str) -> None:
    """What was added is under the loudest fifth of the signal by exactly so many dB, however loud that is."""
    sound = np.concatenate([np.zeros(RATE_HZ, np.float32), tone(300, 1.0, level)])
    noise = coloured(len(sound), colour, np.random.default_rng(0))
    added = mixed(sound, noise, snr_db) - sound
    found_db = 10 * np.log10(loudness(sound) ** 2 / power(added))
    assert found_db == pytest.approx(snr_db, abs=0.05)


def test_speech_is_measured_where_there_is_speech() -> None:
    """Silence around a sound does not make it quieter, as long as the sound is a fifth of the whole."""
    alone = np.full(1_000, 0.25, np.float32)
    for silence in (0, 1_000, 4_000):
        assert loudness(np.concatenate([np.zeros(silence, np.float32), alone])) == pytest.approx(0.25)
    assert loudness(np.concatenate([np.zeros(9_000, np.float32), alone])) == pytest.approx(0.25 / 2**0.5)


def test_rooms_are_decided_by_their_seed(rooms: list[Sound]) -> None:
    """The same seed builds the same rooms, to the bit; more rooms begin with the same ones."""
    again = room_impulses(2, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(rooms, again, strict=False))
    assert not np.array_equal(rooms[0], room_impulses(1, seed=5)[0])


def test_rooms_have_unit_energy_and_begin_with_the_direct_sound(rooms: list[Sound]) -> None:
    """What goes in comes out as loud and at most 16 samples late; nothing rings for longer than 0.6 s."""
    for impulse in rooms:
        assert (impulse.astype(np.float64) ** 2).sum() == pytest.approx(1.0, abs=1e-4)
        assert np.argmax(np.abs(impulse)) <= 16
        assert len(impulse) <= 0.6 * RATE_HZ


def test_a_room_rings_but_makes_nothing_longer(rooms: list[Sound]) -> None:
    """A click comes out as the room's answer, cut at the end of what went in."""
    click = np.zeros(2_000, np.float32)
    click[100] = 1.0
    heard = in_room(click, rooms[0])
    assert len(heard) == 2_000
    assert heard[100:1_100] == pytest.approx(rooms[0][:1_000], abs=1e-5)
    assert np.abs(heard[:99]).max() < 1e-5


def test_filtering_moves_nothing_in_time() -> None:
    """The curve has no phase: a click stays where it is."""
    click = np.zeros(4_001, np.float32)
    click[2_000] = 1.0
    for seed in range(10):
        assert np.argmax(np.abs(filtered(click, np.random.default_rng(seed)))) == 2_000


@pytest.mark.parametrize("ratio", [0.8, 0.95, 1.0, 1.1, 1.3])
def test_another_speaker_is_higher_and_faster_by_the_ratio(ratio: float) -> None:
    """Pitch is multiplied by the ratio and length divided by it."""
    moved = other_speaker(tone(200, 2.0), ratio)
    assert pitch_hz(moved) == pytest.approx(200 * ratio, abs=0.3)
    assert len(moved) == pytest.approx(2 * RATE_HZ / ratio, abs=2)


def test_the_telephone_keeps_the_tone_and_adds_its_steps() -> None:
    """Eight bits of mu-law: at most 256 values, the peak stays, the error is 30 to 45 dB down."""
    sound = tone(440, 1.0, 0.3)
    coarse = telephone(sound)
    assert len(np.unique(coarse)) <= 256
    assert np.abs(coarse).max() == pytest.approx(np.abs(sound).max(), rel=1e-3)
    assert 30 < 10 * np.log10(power(sound) / power(coarse - sound)) < 45


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), level=st.floats(1e-6, 1e3))
def test_levelled_never_exceeds_full_scale(seed: int, level: float) -> None:
    """However loud it came in, it goes out within -1..1, in steps of 16 bits, and not as silence."""
    sound = np.random.default_rng(seed).normal(0, level, 500).astype(np.float32)
    out = levelled(sound, np.random.default_rng(seed))
    assert out.min() >= -1
    assert out.max() <= 1 - 2**-15
    assert (out * 32768 == np.round(out * 32768)).all()
    assert np.abs(out).max() >= 10 ** (-32 / 20) * 0.99


def test_some_recordings_are_clipped_but_few() -> None:
    """Of many gains about one in 25 drives the sound into its limits."""
    sound = tone(300, 0.05)
    clipped = sum((levelled(sound, np.random.default_rng(s)) == -1.0).sum() > 3 for s in range(1_000))
    assert 15 <= clipped <= 70


def test_silence_stays_silence() -> None:
    """Nothing divides by zero: silence through everything here is silence."""
    nothing = np.zeros(3_000, np.float32)
    rng = np.random.default_rng(0)
    spoilt = [levelled(nothing, rng), telephone(nothing), filtered(nothing, rng)]
    noises = [mixed(nothing, nothing, 3.0), excerpt([nothing], 5_000, rng), babble([nothing], 5_000, rng)]
    for out in [*spoilt, *noises]:
        assert (out == 0).all()
