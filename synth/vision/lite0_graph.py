"""EfficientNet-Lite0 as an ONNX graph that is written by hand, out of layers from torch or from its weights.

It is 49 convolutions and one matrix, and so the batch norms are folded in, the padding sits in the
convolutions and the large weights are stored in one byte each, with one scale per output channel
(Krishnamoorthi 2018, https://arxiv.org/abs/1806.08342, section 3.1). The arithmetic stays float32: `Cast` and
`Mul` stand on constants, so ONNX Runtime folds them away when it loads the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

SIZE = 224  # of the square picture, in pixels
SMALL = 130_000  # weights of fewer numbers stay float16: the early layers cost 0.9 MB and most of the error


@dataclass(frozen=True)
class Layer:
    """A convolution with its batch norm folded in."""

    weight: Floats
    """[out, in / groups, k, k]"""
    bias: Floats
    """[out]"""
    stride: int
    pads: tuple[int, int, int, int]
    """top, left, bottom, right"""
    groups: int
    clipped: bool
    """whether a ReLU6 follows"""
    starts: bool = False
    """whether its input is what a later `adds` layer adds"""
    adds: bool = False
    """whether the input of the last `starts` layer is added to its output"""


class Graph:
    """An ONNX graph under construction; tensors are named by what made them."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, values: NDArray[Any], name: str) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, values: Floats, name: str) -> str:
        """A float32 tensor, stored as `store` says; int8 has one scale per output channel (first axis)."""
        if self.store == "float32":
            return self.constant(values, name)
        if self.store == "float16" or values.size < SMALL:
            return self.node(
                "Cast", [self.constant(values.astype(np.float16), f"{name}_h")], name, to=TensorProto.FLOAT
            )
        scale = np.abs(values.reshape(len(values), -1)).max(axis=1) / 127
        scale = (
            np.maximum(scale, np.finfo(np.float32).tiny)
            .reshape(-1, *[1] * (values.ndim - 1))
            .astype(np.float32)
        )
        steps = self.constant(np.rint(values / scale).astype(np.int8), f"{name}_q")
        whole = self.node("Cast", [steps], f"{name}_f", to=TensorProto.FLOAT)
        return self.node("Mul", [whole, self.constant(scale, f"{name}_s")], name)


def graph_of(parts: Iterable[Layer], matrix: Floats, bias: Floats, store: str) -> onnx.ModelProto:
    """Layers, then a matrix [1000, 1280]: `image` [1, 3, 224, 224] to `probabilities` [1, 1000], float32."""
    graph = Graph(store)
    zero = graph.constant(np.zeros((), np.float32), "zero")
    six = graph.constant(np.full((), 6, np.float32), "six")
    now = skipped = "image"
    for k, layer in enumerate(parts):
        if layer.starts:
            skipped = now
        inputs = [now, graph.weight(layer.weight, f"w{k}"), graph.constant(layer.bias, f"b{k}")]
        shape = {"kernel_shape": layer.weight.shape[2:], "strides": [layer.stride] * 2, "pads": layer.pads}
        now = graph.node("Conv", inputs, f"conv{k}", group=layer.groups, **shape)
        if layer.clipped:
            now = graph.node("Clip", [now, zero, six], f"clip{k}")
        if layer.adds:
            now = graph.node("Add", [now, skipped], f"add{k}")
    now = graph.node("Flatten", [graph.node("GlobalAveragePool", [now], "pooled")], "features")
    last = [now, graph.weight(matrix, "w"), graph.constant(bias, "b")]
    now = graph.node("Gemm", last, "logits", transB=1)
    graph.node("Softmax", [now], "probabilities", axis=1)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 1000])
    body = helper.make_graph(graph.nodes, "efficientnet_lite0", [image], [out], graph.constants)
    done = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], producer_name="heychip")
    done.ir_version = 8
    onnx.checker.check_model(done)
    return done
