"""How the hardened backbone is made: the graph in JAX is the one on the disk, lessons are what they say."""

from __future__ import annotations

import json
from importlib.resources import files

import jax.numpy as jnp
import numpy as np
import onnx
import pytest

from edge.backbone import FILES, HARDENED, REFERENCE, SIZE, Backbone, identity
from edge.files import sha256_of
from edge.frontend import FrontEnd
from edge.onnx_scan import scan
from synth.acoustics import coloured, mixed
from synth.tools.backbone_lessons import WINDOWS, Lessons, batches, coded
from synth.tools.backbone_loss import grade
from synth.tools.backbone_net import Weights, embeddings, read, write
from synth.tools.harden_backbone import between
from tests.speech import real_speech


def graph(name: str) -> onnx.ModelProto:
    """One of the two that ship."""
    return onnx.load_model_from_string((files("edge") / "data" / f"{FILES[name]}.onnx").read_bytes())


def test_the_graph_in_jax_is_the_graph_of_the_file() -> None:
    """On the mel of real speech both give the same embeddings, to 1e-3 of values in the tens."""
    sound = real_speech()[0]
    mel = FrontEnd().step(sound[: len(sound) // 1280 * 1280])
    weights, layers = read(graph(REFERENCE))
    ours = np.asarray(embeddings(weights, layers, jnp.asarray(mel[None, 4:])))[0]
    wanted = Backbone().step(mel)[9:]  # the first window of 76 frames ends with the tenth step
    assert ours.shape == wanted.shape
    assert len(ours) > 10
    assert np.abs(ours - wanted).max() < 1e-3


def test_weights_go_back_into_the_file() -> None:
    """Written and read again they are the same, and the graph with them runs and passes the scan."""
    model = graph(REFERENCE)
    weights, _ = read(model)
    changed: Weights = [{k: v + np.float32(0.01) for k, v in own.items()} for own in weights]
    data = write(model, changed)
    scan(data, "changed.onnx")
    again, _ = read(onnx.load_model_from_string(data))
    assert all((a[k] == b[k]).all() for a, b in zip(again, changed, strict=True) for k in a)
    assert Backbone.of(data).step(np.zeros((8, 32), np.float32)).shape == (1, SIZE)


def test_between_two_sets_of_weights() -> None:
    """None of the second is the first, all of it the second, half of it their mean."""
    a: Weights = [{"w": np.zeros(3, np.float32), "b": np.ones(1, np.float32)}]
    b: Weights = [{"w": np.full(3, 2, np.float32), "b": np.full(1, 3, np.float32)}]
    for part, w, bias in ((0.0, 0, 1), (0.5, 1, 2), (1.0, 2, 3)):
        found = between(a, b, part)[0]
        assert (found["w"] == w).all()
        assert (found["b"] == bias).all()


def test_lessons_are_spoiled_speech_and_what_is_said_of_it_in_quiet() -> None:
    """Batches have the shapes that the graph wants, the same for the same seed; what is heard is spoiled."""
    speech = [coded(sound) for sound in real_speech()]
    hum = coloured(80_000, "pink", np.random.default_rng(0)) * np.float32(0.1)
    lessons = Lessons([(speech, 1.0)], [[coded(hum)]], ())
    mel, wanted, counts = next(batches(lessons, 3, 1))
    assert mel.shape == (3, 76 + 8 * (WINDOWS - 1), 32)
    assert wanted.shape == (3, WINDOWS, SIZE)
    assert counts.shape == (3, WINDOWS)
    assert 0.1 < counts.min() <= counts.max() == 1
    again, *_ = next(batches(lessons, 3, 1))
    assert (mel == again).all()
    weights, layers = read(graph(REFERENCE))
    off = np.asarray(embeddings(weights, layers, jnp.asarray(mel))) - wanted
    assert (off**2).mean() > 0.05 * wanted.var()


def test_the_grade_falls_where_the_right_thing_is_said() -> None:
    """Of the same mel frames the graph is graded better by what it says itself than by that of another
    moment, and what does not count changes nothing."""
    rng = np.random.default_rng(2)
    weights, layers = read(graph(REFERENCE))
    mel = rng.normal(2, 1, (2, 76 + 8 * (WINDOWS - 1), 32)).astype(np.float32)
    said_now = np.asarray(embeddings(weights, layers, jnp.asarray(mel)))
    loss = grade(layers, said_now.reshape(-1, SIZE))
    every, first = np.ones((2, WINDOWS), np.float32), np.zeros((2, WINDOWS), np.float32)
    first[0] = 1
    assert loss(weights, mel, said_now, every) < loss(weights, mel, said_now[::-1], every)
    other = said_now.copy()
    other[1] += 5 * said_now.std()
    assert loss(weights, mel, other, first) < loss(weights, mel, other, every)


def test_the_hardened_backbone_is_what_its_manifest_says() -> None:
    """The hash, the same graph as the reference's, a licence for everything that it was taught with."""
    known = identity(HARDENED)
    data = (files("edge") / "data" / f"{FILES[HARDENED]}.onnx").read_bytes()
    assert known["sha256"] == sha256_of(data)
    scan(data, "hardened.onnx")
    ours, theirs = ([n.op_type for n in graph(name).graph.node] for name in (HARDENED, REFERENCE))
    assert ours == theirs
    assert all(row.get("licence") for row in known["taught_with"] if row["kind"] != "voice")
    assert "NC" not in json.dumps(known["taught_with"])


def test_the_hardened_backbone_hears_through_noise() -> None:
    """Of speech in pink noise at 10 dB its embeddings are nearer to what the reference says of the speech in
    quiet than the reference's own are."""
    rng, off = np.random.default_rng(3), {REFERENCE: [], HARDENED: []}  # type: ignore[var-annotated]
    for sound in real_speech():
        wanted = said(REFERENCE, sound)
        noisy = mixed(sound, coloured(len(sound), "pink", rng), 10.0)
        for name, found in off.items():
            found.append(((said(name, noisy) - wanted) ** 2).mean())
    assert np.mean(off[HARDENED]) < 0.8 * np.mean(off[REFERENCE])


def said(name: str, sound: np.ndarray) -> np.ndarray:
    """Embeddings of whole windows."""
    mel = FrontEnd().step(sound[: len(sound) // 1280 * 1280])
    return Backbone(name).step(mel)[10:]


@pytest.mark.parametrize("name", [REFERENCE, HARDENED])
def test_any_cutting_of_a_stream_gives_the_same(name: str) -> None:
    """Both sets of weights keep the state of a stream: 8 frames at a time or all at once."""
    sound = real_speech()[1]
    mel = FrontEnd().step(sound[: len(sound) // 1280 * 1280])
    whole = Backbone(name).step(mel)
    one = Backbone(name)
    pieces = np.concatenate([one.step(mel[k : k + 8]) for k in range(0, len(mel), 8)])
    assert np.abs(pieces - whole).max() < 1e-4
