"""Multiply-adds of a step of 80 ms, counted from the graphs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge.bundle import Bundle
from edge.files import sha256_of
from edge.frontend import FFT, FRAMES_PER_STEP, MELS, WINDOW, mel_graph
from edge.hop_detectors import read_convolutions, stream_graph
from edge.sessions import session

# Operators that multiply, and which of their inputs is the weight.
CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
PRODUCTS = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
ACTIVATIONS = ("LeakyRelu", "Relu", "Max", "Clip", "PRelu", "Sigmoid", "Tanh")
SQUARE = 512  # of the product that shows what a core can do


def of_graph(data: bytes, feeds: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """`multiply_adds` of one run of a graph on these inputs, and `activations`, the numbers that go through
    an activation. Every output is looked at as it comes out, so no shape has to be guessed."""
    model = onnx.load_from_string(data)
    weights = {one.name: list(one.dims) for one in model.graph.initializer}
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=node.output[0]) for node in model.graph.node)
    outputs = session(model.SerializeToString(), "graph").run(None, dict(feeds))
    found = {"multiply_adds": 0, "activations": 0}
    for node, out in zip(model.graph.node, outputs, strict=True):
        if node.op_type in CONVOLUTIONS:
            shape = weights[node.input[CONVOLUTIONS[node.op_type]]]
            found["multiply_adds"] += out.size * int(np.prod(shape[1:]))
        elif node.op_type in PRODUCTS:
            shape = weights[node.input[PRODUCTS[node.op_type]]]
            found["multiply_adds"] += out.size * int(np.prod(shape[-2:])) // out.shape[-1]
        elif node.op_type in ACTIVATIONS:
            found["activations"] += out.size
    return found


def of_file(data: bytes, where: str, **shapes: tuple[int, ...]) -> dict[str, int]:
    """One run of a graph on zeros; `shapes` are of the inputs whose own are not fixed."""
    inputs = session(data, where).get_inputs()
    return of_graph(data, {one.name: np.zeros(shapes.get(one.name, one.shape), np.float32) for one in inputs})


def of_backbone(data: bytes) -> dict[str, int]:
    """One step of the streaming backbone."""
    return of_file(data, "backbone.onnx", mel=(1, 1, FRAMES_PER_STEP, MELS))


def of_detectors(bundle: Bundle) -> dict[str, int]:
    """One decision of a bundle, going on from the one before where its graph can."""
    row = read_convolutions(bundle.onnx)
    return of_file(bundle.onnx if row is None else stream_graph(row, 1), "detectors.onnx")


def of_front_end() -> dict[str, int]:
    """The mel frames of a step. `dense` is the reference with its product by a whole Fourier matrix."""
    dense = 2 * FFT * (FFT // 2 + 1) + (FFT // 2 + 1) * (2 + MELS)
    half = (FRAMES_PER_STEP, WINDOW // 2)  # the even and the odd part of each frame
    return of_file(mel_graph(), "the front end", even=half, odd=half) | {"dense": FRAMES_PER_STEP * dense}


def of_core(seconds: float = 1.0) -> float:
    """Multiply-adds a CPU second that this machine reaches in what suits it best: the product of two square
    matrices of 32-bit numbers, by numpy. The best of many, as it is to be a limit."""
    a = np.random.default_rng(0).standard_normal((SQUARE, SQUARE)).astype(np.float32)
    best, ends = 0.0, time.monotonic() + seconds
    while time.monotonic() < ends:
        before = time.process_time()
        np.dot(a, a)
        best = max(best, SQUARE**3 / (time.process_time() - before))
    return best


def told(bundle: Bundle, backbone: bytes) -> dict[str, Any]:
    """All of it for one bundle."""
    return {"front_end": of_front_end(), "backbone": of_backbone(backbone) | {"sha256": sha256_of(backbone)},
            "detectors": of_detectors(bundle), "core_per_s": of_core(), "square": SQUARE}
