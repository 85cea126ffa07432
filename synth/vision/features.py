"""What a frozen EfficientNet-Lite0 makes of pictures: the 1280 numbers that it would have told things by.

The network is the bundle `models/things`; its graph is cut before the matrix that names ImageNet's things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge.bundle import read_files, read_manifest
from edge.classifier import MODEL, Plan, scaled
from edge.errors import ModelError
from edge.manifest import check_common
from edge.manifest_check import MANIFEST
from edge.model_folders import find_bundle
from edge.sessions import session
from synth.vision import kept
from synth.vision.pictures import Picture

THINGS = "things"
LAST = "features"  # the tensor of its graph behind which only the naming comes
Rows = NDArray[np.float32]


class Backbone:
    """The cut network, its preprocessing, and where it came from."""

    def __init__(self) -> None:
        """From the shipped bundle. Raises ModelError where it is not there or is not what it was."""
        folder = find_bundle(THINGS)
        manifest = read_manifest(folder)
        listed = check_common(manifest, "classifier", folder / MANIFEST)
        data = read_files(folder, listed, keep={MODEL})[MODEL]
        self.input: dict[str, Any] = dict(manifest["input"])
        self.plan = Plan.of(self.input, folder / MANIFEST)
        self.licence = str(manifest.get("licence", ""))
        self.licence_file = folder / "LICENSE"
        self.sha256 = listed[MODEL]
        self.model = cut(onnx.load_model_from_string(data), folder)
        self._run = session(self.model.SerializeToString(), folder / MODEL)

    def features(self, tensor: Rows) -> Rows:
        """One picture [1, 3, 224, 224] to its features [1280]."""
        found: Rows = self._run.run(None, {self.plan.name: tensor})[0][0]
        return found


def cut(model: onnx.ModelProto, where: Path) -> onnx.ModelProto:
    """The graph as far as LAST, which becomes its output. Raises ModelError where it has no such tensor."""
    graph = model.graph
    wanted, nodes = {LAST}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    if not nodes:
        raise ModelError(where, f"has no tensor called {LAST}, so it cannot be taught", "use the shipped one")
    kept = [c for c in graph.initializer if c.name in wanted]
    names = {i.name for i in kept}
    out = onnx.helper.make_tensor_value_info(LAST, onnx.TensorProto.FLOAT, None)
    body = onnx.helper.make_graph(nodes[::-1], "backbone", [i for i in graph.input if i.name not in names],
                                  [out], kept)
    done = onnx.helper.make_model(body, opset_imports=model.opset_import, producer_name="heychip")
    done.ir_version = model.ir_version
    return done


def spoiled(pixels: NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator) -> Rows:
    """The picture as somebody else would have taken it: [*size, 3], 0..255. Another part of it, turned a
    little, mirrored or not, in other light."""
    from PIL import Image

    height, width = pixels.shape[:2]
    side = min(height, width) * np.sqrt(rng.uniform(0.4, 1.0))
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    tall, wide = min(side * stretch, height), min(side / stretch, width)
    top, left = rng.uniform(0, height - tall), rng.uniform(0, width - wide)
    angle = np.deg2rad(rng.normal() * 6)
    mirror = rng.choice([-1, 1])
    # From the pixel of the result to that of the picture: what Pillow's affine transform asks for.
    across = np.array([np.cos(angle) * wide / size[1] * mirror, -np.sin(angle) * wide / size[0]])
    down = np.array([np.sin(angle) * tall / size[1] * mirror, np.cos(angle) * tall / size[0]])
    middle = np.array([size[1] / 2, size[0] / 2])
    start = np.array([left + wide / 2, top + tall / 2]) - (across @ middle, down @ middle)
    image = Image.fromarray(pixels)
    factor = max(1, int(min(tall / size[0], wide / size[1])))
    if factor > 1:  # so that no pixel is passed over
        image, across, down, start = image.reduce(factor), across / factor, down / factor, start / factor
    turned = image.transform((size[1], size[0]), Image.Transform.AFFINE,
                             (*across, start[0], *down, start[1]), Image.Resampling.BILINEAR)
    out = np.asarray(turned, np.float32)
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * rng.uniform(0.6, 1.4)
    out = (out - out.mean()) * rng.uniform(0.7, 1.3) + out.mean() * rng.uniform(0.7, 1.3)
    found: Rows = np.clip(out * rng.uniform(0.92, 1.08, 3), 0, 255).astype(np.float32)
    return found


def rows_of(backbone: Backbone, pictures: Sequence[Picture], versions: int, seed: int, jobs: int,
            *, done: Callable[[int], None]) -> Rows:
    """[pictures, 1 + versions, 1280]: of each picture as it is, and of so many spoiled versions. `done(1)`
    after each picture. They are kept: asked for again, they are there."""
    with ThreadPoolExecutor(jobs) as pool:
        found = []
        try:
            for row in pool.map(partial(_rows, backbone, versions, seed), pictures):
                found.append(row)
                done(1)
        except BaseException:  # Ctrl-C above all: what has not begun does not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return np.stack(found)


def _rows(backbone: Backbone, versions: int, seed: int, picture: Picture) -> Rows:
    plan = backbone.plan
    name = kept.key_of("features", backbone.sha256, picture.sha256, versions, seed)
    if (found := kept.load(name)) is not None and "rows" in found:
        return found["rows"]
    rng = np.random.default_rng([seed, int(picture.sha256[:12], 16)])
    images = [scaled(picture.pixels, plan.size, plan.crop)]
    images += [spoiled(picture.pixels, plan.size, rng) for _ in range(versions)]
    tensors = (np.ascontiguousarray(((i - plan.mean) / plan.std).transpose(2, 0, 1)[None]) for i in images)
    rows = np.stack([backbone.features(t) for t in tensors])
    kept.keep(name, {"rows": rows})
    return rows
