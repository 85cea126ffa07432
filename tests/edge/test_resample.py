"""The resampler against sines, against SciPy, and against itself with the input cut in any way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from edge.resample import Resampler

RATES_HZ = [8_000, 11_025, 22_050, 32_000, 44_100, 47_990, 48_000, 96_000, 192_000]


def whole(sound: NDArray[np.float32], rate_in_hz: int, rate_out_hz: int = 16_000) -> NDArray[np.float32]:
    """All of a sound, resampled at once."""
    resampler = Resampler(rate_in_hz, rate_out_hz)
    return np.concatenate([resampler.step(sound), resampler.flush()])


def sine(hz: float, rate_hz: int, seconds: float = 0.5) -> NDArray[np.float32]:
    """A sine of amplitude 1 that begins with the stream."""
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz).astype(np.float32)


def level_db(sound: NDArray[np.float32]) -> float:
    """The level of the middle of a sound, 0 dB for a sine of amplitude 1."""
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    return float(10 * np.log10(2 * np.mean(np.square(middle, dtype=np.float64)) + 1e-20))


@given(
    rate_hz=st.sampled_from(RATES_HZ),
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(0, 4_000),
    cuts=st.lists(st.integers(0, 4_000), max_size=12),
)
@settings(deadline=None)
def test_cutting_changes_no_bit(rate_hz: int, seed: int, length: int, cuts: list[int]) -> None:
    """Pieces of any length, empty ones and single samples among them, give the very bits of the whole."""
    sound = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    resampler = Resampler(rate_hz)
    pieces = [resampler.step(piece) for piece in np.split(sound, sorted(min(cut, length) for cut in cuts))]
    np.testing.assert_array_equal(np.concatenate([*pieces, resampler.flush()]), whole(sound, rate_hz))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_single_samples_and_ten_seconds_give_the_same_bits(rate_hz: int) -> None:
    """One sample at a time is the same as ten seconds at once, also beyond what is filtered in one go."""
    sound = np.random.default_rng(1).standard_normal(10 * rate_hz).astype(np.float32)
    resampler = Resampler(rate_hz)
    pieces = [resampler.step(sound[i : i + 1]) for i in range(2_000)]
    pieces += [resampler.step(sound[2_000:]), resampler.flush()]
    np.testing.assert_array_equal(np.concatenate(pieces), whole(sound, rate_hz))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
def test_a_sine_stays_where_and_what_it_was(rate_hz: int, share: float) -> None:
    """Up to 0.9 of the lower Nyquist frequency a sine comes out as the same sine: no gain, no shift."""
    hz = share * min(rate_hz, 16_000) / 2
    sound = whole(sine(hz, rate_hz), rate_hz)
    expected = sine(hz, 16_000)
    middle = slice(2_000, 6_000)
    assert len(sound) == -(-int(0.5 * rate_hz) * 16_000 // rate_hz)
    np.testing.assert_allclose(sound[middle], expected[middle], atol=3e-4)


@pytest.mark.parametrize("rate_hz", [rate for rate in RATES_HZ if rate > 16_000])
@pytest.mark.parametrize("hz", [8_001, 8_100, 8_800, 10_000, 10_900])
def test_nothing_folds_back(rate_hz: int, hz: int) -> None:
    """What lies above 8 kHz is at least 70 dB down, from the very edge on."""
    assert level_db(whole(sine(hz, rate_hz), rate_hz)) < -70


@pytest.mark.parametrize("hz", [300, 1_700, 3_600])
def test_upwards_no_image_appears(hz: int) -> None:
    """From 8 kHz, all that a sine becomes at 16 kHz besides itself is at least 70 dB down."""
    sound = whole(sine(hz, 8_000, 1.0), 8_000)[4_000:12_000]
    power = np.square(np.abs(np.fft.rfft(sound * signal.windows.blackmanharris(8_000))))
    peak = hz // 2
    rest = np.delete(power, np.arange(peak - 8, peak + 9))
    assert np.argmax(power) == peak
    assert 10 * np.log10(rest.max() / power[peak]) < -70


@pytest.mark.parametrize(("rate_hz", "up", "down"), [(44_100, 160, 441), (48_000, 1, 3), (8_000, 2, 1)])
def test_it_agrees_with_scipy(rate_hz: int, up: int, down: int) -> None:
    """Noise below 3 kHz comes out as scipy.signal.resample_poly gives it with a long filter."""
    noise = np.random.default_rng(2).standard_normal(rate_hz)
    low = signal.sosfiltfilt(signal.butter(10, 3_000, fs=rate_hz, output="sos"), noise).astype(np.float32)
    taps = 2 * 200 * max(up, down) + 1
    filtered = signal.resample_poly(low, up, down, window=signal.firwin(taps, 0.95 / max(up, down)))
    np.testing.assert_allclose(whole(low, rate_hz)[500:-500], filtered[500:-500], atol=2e-3 * low.std())


def test_the_same_rate_is_left_alone() -> None:
    """16 kHz to 16 kHz gives every sample back at once, unchanged, and owes nothing at the end."""
    sound = np.random.default_rng(3).standard_normal(1_000).astype(np.float32)
    resampler = Resampler(16_000)
    np.testing.assert_array_equal(resampler.step(sound), sound)
    assert len(resampler.flush()) == 0
    assert resampler.delay_s == 0.0


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_delay_is_what_it_says(rate_hz: int) -> None:
    """After n seconds of input never less than n - delay_s seconds have come out, in pieces of any length."""
    resampler, given_s, got_s = Resampler(rate_hz), 0.0, 0.0
    for length in np.random.default_rng(4).integers(1, 400, 300):
        given_s += length / rate_hz
        got_s += len(resampler.step(np.zeros(length, np.float32))) / 16_000
        assert given_s - got_s <= resampler.delay_s + 1 / 16_000 + 1e-9
    assert 0.003 < resampler.delay_s < 0.010


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_reset_is_a_new_resampler(rate_hz: int) -> None:
    """After reset, and after flush, nothing of the earlier stream is heard."""
    sound = np.random.default_rng(5).standard_normal(3_000).astype(np.float32)
    resampler = Resampler(rate_hz)
    for forget in (resampler.reset, resampler.flush):
        resampler.step(np.full(1_234, 9.0, np.float32))
        forget()
        again = np.concatenate([resampler.step(sound), resampler.flush()])
        np.testing.assert_array_equal(again, whole(sound, rate_hz))


def test_nan_passes_and_is_gone() -> None:
    """A burst of NaN spoils the outputs near it and leaves no trace after a filter's length."""
    sound = np.zeros(48_000, np.float32)
    sound[10_000:10_100] = np.nan
    spoiled = np.flatnonzero(np.isnan(whole(sound, 48_000)))
    assert spoiled.min() > 10_000 / 3 - 200
    assert spoiled.max() < 10_100 / 3 + 200


@pytest.mark.parametrize("rates_hz", [(0, 16_000), (16_000, 0), (-8_000, 16_000), (191_999, 96_001)])
def test_impossible_rates_are_refused(rates_hz: tuple[int, int]) -> None:
    """Rates of 0 and below, and ratios that would need filters without end, are a ValueError."""
    with pytest.raises(ValueError, match="rates"):
        Resampler(*rates_hz)


def test_two_channels_are_refused() -> None:
    """Channels are resampled one at a time; a block of several is a ValueError, not a surprise."""
    with pytest.raises(ValueError, match="one channel"):
        Resampler(48_000).step(np.zeros((10, 2), np.float32))
