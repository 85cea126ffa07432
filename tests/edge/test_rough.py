"""The rough ear: the student is one function however it is run, near its teacher, and nobody else's."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from edge import rough_net
from edge.backbone import HARDENED, SIZE
from edge.bundle import load_bundle
from edge.ensemble import NOTHING, Ensemble
from edge.errors import ModelError
from edge.events import STEP
from edge.features import Features
from edge.files import sha256_of
from edge.frontend import FrontEnd
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.onnx_scan import scan
from edge.rough import LEAST, REACH, RoughEar
from edge.sessions import session
from synth.acoustics import coloured, mixed
from tests.edge.bundles import make_bundle
from tests.speech import real_speech

FILE = files("edge") / "data" / "rough.onnx"


def opened() -> rough_net.RoughGraphs:
    """The student that ships."""
    graphs = rough_net.graphs()
    assert graphs is not None
    return graphs


def mel_of(sound: np.ndarray) -> np.ndarray:
    """Mel frames of the whole hops of a sound."""
    return FrontEnd().step(sound[: len(sound) // STEP * STEP])


def test_a_stream_gives_what_the_whole_file_gives() -> None:
    """Hop by hop, three at a time or all at once the student says what its file says of it all."""
    mel = mel_of(real_speech()[0])
    shifted = mel[None, 6:]  # because its reach is 74
    whole = session(FILE.read_bytes(), "rough.onnx").run(None, {"mel": shifted})[0][0]
    net = rough_net.Student(opened())
    for size in (8, 24, len(mel)):
        net.reset()
        found = np.concatenate([net.step(mel[at : at + size]) for at in range(0, len(mel), size)])
        assert found.shape == (len(mel) // 8, SIZE)
        late = found[-(len(mel) // 8 - 10) :]  # the first ten hops have no whole past in a file
        assert len(late) > 20
        assert np.abs(late - whole[-len(late) :]).max() < 1e-3


def test_it_says_about_what_its_teacher_says() -> None:
    """Of speech in quiet and in pink noise at 10 dB, of speakers that it was not taught with, its embeddings
    go with those of the hardened backbone: a correlation of 0.75 and more."""
    rng = np.random.default_rng(0)
    rough, exact = Features(net=lambda front: rough_net.Student(opened(), front)), Features(HARDENED)
    said: dict[str, list[np.ndarray]] = {"rough": [], "exact": []}
    for sound in real_speech():
        for heard in (sound, mixed(sound, coloured(len(sound), "pink", rng), 10.0)):
            hops = heard[: len(heard) // STEP * STEP]
            for name, features in (("rough", rough), ("exact", exact)):
                features.reset()
                said[name].append(features.step(hops)[:, -1].copy())
    a, b = (np.concatenate(said[name]) for name in ("rough", "exact"))
    assert np.mean([np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(SIZE)]) > 0.75


def test_it_is_what_its_manifest_says() -> None:
    """The hash, whose student it is, the licence of its teacher."""
    known = rough_net.identity()
    teacher = json.loads((files("edge") / "data" / "hardened.json").read_text())
    assert known["sha256"] == sha256_of(FILE.read_bytes())
    assert known["talk_sha256"] == sha256_of((files("edge") / "data" / "rough_talk.npy").read_bytes())
    assert known["student_of"] == {key: teacher[key] for key in ("name", "sha256")}
    assert known["licence"] == teacher["licence"]
    assert known["taught_with"] == teacher["taught_with"]
    scan(FILE.read_bytes(), "rough.onnx")


def test_the_student_of_another_backbone_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hardened backbone is not the one that it learned from, the gate goes without it."""
    known = {**rough_net.identity(), "student_of": {"name": "another", "sha256": "0" * 64}}
    monkeypatch.setattr(rough_net, "identity", lambda: known)
    rough_net.graphs.cache_clear()
    try:
        lazy = LazyListener(Listener([load_bundle("hey_chip")]))
    finally:
        rough_net.graphs.cache_clear()
    assert lazy.awake


def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that differs from its manifest, or holds something else, is an error that names the remedy."""
    monkeypatch.setattr(rough_net, "identity", lambda: {**known, "sha256": "0" * 64})
    known = {**json.loads((files("edge") / "data" / "rough.json").read_text()), "talk_sha256": "0" * 64}
    with pytest.raises(ModelError, match="rough_talk"):
        rough_net.talk()
    rough_net.graphs.cache_clear()
    try:
        with pytest.raises(ModelError, match="reinstall"):
            rough_net.graphs()
    finally:
        rough_net.graphs.cache_clear()
    with pytest.raises(ModelError, match="is no rough student"):
        rough_net.read_layers((files("edge") / "data" / "hardened.onnx").read_bytes())


def test_only_where_every_bundle_has_its_student(tmp_path: Path) -> None:
    """A bundle of another backbone beside ours: nobody listens roughly."""
    ours, other = load_bundle("hey_chip"), load_bundle(make_bundle(tmp_path))
    assert RoughEar.of(Listener([ours])) is not None
    assert RoughEar.of(Listener([ours, other])) is None


def test_what_is_no_number_asks_the_backbone() -> None:
    """A bad sample, and the ear says so rather than nothing."""
    ear = RoughEar.of(Listener([load_bundle("hey_chip")]))
    assert ear is not None
    sound = real_speech()[0][: 30 * STEP].copy()
    assert ear.step(sound[: 3 * STEP]) < 0
    sound[5 * STEP] = np.nan
    assert ear.step(sound[3 * STEP : 6 * STEP]) == np.inf
    ear.begin(sound[6 * STEP :])
    assert ear.step(sound[: 3 * STEP]) < 0


def test_what_is_near_is_another_margin_for_every_bundle() -> None:
    """Where thresholds are lower by 4, the usual margin is higher by 4, and so is the level that wakes the
    listener, in its proportion; it never comes so near to the threshold that a word could be missed."""
    plain, low, lowest = (RoughEar.of(Listener([load_bundle("hey_chip")], offset=offset))
                          for offset in (0.0, -4.0, -40.0))  # fmt: skip
    assert plain is not None
    assert low is not None
    assert lowest is not None
    assert low.level - plain.level == pytest.approx(4 * REACH, abs=1e-3)
    assert plain.level < low.level <= LEAST
    assert lowest.level == LEAST


def test_a_member_that_was_put_aside_says_nothing() -> None:
    """The nearest margin is that of the members that are well; none of them: nothing is near."""
    ensemble = Ensemble("word", ("a", "b"), np.array([0, 1], np.float32))
    logits = np.array([[-3, 9], [-2, 8]], np.float32)
    assert ensemble.nearest(logits) == 8
    ensemble.quarantined.add(1)
    assert ensemble.nearest(logits) == -2
    ensemble.quarantined.add(0)
    assert ensemble.nearest(logits) == NOTHING
