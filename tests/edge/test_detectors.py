"""The detectors of a bundle: numbers, contract, and files in the manner of openWakeWord."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundles import FLOAT, head, make_bundle, model, open_wake_word
from onnx import helper

from edge.bundle import Bundle, load_bundle
from edge.detectors import Detectors, check_contract, logit
from edge.errors import ModelError
from edge.manifest import Manifest, Member
from edge.onnx_scan import Port


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are remembered in a folder of this test only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((*shape, 16, 96)).astype(np.float32)


def trusted(onnx_bytes: bytes, members: int = 1, *, probability: bool = True) -> Bundle:
    """A bundle that nobody has looked through, as if it had been shipped: the first run must tell."""
    rows = tuple(Member(f"m{k}", "", 0.0) for k in range(members))
    return Bundle(Path("x"), Manifest("w", rows), onnx_bytes, probability=probability, shipped=True)


def test_names_thresholds_and_word_come_from_the_manifest(tmp_path: Path) -> None:
    """In the order of the outputs, thresholds as float32."""
    detectors = Detectors(load_bundle(make_bundle(tmp_path, 3)))
    assert detectors.word == "hey test"
    assert detectors.names == ("m0", "m1", "m2")
    assert detectors.thresholds.dtype == np.float32
    assert detectors.thresholds.tolist() == [1.5, 2.5, 3.5]


def test_a_step_gives_the_logits_of_every_member(tmp_path: Path) -> None:
    """Member k of the test head gives the mean times (k + 1), plus k."""
    detectors = Detectors(load_bundle(make_bundle(tmp_path, 3)))
    window = noise() + 2
    out = detectors.step(window)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, window.mean() * np.array([1, 2, 3]) + np.array([0, 1, 2]), atol=1e-5)


def test_189_members_are_one_run(tmp_path: Path) -> None:
    """As many as the original installation had, in one file and one session."""
    detectors = Detectors(load_bundle(make_bundle(tmp_path, 189)))
    assert detectors.step(noise()).shape == (189,)


@pytest.mark.parametrize("batch", [1, None, "N"])
def test_a_score_becomes_its_logit(tmp_path: Path, batch: int | str | None) -> None:
    """For an openWakeWord file the sigmoid is undone, so that a threshold means the same everywhere."""
    (tmp_path / "alexa.onnx").write_bytes(open_wake_word(batch=batch))
    detectors = Detectors(load_bundle(tmp_path / "alexa.onnx"))
    window = noise() + 1
    np.testing.assert_allclose(detectors.step(window), [window.mean()], atol=1e-5)
    assert detectors.thresholds.tolist() == [0.0]
    assert detectors.names == ("alexa",)


def test_logits_are_clipped_and_nonsense_is_no_number() -> None:
    """0 and 1 become finite logits; what is outside 0..1 becomes NaN, which wakes nobody."""
    found = logit(np.array([0, 0.5, 1, np.nan, -0.1, 1.1, np.inf], np.float32))
    assert found[0] == -found[2]
    assert -17 < found[0] < -16
    assert found[1] == 0
    assert np.isnan(found[3:]).all()


def test_nan_in_gives_nan_out_and_is_forgotten(tmp_path: Path) -> None:
    """A window that is no number spoils its own answer only: detectors keep no state."""
    detectors = Detectors(load_bundle(make_bundle(tmp_path)))
    window = noise()
    before = detectors.step(window)
    assert np.isnan(detectors.step(np.full((16, 96), np.nan, np.float32))).all()
    np.testing.assert_array_equal(detectors.step(window), before)


@pytest.mark.parametrize(
    ("inputs", "outputs", "part"),
    [
        ([Port("mel", "float32", (1, 16, 96))], None, "found 'mel' float32 [1,16,96], expected 'embeddings'"),
        ([Port("embeddings", "float32", (16, 96))], None, "[16,96]"),
        ([Port("embeddings", "float32", (1, 28, 96))], None, "[1,28,96]"),
        ([Port("embeddings", "float32", ("N", 16, 96))], None, "[N,16,96]"),
        ([Port("embeddings", "float32", None)], None, "[?]"),
        ([Port("embeddings", "float16", (1, 16, 96))], None, "float16"),
        ([], None, "found none"),
        ([Port("embeddings", "float32", (1, 16, 96)), Port("h", "float32", (1, 8))], None, "'h' float32"),
        (None, [Port("score", "float32", (1, 2))], "expected 'logits' float32 [1,2]"),
        (None, [Port("logits", "float32", (1, 3))], "found 'logits' float32 [1,3]"),
        (None, [Port("logits", "int64", (1, 2))], "int64"),
        (None, [Port("logits", "float32", (1, 2)), Port("more", "float32", (1, 2))], "'more'"),
        (None, [], "found none"),
    ],
)
def test_a_bundle_that_breaks_the_contract_is_refused(
    inputs: list[Port] | None, outputs: list[Port] | None, part: str
) -> None:
    """Names, ranks, types, sizes and numbers of ports must be those of the contract."""
    good_in, good_out = [Port("embeddings", "float32", (1, 16, 96))], [Port("logits", "float32", (1, 2))]
    check_contract(good_in, good_out, 2, "x")
    with pytest.raises(ModelError) as caught:
        check_contract(
            good_in if inputs is None else inputs, good_out if outputs is None else outputs, 2, "x.onnx"
        )
    assert part in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("shape_in", "shape_out", "fits"),
    [
        ((1, 16, 96), (1, 1), True),
        ((None, 16, 96), (None, 1), True),
        (("N", 16, 96), None, True),
        ((1, 16, 96), (1,), True),
        ((1, 16, 96), (), True),
        ((2, 16, 96), (2, 1), False),
        ((1, 28, 96), (1, 1), False),
        ((1, 16, 96), (1, 7), False),
        ((16, 96), (1, 1), False),
        (None, (1, 1), False),
    ],
)
def test_what_an_open_wake_word_file_may_look_like(
    shape_in: tuple[int, ...] | None, shape_out: tuple[int, ...] | None, fits: bool
) -> None:
    """Any names, an open batch, one score; other lengths of window and several words are refused."""
    ports = [Port("x.1", "float32", shape_in)], [Port("39", "float32", shape_out)]
    if fits:
        check_contract(*ports, 1, "x", probability=True)
    else:
        with pytest.raises(ModelError):
            check_contract(*ports, 1, "x", probability=True)


def test_logits_without_a_manifest_are_refused(tmp_path: Path) -> None:
    """The detectors of a bundle, taken out of it, would be read as scores; they are refused instead."""
    path = tmp_path / "torn_out.onnx"
    path.write_bytes(head(1).SerializeToString())
    with pytest.raises(ModelError, match="thresholds only the manifest"):
        load_bundle(path)


def test_the_first_run_finds_scores_outside_0_and_1() -> None:
    """A file whose output is no probability is refused when it is loaded, not when it wakes the house."""
    with pytest.raises(ModelError, match=r"a score is in 0\.\.1"):
        Detectors(trusted(open_wake_word(score="Relu")))


def test_the_first_run_finds_other_sizes() -> None:
    """What comes out counts, not what the file says of it."""
    node = helper.make_node("Sigmoid", ["embeddings"], ["y"])
    proto = model([node], outputs=[("y", FLOAT, None)])
    with pytest.raises(ModelError, match=r"does not fit|gives 1536 numbers"):
        Detectors(trusted(proto.SerializeToString()))


def test_what_a_session_says_is_checked_too() -> None:
    """Bytes that nobody scanned are still held to the contract by what ONNX Runtime says of them."""
    with pytest.raises(ModelError, match="does not fit"):
        Detectors(trusted(head(3).SerializeToString(), 2, probability=False))
