"""The backbone as it is run, against its own file, and the graphs that are written without `onnx`."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.backbone import FILES, PIECES, Backbone
from edge.backbone_layers import read_layers
from edge.errors import ModelError
from edge.events import STEP
from edge.features import Features, quiet_room
from edge.frontend import FrontEnd, mel_graph
from edge.hop_graph import HopGraph
from tests.speech import real_speech


def file_of(name: str) -> bytes:
    """The bytes of a backbone."""
    return (files("edge") / "data" / f"{FILES[name]}.onnx").read_bytes()


def by_file(name: str, mel: np.ndarray) -> np.ndarray:
    """What the file itself makes of mel frames, started on zeros."""
    graph = ort.InferenceSession(file_of(name), providers=["CPUExecutionProvider"])
    feeds = {i.name: np.zeros(i.shape, np.float32) for i in graph.get_inputs()[1:]}
    return graph.run(["embeddings"], {"mel": mel[None, None], **feeds})[0][0]


@pytest.fixture(scope="module", params=sorted(FILES))
def named(request) -> tuple[str, np.ndarray, np.ndarray]:
    """A backbone's name, mel frames of real speech, and its file's embeddings of them."""
    sound = np.concatenate(real_speech()[:3])
    mel = FrontEnd().step(sound[: len(sound) // STEP * STEP])
    return request.param, mel, by_file(request.param, mel)


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_embeddings_equal_those_of_the_file_however_many_hops_come_at_once(named, sizes):
    """To 1e-4 of the file for any cutting; and to the bit whatever the cutting was."""
    name, mel, wanted = named
    backbone, found, at = Backbone(name), [], 0
    while at < len(mel):
        step = sizes[len(found) % len(sizes)] * 8
        found.append(backbone.step(mel[at : at + step]))
        at += step
    embeddings = np.concatenate(found)
    assert np.abs(embeddings - wanted).max() < 1e-4
    assert (embeddings == Backbone(name).step(mel)).all()


@settings(max_examples=15, deadline=None)
@given(before=st.integers(1, 12), lost=st.integers(1, 12), after=st.integers(1, 12))
def test_a_state_brings_back_the_stream(named, before, lost, after):
    """What was taken as `state` and put back with `reset` goes on as if nothing had come between, to the bit,
    whichever graphs were run."""
    name, mel, _ = named
    backbone = Backbone(name)
    first = backbone.step(mel[: 8 * before])
    state = backbone.state
    backbone.step(mel[80 : 80 + 8 * lost][::-1])
    backbone.reset(state)
    second = backbone.step(mel[8 * before : 8 * (before + after)])
    wanted = Backbone(name).step(mel[: 8 * (before + after)])
    assert (np.concatenate([first, second]) == wanted).all()


def test_a_reset_is_a_new_backbone(named):
    """Nothing of an earlier stream is left."""
    name, mel, _ = named
    backbone = Backbone(name)
    backbone.step(mel[:136])
    backbone.reset()
    assert (backbone.step(mel[:40]) == Backbone(name).step(mel[:40])).all()


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_the_graph_that_begins_with_the_front_end_says_the_same(named, sizes):
    """Front end and backbone in one run give what each gives on its own, to the bit, for any cutting."""
    speech = real_speech()[0] + np.float32(1e-6)  # exact zeros would be taken for the quiet room
    sound = np.concatenate([quiet_room(), speech[: len(speech) // STEP * STEP]])
    embeddings = Backbone(named[0]).step(FrontEnd().step(sound))
    features, at = Features(named[0]), len(quiet_room())
    while at < len(sound):
        hops = min(sizes[at % len(sizes)], (len(sound) - at) // STEP)
        found = features.step(sound[at : at + hops * STEP])
        at += hops * STEP
        assert (found[:, -1] == embeddings[at // STEP - hops : at // STEP]).all()


def test_the_public_way_to_run_a_graph_says_the_same(named, monkeypatch):
    """Where ONNX Runtime has no parts within that can be run without its layer of Python, that is used."""
    name, mel, _ = named
    wanted = Backbone(name).step(mel[:80])
    backbone, ran = Backbone(name), []
    public = ort.InferenceSession.run_with_iobinding

    def noted(self, binding, options=None):
        ran.append(self)
        public(self, binding, options)

    monkeypatch.setattr(ort.InferenceSession, "run_with_iobinding", noted)
    monkeypatch.setattr("edge.sessions.INNER", ("_no_such", "_part"))
    assert (backbone.step(mel[:80]) == wanted).all()
    assert len(ran) == 3  # eight hops in one run, then one, and one


def test_what_is_written_is_onnx(named):
    """The checker of the `onnx` package finds nothing wrong with any graph that is made at start."""
    layers = read_layers(file_of(named[0]), "backbone.onnx")
    made = [HopGraph(layers, steps, front=front).model() for steps in PIECES for front in (False, True)]
    for data in (mel_graph(), *made):
        onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)


@pytest.mark.parametrize("data", [b"", b"\x00", b"RIFF, or so", mel_graph()])
def test_another_file_is_refused(data):
    """What is no streaming backbone is told so, and nothing is run."""
    with pytest.raises(ModelError, match="no streaming backbone"):
        read_layers(data, "other.onnx")
