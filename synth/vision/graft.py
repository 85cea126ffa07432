"""The frozen network and the new head as one ONNX file."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from synth.vision.features import LAST, Backbone
from synth.vision.head import Head


def grafted(backbone: Backbone, head: Head) -> bytes:
    """`image` [1, 3, 224, 224] to `probabilities` [1, classes]. Deterministic bytes."""
    body = backbone.model.graph
    near = np.zeros((1, len(head.mean)), np.float32) if head.near is None else head.near
    pull = np.zeros((1, len(head.bias)), np.float32)
    pull[0, -1] = head.pull  # of all classes only "unknown" is moved
    constants = {"head_mean": head.mean[None], "head_weights": head.weights, "head_bias": head.bias,
                 "head_near": near.T, "head_pull": pull}
    nodes = [
        helper.make_node("Sub", [LAST, "head_mean"], ["head_centred"]),
        helper.make_node("LpNormalization", ["head_centred"], ["head_unit"], axis=1, p=2),
        helper.make_node("Gemm", ["head_unit", "head_weights", "head_bias"], ["head_classes"]),
        helper.make_node("MatMul", ["head_unit", "head_near"], ["head_cosines"]),
        helper.make_node("TopK", ["head_cosines", "head_one"], ["head_nearest", "head_which"], axis=1),
        helper.make_node("Mul", ["head_nearest", "head_pull"], ["head_pulled"]),
        helper.make_node("Sub", ["head_classes", "head_pulled"], ["head_logits"]),
        helper.make_node("Softmax", ["head_logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        [*body.node, *nodes], "taught", list(body.input),
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(head.bias)])],
        [*body.initializer, numpy_helper.from_array(np.array([1], np.int64), "head_one"),
         *(numpy_helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in constants.items())],
    )
    model = helper.make_model(graph, opset_imports=backbone.model.opset_import, producer_name="heychip")
    model.ir_version = backbone.model.ir_version
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
