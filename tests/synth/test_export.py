"""The exported file: what was trained, in one graph, that the scan of the edge lets pass."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edge.backbone import CONTEXT, SIZE
from edge.detectors import check_contract
from edge.onnx_scan import scan
from edge.sessions import session
from synth.export import fused, parity
from synth.train import Trained, logits_of
from tests.synth.toy import learned, toy, untrained


def windows_of(count: int) -> np.ndarray:
    """Embeddings [count, 16, 96] as large as real ones."""
    return np.random.default_rng(5).normal(0, 10, (count, CONTEXT, SIZE)).astype(np.float32)


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("nets", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_untrained_members_survive_the_export(count: int, nets: int, heads: int) -> None:
    """The file gives the logits of training for any number of members, of networks in each and of members
    that share these, to 1e-4."""
    trained, examples = untrained(count, nets=nets, heads=heads), toy(60)
    windows = examples.rows.reshape(-1, CONTEXT, SIZE).astype(np.float32)
    assert parity(fused(trained), windows, logits_of(trained, examples)) < 1e-4


def test_trained_members_survive_the_export() -> None:
    """So it does after training, when the logits are far from zero."""
    examples = toy(300, seed=7)
    logits = logits_of(learned(), examples)
    assert np.abs(logits).max() > 2
    windows = examples.rows.reshape(-1, CONTEXT, SIZE).astype(np.float32)
    assert parity(fused(learned()), windows, logits) < 1e-4


def test_parity_notices_a_difference() -> None:
    """A file of other weights is not taken for the same: the check that guards the export can fail."""
    examples = toy(60)
    windows = examples.rows.reshape(-1, CONTEXT, SIZE).astype(np.float32)
    logits = logits_of(untrained(2, seed=1), examples)
    assert parity(fused(untrained(2, seed=2)), windows, logits) > 0.01
    swapped = logits[:, ::-1]
    assert parity(fused(untrained(2, seed=1)), windows, swapped) > 0.01


@pytest.mark.parametrize("count", [1, 4])
def test_the_edge_takes_the_file(count: int) -> None:
    """It passes the scan and the contract of `edge`, with one output for each member."""
    summary = scan(fused(untrained(count)), "detectors.onnx")
    check_contract(summary.inputs, summary.outputs, count, "detectors.onnx")


def test_members_stay_apart() -> None:
    """Fused members do not hear each other: each answers as it does alone."""
    together = untrained(3)
    all_of_them = session(fused(together), "all")
    for member in range(3):
        params = {k: v[member : member + 1] for k, v in together.params.items()}
        alone = session(fused(Trained(params, together.mean, together.scale)), "one")
        for window in windows_of(5):
            feeds = {"embeddings": window[None]}
            wanted = all_of_them.run(None, feeds)[0][0, member]
            assert alone.run(None, feeds)[0][0, 0] == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_the_same_weights_give_the_same_bytes() -> None:
    """Exporting twice gives one sha256, so that a bundle can be compared by it."""
    assert fused(untrained(2)) == fused(untrained(2))
    assert fused(untrained(2)) != fused(untrained(2, seed=1))


def test_old_runtimes_can_read_it() -> None:
    """Opset 13 and IR version 8: ONNX Runtime of 2022 and later loads it."""
    model = onnx.load_model_from_string(fused(untrained(1)))
    assert model.ir_version <= 8
    assert [opset.version for opset in model.opset_import] == [13]
