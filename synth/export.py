"""Members to one ONNX file: fused, so that many cost about what one does. The mean of a member's networks is
in its last convolution, which sees all of them."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge.backbone import CONTEXT, SIZE
from edge.errors import UsageError
from edge.sessions import session
from synth.dataset import Examples
from synth.train import Trained

OPSET, IR = 13, 8
PARITY = 1e-4


def fused(trained: Trained) -> bytes:
    """`embeddings` [1, 16, 96] to `logits` [1, N]: one convolution for the first layer of all networks,
    grouped ones for the others, the scaling of the embeddings folded into the first. Members that share their
    networks are one group of the last. Deterministic bytes."""
    w1, b1, w2, b2, w3, b3 = (trained.params[k] for k in ("w1", "b1", "w2", "b2", "w3", "b3"))
    nets, _, _, channels = w1.shape
    groups, heads, members = trained.groups, trained.heads, trained.members
    apart = w3.reshape(groups, trained.nets, heads, -1, channels).transpose(0, 2, 1, 4, 3)
    scaled = w1 * trained.scale[None, None, :, None]
    bias = b1 - np.einsum("nkic,i->nc", scaled, trained.mean)
    weights = {
        "w1": scaled.transpose(0, 3, 2, 1).reshape(nets * channels, SIZE, -1),
        "b1": bias.reshape(-1),
        "w2": w2.transpose(0, 3, 2, 1).reshape(nets * channels, channels, -1),
        "b2": b2.reshape(-1),
        "w3": apart.reshape(members, trained.nets * channels, -1) / trained.nets,
        "b3": b3.reshape(groups, trained.nets, heads).mean(axis=1).reshape(members),
    }
    nodes = [
        helper.make_node("Transpose", ["embeddings"], ["x"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["x", "w1", "b1"], ["h1"]),
        helper.make_node("Relu", ["h1"], ["a1"]),
        helper.make_node("Conv", ["a1", "w2", "b2"], ["h2"], group=nets),
        helper.make_node("Relu", ["h2"], ["a2"]),
        helper.make_node("Conv", ["a2", "w3", "b3"], ["h3"], group=groups),
        helper.make_node("Flatten", ["h3"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "heychip",
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [1, CONTEXT, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, members])],
        [numpy_helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in weights.items()],
    )
    return serialised(graph)


def serialised(graph: onnx.GraphProto) -> bytes:
    """The bytes of a model, always the same for the same graph; checked."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="heychip")
    model.ir_version = IR
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def check_parity(data: bytes, examples: Examples, logits: NDArray[np.float32]) -> None:
    """Raises UsageError where the exported file says of `examples` anything else than training, whose logits
    [H, N] these are; 64 hops of all are tried."""
    sample = np.linspace(0, len(examples.first) - 1, 64).astype(int)
    windows = np.stack([examples.rows[f : f + CONTEXT] for f in examples.first[sample]]).astype(np.float32)
    if (worst := parity(data, windows, logits[sample])) > PARITY:
        raise UsageError(f"the exported file differs from what was trained by {worst:.1e}; please report "
                         "this")


def parity(data: bytes, windows: NDArray[np.float32], logits: NDArray[np.float32]) -> float:
    """The largest relative difference between the exported file on windows [K, 16, 96] and the logits [K, N]
    that training saw."""
    run = session(data, "detectors.onnx")
    found = np.concatenate([run.run(None, {"embeddings": window[None]})[0] for window in windows])
    return float((np.abs(found - logits) / (1 + np.abs(logits))).max())
