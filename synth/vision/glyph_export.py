"""A trained reader of glyphs as an ONNX file, written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge.errors import UsageError
from edge.ink import SIDE
from edge.sessions import session
from synth.export import serialised
from synth.vision.glyph_net import FOLDED, LAYERS, POOLED, logits

INPUT = {"name": "image", "size": [SIDE, SIDE], "mean": 127.5, "std": 127.5, "layout": "NCHW",
         "colour": "ink"}
PARITY = 1e-3  # of a probability


def exported(params: Mapping[str, NDArray[np.float32]]) -> bytes:
    """`image` [1, 1, SIDE, SIDE], -1..1, to `probabilities` [1, classes]. Deterministic bytes."""
    weights: dict[str, NDArray[Any]] = {}
    nodes, now = [], "image"
    for k, (side, _, _) in enumerate(LAYERS):
        if k in FOLDED:  # ONNX orders the channels as the network does: row, column, channel
            nodes.append(helper.make_node("SpaceToDepth", [now], [f"folded{k}"], blocksize=2))
            now = f"folded{k}"
        weights[f"w{k}"], weights[f"b{k}"] = params[f"w{k}"].transpose(3, 2, 0, 1), params[f"b{k}"]
        nodes += [helper.make_node("Conv", [now, f"w{k}", f"b{k}"], [f"conv{k}"], pads=[side // 2] * 4),
                  helper.make_node("Relu", [f"conv{k}"], [f"relu{k}"])]
        now = f"relu{k}"
    channels, classes = LAYERS[-1][-1], len(params["b"])
    matrix = params["w"].reshape(POOLED, POOLED, channels, classes).transpose(2, 0, 1, 3)
    weights["w"], weights["b"] = matrix.reshape(-1, classes), params["b"]
    nodes += [
        helper.make_node("AveragePool", [now], ["pooled"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "w", "b"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "glyphs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, classes])],
        [numpy_helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in weights.items()],
    )
    return serialised(graph)


def check_parity(data: bytes, params: Mapping[str, NDArray[np.float32]],
                 pictures: NDArray[np.float32]) -> None:
    """Raises UsageError where the file says of `pictures` [n, SIDE, SIDE], 0..1, anything else than the
    network that was trained."""
    run = session(data, "model.onnx")
    found = np.concatenate([run.run(None, {"image": p[None, None] * 2 - 1})[0] for p in pictures])
    wanted = np.asarray(logits(dict(params), pictures))
    wanted = np.exp(wanted - wanted.max(axis=1, keepdims=True))
    worst = float(np.abs(found - wanted / wanted.sum(axis=1, keepdims=True)).max())
    if worst > PARITY:
        raise UsageError(f"the exported file differs from what was trained by {worst:.1e}; please report "
                         "this")
