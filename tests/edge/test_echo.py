"""Subtracting our own voice: nothing is lost, moved or poisoned, and what others say stays."""

from __future__ import annotations

import numpy as np
import pytest

from edge.echo import HELD, Echo, Samples
from edge.echo_delay import CLEAR, find
from edge.echo_filter import BLOCK, EchoFilter
from edge.events import RATE_HZ


def speech(seed: int, seconds: float) -> Samples:
    """Noise that swells and fades three times a second, in the band of speech."""
    size = int(seconds * RATE_HZ)
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    sound = np.fft.irfft(spectrum * ((hz > 200) & (hz < 3500)), size)
    swell = 0.5 - 0.5 * np.cos(2 * np.pi * 3 * np.arange(size) / RATE_HZ + seed)
    return (0.1 * swell * sound / np.abs(sound).max()).astype(np.float32)


def in_the_room(line: Samples, late_s: float, seconds: float) -> Samples:
    """The line as a microphone hears it: later, after a short tail, with a little noise."""
    rng = np.random.default_rng(9)
    tail = rng.standard_normal(1600) * np.exp(-np.arange(1600) / 250) * 0.1
    tail[0] = 1.0
    heard = np.zeros(int(seconds * RATE_HZ))
    at = int(late_s * RATE_HZ)
    wet = np.convolve(line, tail)[: len(heard) - at]
    heard[at : at + len(wet)] += wet
    return (heard + rng.standard_normal(len(heard)) * 1e-4).astype(np.float32)


def through(echo: Echo, heard: Samples, piece: int) -> Samples:
    """All of it in pieces, and what was held back at the end."""
    out = [echo.step(heard[at : at + piece]) for at in range(0, len(heard), piece)]
    return np.concatenate([*out, echo.end()])


def level_db(sound: Samples) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound)) + 1e-12))


@pytest.mark.parametrize("late_s", [0.0, 0.05, 0.61])
def test_the_line_is_found(late_s: float) -> None:
    """Half a second of the line in noise tells to the sample when it began; another line is not found."""
    line = speech(1, 3)
    heard = in_the_room(line, late_s, late_s + 0.5)
    place, clear = find(heard, line)
    assert place == round(late_s * RATE_HZ)
    assert clear > CLEAR
    assert find(heard, speech(2, 3))[1] < CLEAR
    assert find(np.zeros(8000, np.float32), line)[1] < CLEAR


def test_without_a_line_sound_passes_to_the_bit() -> None:
    """Where nothing is said the very same samples come out, at once, numbers or not; also after a line."""
    echo, heard = Echo(), speech(3, 1)
    heard[100] = np.nan
    assert np.array_equal(echo.step(heard), heard, equal_nan=True)
    echo.begin(speech(1, 1))
    echo.step(speech(4, 2))
    echo.end()
    assert np.array_equal(echo.step(heard), heard, equal_nan=True)
    assert echo.held == 0


@pytest.mark.parametrize("late_s", [0.1, 1.7])
def test_our_line_goes_and_the_other_voice_stays(late_s: float) -> None:
    """10 dB and more of our line are gone from where it was found on; somebody else is as loud as before.
    Also where it begins later than sound is held back."""
    line, other = speech(1, 4), speech(2, 1)
    heard = in_the_room(line, late_s, late_s + 4.5)
    alone = Echo()
    alone.begin(line)
    left = through(alone, heard, 1280)
    part = slice(int((late_s + 0.8) * RATE_HZ), int((late_s + 4) * RATE_HZ))
    assert level_db(left[part]) < level_db(heard[part]) - 10
    both, at = heard.copy(), int((late_s + 2) * RATE_HZ)
    both[at : at + len(other)] += other
    echo = Echo()
    echo.begin(line)
    kept = through(echo, both, 1280)[at : at + len(other)]
    assert float(np.corrcoef(kept, other)[0, 1]) > 0.9
    assert len(left) == len(heard)


@pytest.mark.parametrize("piece", [1, 100, 1280, 5000, 1_000_000])
def test_how_it_is_cut_does_not_matter(piece: int) -> None:
    """The same samples come out, to the bit, however the stream is cut, and as many as went in."""
    line = speech(1, 1.5)
    heard = in_the_room(line, 0.3, 2.0)
    whole, echo = Echo(), Echo()
    whole.begin(line)
    echo.begin(line)
    assert np.array_equal(through(echo, heard, piece), through(whole, heard, 320))


def test_a_line_that_is_not_heard_changes_nothing() -> None:
    """Where the line is not to be found (loudspeaker unplugged) what is heard comes out as it was, never held
    back for longer than a second, and the echo does not claim to follow."""
    echo, heard = Echo(), speech(5, 3)
    echo.begin(speech(1, 2))
    out = []
    for at in range(0, len(heard), 1280):
        out.append(echo.step(heard[at : at + 1280]))
        assert echo.held <= HELD + BLOCK
    assert not echo.following
    assert np.array_equal(np.concatenate([*out, echo.end()]), heard)


def test_what_is_no_number_does_not_stay() -> None:
    """NaN and infinity in the middle of a line become silence, and a filter that broke learns anew."""
    line = speech(1, 4)
    heard = in_the_room(line, 0.1, 4.2)
    heard[20_000:20_100], heard[21_000] = np.nan, np.inf
    echo = Echo()
    echo.begin(line)
    first = [echo.step(part) for part in np.split(heard[:30_720], 24)]
    echo._filter._way[3, 0] = np.nan
    rest = through(echo, heard[30_720:], 1280)
    assert all(np.isfinite(part).all() for part in (*first, rest))
    assert level_db(rest[-24_000:-4000]) < level_db(heard[-24_000:-4000]) - 6


def test_a_filter_that_broke_gives_back_what_was_heard() -> None:
    """Where its own numbers are none it subtracts nothing, and is whole again at the next block."""
    broken, fresh = EchoFilter(), EchoFilter()
    broken._doubt[5] = np.nan
    played, heard = speech(1, 0.5), speech(2, 0.5)
    out = [broken.step(played[at : at + BLOCK], heard[at : at + BLOCK]) for at in range(0, 7680, BLOCK)]
    assert np.isfinite(np.concatenate(out)).all()
    assert np.isfinite(broken._way).all()
    assert np.isfinite(broken._doubt).all()
    assert fresh.energies == (0.0, 0.0)


def test_a_pause_in_a_dead_silent_room_does_not_lose_the_line() -> None:
    """Digital silence between two sentences tells nothing of the filter: it goes on following, and the second
    sentence is gone as well."""
    line = np.concatenate([speech(1, 2), np.zeros(RATE_HZ, np.float32), speech(2, 2)])
    heard = np.concatenate([np.zeros(1600, np.float32), line, np.zeros(3200, np.float32)])
    echo, out = Echo(), []
    echo.begin(line)
    for at in range(0, len(heard), 1280):
        out.append(echo.step(heard[at : at + 1280]))
        assert echo.following or at < RATE_HZ
    left = np.concatenate([*out, echo.end()])
    assert level_db(left[-2 * RATE_HZ :]) < level_db(heard[-2 * RATE_HZ :]) - 10
