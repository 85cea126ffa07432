"""Detectors of a stream against the same detectors on whole windows."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from bundles import head, make_bundle, open_wake_word

from edge.backbone import CONTEXT, PIECES, SIZE
from edge.bundle import Bundle, load_bundle
from edge.detectors import Detectors
from edge.hop_detectors import read_convolutions, stream_graph
from synth.export import fused
from synth.train import Trained

HOPS = 40


def trained(members: int, nets: int, channels: int, heads: int = 1) -> Trained:
    """Networks with random weights: sets of so many members each of which shares so many networks."""
    draw = np.random.default_rng(members).standard_normal
    shapes = {"w1": (3, SIZE, channels), "b1": (channels,), "w2": (3, channels, channels), "b2": (channels,),
              "w3": (heads, 12, channels), "b3": (heads,)}
    params = {key: (draw((members * nets, *shape)) * 0.1).astype(np.float32) for key, shape in shapes.items()}
    return Trained(params, np.full(SIZE, 0.5, np.float32), np.full(SIZE, 0.2, np.float32), nets)


APART, SHARED = [(1, 1, 32), (1, 4, 8), (5, 1, 8), (3, 2, 4)], [(1, 1, 32, 189), (1, 3, 8, 20), (2, 2, 4, 3)]
KINDS = ["hey_chip", *APART, *SHARED]


@pytest.fixture(params=KINDS, ids=str)
def bundle(request, tmp_path) -> Bundle:
    """The shipped bundle, and fused ones of several members, networks and heads."""
    if isinstance(request.param, str):
        return load_bundle(request.param)
    made = trained(*request.param)
    return load_bundle(make_bundle(tmp_path, made.members, onnx_bytes=fused(made)))


@pytest.fixture
def rows() -> np.ndarray:
    """Embeddings as a stream gives them [R, 96]."""
    return np.random.default_rng(0).standard_normal((HOPS + CONTEXT - 1, SIZE)).astype(np.float32) * 5


def windows(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[k : k + CONTEXT] for k in range(len(rows) - CONTEXT + 1)]


def test_a_stream_says_what_its_windows_say(bundle, rows):
    """From the first window on, every logit is that of the file on the whole window, to float error."""
    detectors = Detectors(bundle)
    assert detectors._stream is not None
    found = np.stack([detectors.follow(window[None])[0] for window in windows(rows)])
    wanted = np.stack([detectors.step(window) for window in windows(rows)])
    assert found == pytest.approx(wanted, abs=1e-4, rel=1e-5)


def test_hops_at_once_say_the_same(bundle, rows):
    """However many hops are asked for at once, the logits are the same, to the bit."""
    one_by_one, in_pieces, at = Detectors(bundle), Detectors(bundle), 0
    found = np.stack(windows(rows))
    wanted = np.concatenate([one_by_one.follow(found[k : k + 1]) for k in range(len(found))])
    for size in (3, 1, 8, 2, 3, 11, 9, 3):
        assert (in_pieces.follow(found[at : at + size]) == wanted[at : at + size]).all()
        at += size
    assert at == len(found)


def test_a_stream_begins_anew_after_a_reset(bundle, rows):
    """After `reset` it says what a new one says, to the bit, even where the stream before held NaN."""
    detectors, fresh = Detectors(bundle), Detectors(bundle)
    for window in windows(np.full_like(rows, np.nan)):
        detectors.follow(window[None])[0]
    detectors.reset()
    for window in windows(rows):
        assert (detectors.follow(window[None])[0] == fresh.follow(window[None])[0]).all()


def test_what_was_said_is_not_written_over(bundle, rows):
    """A logit that was given out stays what it was when the next one is worked out."""
    detectors = Detectors(bundle)
    first = detectors.follow(rows[None, :CONTEXT])
    copy = first.copy()
    detectors.follow(rows[None, 1 : 1 + CONTEXT])
    assert (first == copy).all()


@pytest.mark.parametrize("data", [head(2).SerializeToString(), open_wake_word(), b"", b"\x08"])
def test_other_graphs_are_run_as_they_are(data):
    """What is no plain row of convolutions is not rewritten."""
    assert read_convolutions(data) is None


@pytest.mark.parametrize("change", ["pads", "strides", "dilations"])
def test_convolutions_of_another_kind_are_run_as_they_are(change):
    """An attribute that would change what a convolution sees is not passed over."""
    model = onnx.load_model_from_string(fused(trained(1, 1, 4)))
    assert read_convolutions(model.SerializeToString()) is not None
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    convolution.attribute.append(onnx.helper.make_attribute(change, [1, 1] if change == "pads" else [1]))
    assert read_convolutions(model.SerializeToString()) is None


def test_a_linear_bundle_follows_a_stream_too(tmp_path, rows):
    """Where there is no stream, `follow` is `step`."""
    detectors = Detectors(load_bundle(make_bundle(tmp_path)))
    assert detectors._stream is None
    for window in windows(rows)[:3]:
        assert (detectors.follow(window[None])[0] == detectors.step(window)).all()


def test_the_stream_is_onnx():
    """The checker of the `onnx` package finds nothing wrong with it."""
    row = read_convolutions(fused(trained(3, 2, 4)))
    assert row is not None
    for hops in PIECES:
        onnx.checker.check_model(onnx.load_model_from_string(stream_graph(row, hops)), full_check=True)
