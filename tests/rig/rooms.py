"""Rooms of our own making, by the image method (pyroomacoustics, which comes with heychip[synth])."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FS_HZ = 16_000


def room(rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Impulse responses at one microphone: of our loudspeaker, 0.15 to 0.6 m away, and of a person, 1 to
    2.5 m away, in a room of 3 to 7 m with a reverberation time of 0.2 to 0.6 s."""
    import pyroomacoustics as pra

    size = rng.uniform([3, 3, 2.4], [7, 6, 3.2])
    try:
        absorption, order = pra.inverse_sabine(rng.uniform(0.2, 0.6), size)
    except ValueError:  # too small a room for so long a tail
        absorption, order = 0.4, 8
    box = pra.ShoeBox(size, fs=FS_HZ, materials=pra.Material(absorption), max_order=min(order, 14))
    microphone = rng.uniform([0.7, 0.7, 0.8], size - [0.7, 0.7, 1.0])
    angle = rng.uniform(0, 2 * np.pi)
    for away, turn, up in ((rng.uniform(0.15, 0.6), 0.0, -0.2), (rng.uniform(1, 2.5), 1.5, 0.1)):
        where = microphone + away * np.array([np.cos(angle + turn), np.sin(angle + turn), up])
        box.add_source(np.clip(where, 0.2, size - 0.2))
    box.add_microphone(microphone)
    box.compute_rir()
    return [np.asarray(response, np.float32) for response in box.rir[0]]


def played(
    sound: NDArray[np.float32], response: NDArray[np.float32], drive: float = 0.0
) -> NDArray[np.float32]:
    """A sound at 16 kHz as it comes through a loudspeaker (which clips softly at `drive` of the peak; 0: it
    does not) and a room, at the level that it had."""
    out = sound
    if drive:
        peak = drive * np.abs(sound).max()
        out = peak * np.tanh(sound / peak)
    size = 1 << (len(out) + len(response)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(out, size) * np.fft.rfft(response, size))[: len(out) + len(response)]
    wet *= active(sound) / active(wet)
    return (wet * min(1.0, 0.99 / np.abs(wet).max())).astype(np.float32)


def active(sound: NDArray[np.float32]) -> float:
    """The level of a sound while it sounds: rms of the frames within 20 dB of the loudest."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    rms = np.sqrt(np.square(frames).mean(axis=1))
    return float(np.sqrt(np.square(rms[rms > 0.1 * rms.max()]).mean()))
