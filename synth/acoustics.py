"""What stands between a mouth and a microphone: simulated rooms, noises, band limits, gain.

Everything takes a numpy Generator and is a pure function of it, so that one seed gives one bundle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve

from edge.events import RATE_HZ

Sound = NDArray[np.float32]
Rng = np.random.Generator

COLOURS = {"white": 0.0, "pink": -0.5, "brown": -1.0, "blue": 0.5}  # amplitude over frequency, as a power


def room_impulses(count: int, seed: int) -> list[Sound]:
    """Impulse responses of `count` shoebox rooms, each started at its direct sound and of unit energy.

    Rooms of 2 to 9 m, reverberation of 0.15 to 0.8 s, the speaker 0.3 to 5 m away (image sources;
    Scheibler et al., "Pyroomacoustics", 2018)."""
    import pyroomacoustics as pra

    rng = np.random.default_rng(seed)
    impulses: list[Sound] = []
    while len(impulses) < count:
        size = rng.uniform([2.0, 2.0, 2.2], [9.0, 7.0, 3.6])
        rt60_s = rng.uniform(0.15, 0.8)
        try:
            absorption, order = pra.inverse_sabine(rt60_s, size)
        except ValueError:  # this room cannot ring for so short a time
            continue
        room = pra.ShoeBox(size, fs=RATE_HZ, materials=pra.Material(absorption), max_order=min(order, 12))
        microphone = rng.uniform([0.3, 0.3, 0.5], size - [0.3, 0.3, 0.8])
        mouth = np.clip(microphone + _direction(rng) * rng.uniform(0.3, 5.0), 0.3, size - 0.3)
        room.add_source(mouth)
        room.add_microphone(microphone)
        room.compute_rir()
        impulse = np.asarray(room.rir[0][0], np.float32)
        impulse = impulse[max(0, int(np.argmax(np.abs(impulse))) - 16) :][: int(0.6 * RATE_HZ)]
        impulses.append((impulse / np.sqrt((impulse**2).sum())).astype(np.float32))
    return impulses


def _direction(rng: Rng) -> NDArray[np.float64]:
    vector = rng.normal(size=3) * [1, 1, 0.2]
    return np.asarray(vector / np.linalg.norm(vector))


def in_room(sound: Sound, impulse: Sound) -> Sound:
    """`sound` [n] heard in a room, [n]: what rings on after its end is cut."""
    return np.asarray(fftconvolve(sound, impulse)[: len(sound)], np.float32)


def coloured(n: int, colour: str, rng: Rng) -> Sound:
    """Noise [n] of unit power whose amplitude falls with frequency as its colour says."""
    size = next_fast_len(n, real=True)
    bins = np.arange(1, size // 2 + 2)
    spectrum = rfft(rng.standard_normal(size).astype(np.float32)) * bins ** COLOURS[colour]
    noise = irfft(spectrum, size)[:n]
    return np.asarray(noise / (np.sqrt((noise**2).mean()) + 1e-12), np.float32)


def excerpt(pool: Sequence[Sound], n: int, rng: Rng) -> Sound:
    """A piece [n] out of a random member of the pool, repeated where it is too short, of unit power."""
    sound = pool[int(rng.integers(len(pool)))]
    if len(sound) < n:
        sound = np.tile(sound, n // max(1, len(sound)) + 1)
    start = int(rng.integers(len(sound) - n + 1))
    piece = sound[start : start + n]
    return np.asarray(piece / (np.sqrt((piece**2).mean()) + 1e-6), np.float32)


def babble(pool: Sequence[Sound], n: int, rng: Rng) -> Sound:
    """Several voices at once [n], of unit power."""
    voices = [excerpt(pool, n, rng) * rng.uniform(0.3, 1.0) for _ in range(int(rng.integers(1, 6)))]
    mixed = np.sum(voices, axis=0)
    return np.asarray(mixed / (np.sqrt((mixed**2).mean()) + 1e-6), np.float32)


def loudness(sound: Sound) -> float:
    """Root mean square of the loudest fifth: speech is measured where there is speech."""
    loudest = np.sort(sound**2)[-max(1, len(sound) // 5) :]
    return float(np.sqrt(loudest.mean()))


def mixed(sound: Sound, noise: Sound, snr_db: float) -> Sound:
    """`sound` with `noise` [same n, unit power] under it at a stated signal-to-noise ratio."""
    return (sound + noise * (loudness(sound) * 10 ** (-snr_db / 20))).astype(np.float32)


def filtered(sound: Sound, rng: Rng) -> Sound:
    """A microphone's colour: a high-pass, a low-pass and two broad bumps, as one curve over frequency."""
    size = next_fast_len(len(sound), real=True)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ) + 1.0
    low_hz, high_hz = rng.uniform(20, 250), rng.uniform(3000, 8000)
    curve = 1 / np.sqrt(1 + (low_hz / hz) ** 4) / np.sqrt(1 + (hz / high_hz) ** 8)
    for _ in range(2):
        centre, width_oct, gain_db = rng.uniform(150, 5000), rng.uniform(0.5, 2.0), rng.normal(0, 4)
        curve *= 10 ** (gain_db / 20 * np.exp(-((np.log2(hz / centre) / width_oct) ** 2)))
    return np.asarray(irfft(rfft(sound, size) * curve, size)[: len(sound)], np.float32)


def other_speaker(sound: Sound, ratio: float) -> Sound:
    """Another throat: played `ratio` times as fast, so that pitch, formants and speed all move."""
    at = np.arange(0, len(sound) - 1, ratio)
    return np.asarray(np.interp(at, np.arange(len(sound)), sound), np.float32)


def telephone(sound: Sound) -> Sound:
    """Eight bits of mu-law: the coarse steps of cheap wireless microphones and old codecs."""
    peak = float(np.abs(sound).max()) + 1e-9
    folded = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256)
    folded = np.round(folded * 127) / 127
    return np.asarray(np.sign(folded) * (256 ** np.abs(folded) - 1) / 255 * peak, np.float32)


def levelled(sound: Sound, rng: Rng) -> Sound:
    """A random gain (peak at -32 to 0 dB of full scale, now and then over it and clipped), then 16 bits."""
    peak_db = rng.uniform(-32, 0) if rng.random() > 0.04 else rng.uniform(0, 8)
    scaled = sound * (10 ** (peak_db / 20) / (float(np.abs(sound).max()) + 1e-9))
    return np.asarray(np.round(np.clip(scaled, -1, 1 - 2**-15) * 32768) / 32768, np.float32)
