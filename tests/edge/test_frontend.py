"""The front end against its references: openWakeWord's graph, and librosa's filter bank."""

from __future__ import annotations

import librosa
import numpy as np
import onnxruntime as ort
import pytest

from edge.events import RATE_HZ, STEP
from edge.frontend import FFT, HIGH_HZ, HISTORY, LOW_HZ, MELS, FrontEnd, mel_filters
from synth.tools.convert_backbone import reference
from tests.speech import real_speech


def reference_mel(sound: np.ndarray) -> np.ndarray:
    """The reference graph, called once a step on the samples that end with it: [k * 8, 32]."""
    graph = ort.InferenceSession(reference("melspectrogram"), providers=["CPUExecutionProvider"])
    before, behind = (FFT - 400) // 2 + HISTORY, (FFT - 400) // 2
    padded = np.pad(sound, (before, behind))[None] * np.float32(32768)
    steps = [graph.run(None, {"input": padded[:, k : k + STEP + before + behind]})[0].reshape(-1, MELS)
             for k in range(0, len(sound), STEP)]
    return np.concatenate(steps) / 10 + 2


def test_filters_are_librosas():
    """The filter bank is librosa's, Slaney's scale and norm, from 60 to 3800 Hz."""
    wanted = librosa.filters.mel(sr=RATE_HZ, n_fft=FFT, n_mels=MELS, fmin=LOW_HZ, fmax=HIGH_HZ).T
    assert np.abs(mel_filters() - wanted).max() < 1e-8


@pytest.mark.parametrize("which", range(4))
def test_equals_the_reference_on_real_speech(which):
    """Mel frames equal those of `melspectrogram.onnx` to the rounding of its 32 bits."""
    sound = real_speech()[which]
    assert np.abs(FrontEnd().step(sound) - reference_mel(sound)).max() < 2e-3
    assert np.abs(FrontEnd().step(sound) - reference_mel(sound)).mean() < 1e-5


def test_equals_an_fft_in_double_precision():
    """At any level mel frames are those of a transform of 512 in 64 bits, to the rounding of 32."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for level in (1.0, 1e-2, 1e-4):
        sound = real_speech()[0] * np.float32(level)
        padded = np.concatenate([np.zeros(HISTORY), sound]) * 32768
        frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160] * window
        power = np.abs(np.fft.rfft(frames, FFT)) ** 2
        steps = np.log10(np.maximum(power @ mel_filters(), 1e-10)).reshape(-1, 8, MELS)
        wanted = np.maximum(steps, steps.max(axis=(1, 2), keepdims=True) - 8).reshape(-1, MELS) + 2
        assert np.abs(FrontEnd().step(sound) - wanted).max() < 5e-5


def test_any_cutting_gives_the_same_bits():
    """Steps one by one, or all at once: not a bit differs."""
    sound, front = real_speech()[1], FrontEnd()
    cut = [front.step(sound[k : k + 3 * STEP]) for k in range(0, len(sound), 3 * STEP)]
    assert (np.concatenate(cut) == FrontEnd().step(sound)).all()


def test_a_history_that_was_taken_is_gone_on_from():
    """`history` and `reset` bring a stream back to where it was, to the bit; without one it is silence."""
    sound, front = real_speech()[1], FrontEnd()
    front.step(sound[: 2 * STEP])
    history = front.history
    wanted = front.step(sound[2 * STEP : 4 * STEP])
    front.reset(history)
    assert (front.step(sound[2 * STEP : 4 * STEP]) == wanted).all()
    front.reset()
    assert (front.step(sound[:STEP]) == FrontEnd().step(sound[:STEP])).all()


def test_silence_is_finite():
    """Digital silence gives the floor, not minus infinity."""
    assert np.isfinite(FrontEnd().step(np.zeros(STEP, np.float32))).all()


def test_part_of_a_step_is_refused():
    """The front end works in whole steps; the listener keeps the rest."""
    with pytest.raises(ValueError, match="multiple of 1280"):
        FrontEnd().step(np.zeros(100, np.float32))
