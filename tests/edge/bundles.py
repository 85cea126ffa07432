"""Small bundles to test with: real ONNX files, real folders, made in a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.files import sha256_of
from edge.manifest import backbone_hashes

Change = Callable[[dict[str, Any]], object]
FLOAT = TensorProto.FLOAT


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray] | None = None,
    *,
    inputs: Sequence[tuple[str, int, Any]] = (("embeddings", FLOAT, [1, 16, 96]),),
    outputs: Sequence[tuple[str, int, Any]] = (("logits", FLOAT, [1, 2]),),
    opset: int = 17,
    ir_version: int = 8,
) -> onnx.ModelProto:
    """Nodes, weights and ports to a model; nothing is checked."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def head(n_members: int = 2, **ports: Any) -> onnx.ModelProto:
    """Linear detectors: member k adds all numbers of the window, times (k + 1) / 1536, and k."""
    slopes = np.arange(1, n_members + 1, dtype=np.float32) / 1536
    weights = {"w": np.repeat(slopes[None], 1536, axis=0), "b": np.arange(n_members, dtype=np.float32)}
    nodes = [
        helper.make_node("Flatten", ["embeddings"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
    ]
    return model(nodes, weights, **({"outputs": [("logits", FLOAT, [1, n_members])]} | ports))


def open_wake_word(*, batch: int | str | None = 1, score: str = "Sigmoid") -> bytes:
    """A model in the manner of openWakeWord: the score is the sigmoid of the mean of the window."""
    weights = {"w": np.full((1536, 1), 1 / 1536, np.float32)}
    nodes = [
        helper.make_node("Flatten", ["x.1"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["sum"]),
        helper.make_node(score, ["sum"], ["score"]),
    ]
    inputs, outputs = [("x.1", FLOAT, [batch, 16, 96])], [("score", FLOAT, [batch, 1])]
    return model(nodes, weights, inputs=inputs, outputs=outputs).SerializeToString()


def crasher() -> bytes:
    """A model that kills its process: the least int64 has no quotient with -1, and x86 traps (SIGFPE)."""
    weights = {"least": np.array([-(2**63)]), "minus": np.array([-1])}
    nodes = [
        helper.make_node("Cast", ["embeddings"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Sub", ["whole", "whole"], ["zero"]),  # so that nothing can be worked out beforehand
        helper.make_node("Add", ["zero", "least"], ["over"]),
        helper.make_node("Add", ["zero", "minus"], ["under"]),
        helper.make_node("Div", ["over", "under"], ["crash"]),
        helper.make_node("Cast", ["crash"], ["float"], to=FLOAT),
        helper.make_node("ReduceMax", ["float"], ["most"], keepdims=0),
        helper.make_node("Constant", [], ["two"], value_ints=[1, 2]),
        helper.make_node("Expand", ["most", "two"], ["logits"]),
    ]
    return model(nodes, weights).SerializeToString()


def manifest_of(n_members: int, files: dict[str, str]) -> dict[str, Any]:
    """A manifest as `heychip-synth make` writes it."""
    return {
        "schema": 1,
        "kind": "hotword",
        "word": "hey test",
        "language": "en-us",
        "spellings": ["hey test", "hay test"],
        "members": [
            {"name": f"m{k}", "trained_on": "all voices", "threshold": 1.5 + k} for k in range(n_members)
        ],
        "frontend": {"rate_hz": 16000, "hop_ms": 10, "mels": 32, "fft": 512, "scale": "int16"},
        "backbone": {
            "name": "speech_embedding",
            "sha256": sorted(backbone_hashes("speech_embedding"))[0],
            "frames": 16,
            "size": 96,
        },
        "calibration": {
            "target_false_accepts_per_hour": 0.5,
            "found_on": {"hours": 6.0, "of": "other voices", "method": "peaks over threshold"},
            "false_accepts": {"events": 3, "hours": 12.0, "per_hour": 0.25, "ci95": [0.05, 0.73]},
            "misses": {
                "clean": {"misses": 6, "of": 120, "percent": 5.0, "ci95": [2.3, 10.5]},
                "10 dB": {"misses": 36, "of": 120, "percent": 30.0, "ci95": [22.5, 38.7]},
            },
            "families": {"espeak": {"misses": 6, "of": 120, "percent": 5.0, "ci95": [2.3, 10.5]}},
            "latency_s": {"median": -0.06, "p95": 0.12},
        },
        "voices": [{"engine": "espeak", "count": 8, "licence": "GPL-3.0"}],
        "data": [{"name": "prompts", "licence": "CC-BY-SA-3.0"}],
        "seed": 7,
        "versions": {"heychip": "0.1.0"},
        "golden": {"file": "golden.wav", "heard": True, "margin": 2.0},
        "files": files,
    }


def make_bundle(
    tmp_path: Path,
    n_members: int = 2,
    *,
    name: str = "hey_test",
    onnx_bytes: bytes | None = None,
    change: Change = dict.copy,
) -> Path:
    """A whole bundle in `tmp_path / name`; `change` may alter the manifest before it is written."""
    folder = tmp_path / name
    folder.mkdir(parents=True)
    contents = {
        "detectors.onnx": head(n_members).SerializeToString() if onnx_bytes is None else onnx_bytes,
        "golden.wav": b"RIFF, or so",
        "report.html": b"<p>5 % missed</p>",
    }
    for file, data in contents.items():
        (folder / file).write_bytes(data)
    manifest = manifest_of(n_members, {file: sha256_of(data) for file, data in contents.items()})
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def change_manifest(folder: Path, change: Change) -> Path:
    """Alter the manifest of a bundle that is there."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    return folder
