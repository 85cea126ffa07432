"""The backbone in its streaming form against the reference graph on whole windows."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.backbone import CONTEXT, SIZE, Backbone
from edge.events import STEP
from edge.features import Features, quiet_room
from edge.frontend import FrontEnd
from synth.tools.convert_backbone import WINDOW_FRAMES, reference
from tests.edge.test_frontend import reference_mel
from tests.speech import real_speech


def reference_embeddings(sound: np.ndarray) -> np.ndarray:
    """Both reference graphs: every window of 76 frames anew, one a step."""
    graph = ort.InferenceSession(reference("embedding_model"), providers=["CPUExecutionProvider"])
    mel = reference_mel(sound)
    ends = range(8 * (WINDOW_FRAMES // 8 + 1), len(mel) + 1, 8)
    windows = (mel[end - WINDOW_FRAMES : end][None, :, :, None] for end in ends)
    return np.stack([graph.run(None, {"input_1": window})[0].ravel() for window in windows])


@pytest.fixture(scope="module")
def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Sound after the quiet room, and the reference's embeddings of it."""
    sounds = [np.concatenate([quiet_room(), s]) for s in real_speech()]
    return [(s, reference_embeddings(s)) for s in sounds]


@settings(max_examples=25, deadline=None)
@given(which=st.integers(0, 7), cuts=st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_equals_the_reference_however_the_stream_is_cut(pairs, which, cuts):
    """On real speech an embedding differs from the reference's by less than 1e-4 for any cutting."""
    sound, wanted = pairs[which]
    front, backbone, found, at = FrontEnd(), Backbone(), [], 0
    for k in range(len(sound)):
        step = cuts[k % len(cuts)] * STEP
        found.append(backbone.step(front.step(sound[at : at + step])))
        at += step
        if at >= len(sound):
            break
    embeddings = np.concatenate(found)[-len(wanted) :]
    assert np.abs(embeddings - wanted).max() < 1e-4


def test_windows_follow_each_other():
    """The window of a hop is the one before moved on by one embedding, across calls, too."""
    features, sound = Features(), real_speech()[0]
    first, second = features.step(sound[: 10 * STEP]), features.step(sound[10 * STEP : 20 * STEP])
    windows = np.concatenate([first, second])
    assert windows.shape == (20, CONTEXT, SIZE)
    assert (windows[1:, :-1] == windows[:-1, 1:]).all()


def test_reset_is_a_new_start():
    """After a reset a stream gives what it gives to a new object, bit for bit."""
    features, (a, b) = Features(), real_speech()[:2]
    features.step(a)
    features.reset()
    assert (features.step(b[: 30 * STEP]) == Features().step(b[: 30 * STEP])).all()


def test_the_quiet_room_is_quiet_and_always_the_same():
    """The past that every stream is given lies 80 dB under full scale and does not depend on the run."""
    room = quiet_room()
    assert 20 * np.log10(np.sqrt((room**2).mean())) == pytest.approx(-80, abs=0.5)
    assert (room == quiet_room()).all()
