"""A loudspeaker in a room: `play_in_room.py RESPONSE.npy DRIVE [FILE]` plays a wav file (standard input) through
a room's impulse response into the sound server. DRIVE above 0 lets the loudspeaker clip softly at that share of
the peak."""

from __future__ import annotations

import io
import subprocess
import sys
import wave

import numpy as np

from edge.resample import Resampler


def active(sound: np.ndarray) -> float:
    """The level of a sound while it sounds."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    rms = np.sqrt(np.square(frames).mean(axis=1))
    return float(np.sqrt(np.square(rms[rms > 0.1 * rms.max()]).mean()))


def main() -> None:
    """Play it to its end."""
    data = open(sys.argv[3], "rb").read() if len(sys.argv) > 3 else sys.stdin.buffer.read()  # noqa: SIM115, PTH123
    with wave.open(io.BytesIO(data)) as file:
        rate_hz = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    response, drive = np.load(sys.argv[1]), float(sys.argv[2])
    if drive:
        peak = drive * np.abs(sound).max()
        sound = peak * np.tanh(sound / peak)
    resampler = Resampler(16_000, rate_hz)
    response = np.concatenate([resampler.step(response), resampler.flush()])
    size = 1 << (len(sound) + len(response)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size))[: len(sound) + len(response)]
    wet *= active(sound) / active(wet)
    wet *= min(1.0, 0.99 / np.abs(wet).max())
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes((wet * 32767).astype("<i2").tobytes())
    subprocess.run(["paplay"], input=out.getvalue(), check=True, timeout=60)


if __name__ == "__main__":
    main()
