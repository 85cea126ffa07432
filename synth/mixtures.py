"""Real recordings as they are measured with: each call alone in a quiet room or in noise, each stream of talk
as it is. Made where they are streamed, from a short description that is cheap to hand to another process.

Levels, noises and the draws of chance are those of an independent scorer, so that its counts and ours are of
the very same sound: `tests/synth/test_judge.py` compares both sample by sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import WavError
from edge.events import RATE_HZ
from edge.replay import samples_of
from synth.acoustics import Rng, Sound
from synth.evaluate import LEAD_S, TAIL_S
from synth.recordings import read_mono

SHORTEST_S = 2.0  # of a stream of other sound
TOO_SHORT = f"is shorter than {SHORTEST_S:g} s"
POOL = 60  # recordings that babble is mixed of
POOL_SEED = 7


@dataclass(frozen=True)
class Pool:
    """The talk that babble is mixed of, on disk, so that every process sees it and hours of it fit."""

    folder: Path
    """holds 0.npy, 1.npy, ..., float32 [n], peak at full scale"""
    count: int

    @staticmethod
    def of(files: Sequence[Path], folder: Path, seed: int = 0) -> Pool:
        """Of up to 60 of the files, by chance; what cannot be read or is under a second is passed over."""
        rng = np.random.default_rng(POOL_SEED + seed)
        kept = 0
        for k in rng.choice(len(files), min(POOL, len(files)), replace=False) if files else ():
            try:
                sound = read_mono(files[int(k)])
            except WavError:  # who streams it says so
                continue
            if len(sound) > RATE_HZ:
                np.save(folder / f"{kept}.npy", sound / (np.abs(sound).max() + 1e-6))
                kept += 1
        return Pool(folder, kept)

    def __getitem__(self, k: int) -> Sound:
        sound: Sound = np.load(self.folder / f"{k}.npy", mmap_mode="r")
        return sound


@dataclass(frozen=True)
class Call:
    """A recording of the phrase with two seconds before it and half a second after it, quiet or in noise."""

    path: Path
    noise: str | None
    """pink, babble or none"""
    snr_db: float
    seed: int
    pool: Pool

    def sound(self) -> Sound:
        """Float32 [n], 16 kHz, peak at half of full scale. Raises WavError."""
        rng = np.random.default_rng(self.seed)
        clip = read_mono(self.path)
        if not clip.any():
            raise WavError(self.path, "holds nothing but zeros")
        quiet = [np.zeros(int(s * RATE_HZ), np.float32) for s in (LEAD_S, TAIL_S)]
        sound = np.concatenate([quiet[0], clip / (np.abs(clip).max() + 1e-6), quiet[1]])
        if self.noise is None:
            sound = sound + rng.standard_normal(len(sound)).astype(np.float32) * 1e-4
        else:
            babbling = self.noise == "babble" and self.pool.count
            noise = babble(len(sound), self.pool, rng) if babbling else pink(len(sound), rng)
            active = math.sqrt(float(np.sort(sound**2)[-len(sound) // 5 :].mean()))
            rms = math.sqrt(float((noise**2).mean()) + 1e-12)
            sound = sound + noise * active / rms * 10 ** (-self.snr_db / 20)  # in this order, to the last bit
        return sixteen_bits(sound / np.abs(sound).max() * 0.5)


@dataclass(frozen=True)
class Talk:
    """A recording in which nobody says the phrase."""

    path: Path

    def sound(self) -> Sound:
        """Float32 [n], 16 kHz, peak at half of full scale. Raises WavError, also where it is under 2 s."""
        sound = read_mono(self.path)
        if len(sound) < SHORTEST_S * RATE_HZ:
            raise WavError(self.path, TOO_SHORT)
        return sixteen_bits(sound / (np.abs(sound).max() + 1e-6) * 0.5)


@dataclass(frozen=True)
class Written:
    """Any of these, once it has been written to a wav file."""

    path: Path

    def sound(self) -> Sound:
        """Float32 [n], 16 kHz. Raises WavError."""
        return samples_of(self.path)


def pink(n: int, rng: Rng) -> Sound:
    """Noise [n] whose amplitude falls with the root of the frequency, peak at full scale."""
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.arange(n // 2 + 1) + 1.0)
    sound = np.fft.irfft(spectrum, n)
    return np.asarray(sound / np.abs(sound).max(), np.float32)


def babble(n: int, pool: Pool, rng: Rng) -> Sound:
    """Two to five voices of the pool at once, [n]."""
    sound = np.zeros(n, np.float32)
    for _ in range(int(rng.integers(2, 6))):
        voice = pool[int(rng.integers(pool.count))]
        repeated = len(voice) * (n // len(voice) + 2)
        start = int(rng.integers(repeated - n))
        sound += voice[np.arange(start, start + n) % len(voice)] * rng.uniform(0.3, 1.0)
    return sound


def sixteen_bits(sound: Sound) -> Sound:
    """`sound` as it comes back from a wav file that libsndfile has written: it does not round, it cuts."""
    whole = np.rint(np.asarray(sound, np.float32) * np.float32(2**31))
    return np.asarray(np.floor(whole / np.float32(2**16)) / np.float32(2**15), np.float32)


def calls(clips: Iterable[Path], snr_db: float | None, pool: Pool, seed: int = 0) -> list[Call]:
    """Every clip once, without noise or with: by turns babble and pink noise."""
    kinds = (None, None) if snr_db is None else ("babble", "pink")
    first = seed * 1_000_003
    return [Call(clip, kinds[k % 2], snr_db or 0.0, first + k, pool) for k, clip in enumerate(clips)]
