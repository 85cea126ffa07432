"""How the rough student is made: lessons are what its teacher says, teaching brings it nearer, and the file
that is written is the function that was taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.backbone import HARDENED, SIZE, Backbone, identity
from edge.files import sha256_of
from edge.onnx_scan import scan
from edge.rough_net import RoughGraph, read_layers
from edge.sessions import session
from synth.acoustics import coloured
from synth.tools import teach_rough
from synth.tools.backbone_lessons import WINDOWS, Lessons, coded
from synth.tools.rough_lessons import FRAMES, pairs
from synth.tools.rough_net import SHAPE, embeddings, folded, fresh, reach, write
from tests.speech import real_speech


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    """Little speech and a hum."""
    hum = coloured(80_000, "pink", np.random.default_rng(0)) * np.float32(0.1)
    return Lessons([([coded(sound) for sound in real_speech()], 1.0)], [[coded(hum)]], ())


def test_lessons_are_what_the_teacher_says(lessons: Lessons) -> None:
    """Mel frames of a few seconds and the hardened backbone's embeddings of the same frames, the same for the
    same seed."""
    mel, said = pairs(lessons, 3, 1)
    assert mel.shape == (3, FRAMES, 32)
    assert said.shape == (3, WINDOWS, SIZE)
    again, _ = pairs(lessons, 3, 1)
    assert (mel == again).all()
    teacher = Backbone(HARDENED)
    for frames, wanted in zip(mel, said, strict=True):
        teacher.reset()
        first = frames[FRAMES % 8 :]  # whole hops; the first ten have no whole past
        found = teacher.step(first.astype(np.float32))
        assert np.abs(found[10:] - wanted[-len(found) + 10 :]).max() < 0.5  # of tens: the frames are rounded


def test_the_file_is_what_was_taught() -> None:
    """The student in JAX, scales and all, the file that is written and the graph for a stream are one
    function; it looks at no more frames than its teacher."""
    rng = np.random.default_rng(1)
    mel = rng.normal(2, 3, (1, FRAMES, 32)).astype(np.float32)
    scale = (rng.normal(size=32), rng.uniform(1, 3, 32)), (rng.normal(size=SIZE), rng.uniform(1, 3, SIZE))
    (shift, spread), (mean, size) = scale
    plain = fresh(rng)
    weights = folded(plain, *scale)
    wanted = np.asarray(embeddings(plain, (mel - shift) / spread, WINDOWS)) * size + mean
    assert np.abs(np.asarray(embeddings(weights, mel, WINDOWS)) - wanted).max() < 1e-2
    data = write(weights)
    scan(data, "rough.onnx")
    found = session(data, "rough.onnx").run(None, {"mel": mel[:, 76 - reach() :]})[0]
    assert np.abs(found - wanted).max() < 1e-2
    layers = read_layers(data)
    assert [(layer.weights.shape[2], layer.weights.shape[0], layer.stride) for layer in layers] == list(SHAPE)
    assert RoughGraph(layers, 1).shape["state0"] == (2, 8, 32)
    assert 70 <= reach() <= 76


def test_teaching_brings_it_nearer(lessons: Lessons) -> None:
    """After a few steps on little data it is nearer to its teacher than at the beginning."""
    mel, said = pairs(lessons, 24, 2)
    taught = [teach_rough.teach(mel, said, steps=steps, rate=2e-3, seed=0) for steps in (1, 150)]
    before, after = (teach_rough.distance(weights, mel, said) for weights in taught)
    assert after["squared_difference"] < 0.9 * before["squared_difference"]
    assert after["correlation"] > before["correlation"] + 0.2


def test_the_tool_writes_both_files(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line: the file, the manifest, which names the teacher, and lessons that are kept."""
    monkeypatch.setattr(teach_rough, "bodies", lambda *_: (lessons, []))
    monkeypatch.setattr(teach_rough, "MEASURED", 4)
    row = ["teach_rough", "--examples", "6", "--steps", "3", "--out", str(tmp_path),
           "--lessons", str(tmp_path / "lessons")]  # fmt: skip
    monkeypatch.setattr("sys.argv", row)
    assert teach_rough.main() == 0
    known = teach_rough.json.loads((tmp_path / "rough.json").read_text())
    assert known["sha256"] == sha256_of((tmp_path / "rough.onnx").read_bytes())
    assert known["student_of"]["sha256"] == identity(HARDENED)["sha256"]
    assert known["licence"] == identity(HARDENED)["licence"]
    assert set(known["difference_from_teacher"]) == {"squared_difference", "correlation"}
    assert len(list((tmp_path / "lessons").glob("*.npz"))) == 2
    monkeypatch.setattr(teach_rough, "bodies", None)  # they are not asked for again
    assert teach_rough.main() == 0
