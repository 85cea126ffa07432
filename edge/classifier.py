"""Says what is in a picture: a vision bundle (`models/things`), one picture at a time.

The pixels of a `Frame` are always RGB; each camera sees to that. Pictures are scaled here, in numpy, because
a Pi has no Pillow unless somebody installs it; and properly, because taking every n-th pixel would feed the
network patterns that are not in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import read_files, read_manifest
from edge.errors import DeviceError, ModelError
from edge.events import Frame, Seen
from edge.ink import SIDE, ink
from edge.manifest import check_common
from edge.manifest_check import MANIFEST
from edge.model_folders import find_bundle, is_shipped
from edge.onnx_scan import CLASSIFIER_CAP_BYTES, scan
from edge.sessions import session
from edge.trial import try_first

MODEL = "model.onnx"
REMEDY = "models/things has an example"
COLOURS = ("RGB", "BGR", "grey", "ink")
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # shares of red, green and blue (ITU-R BT.601)
TOP = 5
DARK = 8.0  # mean of a picture, of 255, below which nobody could say what is in it
MAX_SIDE = 16_384  # pixels; beyond that it is not a picture but a mistake


class ClassifierError(DeviceError):
    """A frame that cannot be classified: the camera gave something odd. Skip it, count it, go on."""


class Classifier:
    """A network over pictures and the names of its outputs. Holds no state between pictures."""

    labels: tuple[str, ...]
    """in the order of the outputs"""

    def __init__(self, folder: Path) -> None:
        """The bundle in `folder`, every file compared with its sha256. ModelError where it is refused."""
        manifest = read_manifest(folder)
        listed = check_common(manifest, "classifier", folder / MANIFEST)
        names = str(manifest.get("labels", "labels.txt"))
        contents = read_files(folder, listed, keep={MODEL, names})
        if missing := {MODEL, names} - set(contents):
            raise ModelError(folder / MANIFEST, f"files does not list {', '.join(sorted(missing))}")
        self.name = str(manifest.get("name", folder.name))
        self.labels = _labels(contents[names], folder / names)
        self._where = folder / MODEL
        self._plan = Plan.of(manifest.get("input"), folder / MANIFEST)
        scan(contents[MODEL], self._where, cap_bytes=CLASSIFIER_CAP_BYTES)
        if not is_shipped(folder):
            try_first(contents[MODEL], self._where)
        self._session = session(contents[MODEL], self._where)
        self._check()

    @classmethod
    def load(cls, where: Path | str) -> Classifier:
        """The vision bundle at the path, or of the name, `where`. ModelError where there is none to use."""
        folder = find_bundle(where)
        if not folder.is_dir():
            raise ModelError(folder, "is no vision bundle", "give the folder with its manifest.json")
        return cls(folder)

    def classify(self, frame: Frame) -> Seen:
        """The most likely label of `frame`, and the five most likely; no label ("") where it is dark, or
        where nothing is written.

        ClassifierError where the pixels are not uint8 [height, width, 3] or the network fails on them.
        """
        pixels = checked(frame)
        tensor = self._plan.tensor(pixels)
        if not tensor.any() if self._plan.colour == "ink" else is_dark(pixels):
            return Seen(label="", score=0.0, source=frame.source, dark=self._plan.colour != "ink")
        probabilities = self._run(tensor)[0]
        if not np.isfinite(probabilities).all():
            raise ClassifierError(
                f"{frame.source}: the model {self.name} gave a number that is none (NaN); skipped"
            )
        best = np.argsort(-probabilities, kind="stable")[:TOP]
        top = tuple((self.labels[i], float(probabilities[i])) for i in best)
        return Seen(label=top[0][0], score=top[0][1], source=frame.source, top=top)

    def _run(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return np.asarray(self._session.run(None, {self._plan.name: tensor})[0], np.float32)
        except Exception as error:  # ONNX Runtime raises classes of its own, all of them plain Exceptions
            raise ClassifierError(f"{self._where}: the model failed: {str(error).splitlines()[0]}") from error

    def _check(self) -> None:
        """The graph against the manifest and the labels, with one run on grey."""
        found = [i.name for i in self._session.get_inputs()]
        if found != [self._plan.name]:
            raise ModelError(
                self._where, f"its manifest says input {self._plan.name!r}, the model has {found}"
            )
        grey = np.full((*self._plan.size, 3), 128, np.uint8)
        try:
            out = self._run(self._plan.tensor(grey))
        except ClassifierError as error:
            raise ModelError(
                self._where, f"the model does not take what its manifest says: {error}"
            ) from error
        if out.shape != (1, len(self.labels)):
            reason = f"the model answers with {list(out.shape)}, its labels are {len(self.labels)}"
            raise ModelError(self._where, reason, "it needs one line for every output")


@dataclass(frozen=True)
class Plan:
    """How pixels become the tensor that a network was trained on: the `input` of a manifest."""

    name: str
    """of the graph's input"""
    size: tuple[int, int]
    """height and width in pixels"""
    mean: float
    """what is taken from a pixel of 0..255"""
    std: float
    """by what it is then divided"""
    crop: float
    """the share of the limiting side that is looked at, 0..1"""
    layout: str
    """NCHW or NHWC"""
    colour: str
    """RGB or BGR; or one channel: grey, or ink, as `edge.ink` finds and frames it"""

    @classmethod
    def of(cls, told: Any, where: object) -> Plan:
        """The plan that a manifest tells. ModelError where it cannot be followed."""
        try:
            height, width = (int(n) for n in told["size"])
            plan = cls(
                name=str(told["name"]),
                size=(height, width),
                mean=float(told["mean"]),
                std=float(told["std"]),
                crop=float(told.get("crop", 1.0)),
                layout=str(told.get("layout", "NCHW")),
                colour=str(told.get("colour", "RGB")),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                where, f"input is not understood: {type(error).__name__} {error}", REMEDY
            ) from error
        good = 1 <= min(plan.size) <= max(plan.size) <= 1024 and plan.std > 0 and 0.1 <= plan.crop <= 1
        if not good or plan.layout not in {"NCHW", "NHWC"} or plan.colour not in COLOURS:
            raise ModelError(where, f"input cannot be used: {told}", REMEDY)
        if plan.colour == "ink" and plan.size != (SIDE, SIDE):
            reason = f"input: ink has the size [{SIDE}, {SIDE}], not {list(plan.size)}"
            raise ModelError(where, reason, REMEDY)
        return plan

    def tensor(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB uint8 [height, width, 3] as float32 [1, channels, h, w], or [1, h, w, channels] where the
        layout is NHWC. Of colour ink it is all zeros where nothing is written."""
        if self.colour == "ink":
            written = ink(pixels)
            if written is None:
                shape = (1, 1, SIDE, SIDE) if self.layout == "NCHW" else (1, SIDE, SIDE, 1)
                return np.zeros(shape, np.float32)
            image = (written[..., None] - self.mean) / self.std
        else:
            image = (scaled(pixels, self.size, self.crop) - self.mean) / self.std
        if self.colour == "BGR":
            image = image[..., ::-1]
        elif self.colour == "grey":
            image = image @ GREY[:, None]
        if self.layout == "NCHW":
            image = image.transpose(2, 0, 1)
        return np.ascontiguousarray(image[None], np.float32)


def _labels(data: bytes, where: object) -> tuple[str, ...]:
    """One label a line, in the order of the outputs."""
    labels = tuple(line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip())
    if not labels:
        raise ModelError(where, "holds no labels", "it needs one line for every output of the model")
    return labels


def checked(frame: Frame) -> NDArray[np.uint8]:
    """The pixels of `frame`, or ClassifierError naming what is odd about them."""
    pixels = frame.pixels
    shape, kind = getattr(pixels, "shape", None), getattr(pixels, "dtype", type(pixels).__name__)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise ClassifierError(f"{frame.source}: pixels are {kind}, expected uint8 0..255; frame skipped")
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ClassifierError(
            f"{frame.source}: shape {shape}, expected (height, width, 3), RGB; frame skipped"
        )
    if not 1 <= min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= MAX_SIDE:
        raise ClassifierError(
            f"{frame.source}: shape {shape}, sides must be 1 to {MAX_SIDE} pixels; frame skipped"
        )
    return pixels


def is_dark(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture is too dark to say anything of; every fourth row and column is enough to tell."""
    return float(pixels[::4, ::4].mean()) < DARK


@lru_cache(maxsize=16)
def _taps(length: int, start: float, end: float, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which of `length` pixels make each of `wanted` over start..end, and their shares: both [wanted, taps].

    A triangle as wide as the reduction (Pillow's BILINEAR, antialiased); plain bilinear where it enlarges.
    """
    scale = (end - start) / wanted
    support = max(scale, 1.0)
    centre = start + (np.arange(wanted) + 0.5) * scale
    first = np.floor(centre - support + 0.5).astype(np.intp)
    index = first[:, None] + np.arange(int(np.ceil(2 * support)) + 1)
    share = np.maximum(0.0, 1.0 - np.abs(index + 0.5 - centre[:, None]) / support)
    share[(index < 0) | (index >= length)] = 0.0
    share /= share.sum(axis=1, keepdims=True)
    return np.clip(index, 0, length - 1), share.astype(np.float32)


def scaled(pixels: NDArray[np.uint8], size: tuple[int, int], crop: float = 1.0) -> NDArray[np.float32]:
    """The middle of `pixels` ([height, width, 3]) at `size` (height, width): float32 [*size, 3], 0..255.

    The middle has the shape of `size` and takes `crop` of the side that limits it.
    """
    scale = crop * min(pixels.shape[0] / size[0], pixels.shape[1] / size[1])
    (rows, down), (columns, across) = (
        _taps(length, (length - scale * n) / 2, (length + scale * n) / 2, n)
        for length, n in zip(pixels.shape[:2], size, strict=True)
    )
    low = int(columns.min())
    pixels = pixels[:, low : int(columns.max()) + 1]  # nothing outside the middle is touched
    tall = np.zeros((size[0], pixels.shape[1], 3), np.float32)
    for k in range(rows.shape[1]):
        tall += down[:, k, None, None] * pixels[rows[:, k]]
    out = np.zeros((*size, 3), np.float32)
    for k in range(columns.shape[1]):
        out += across[:, k, None] * tall[:, columns[:, k] - low]
    return out
