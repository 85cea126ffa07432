"""A bundle that members are added to: read back into the weights that it was exported from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edge.backbone import CONTEXT, HARDENED, SIZE
from edge.bundle import load_bundle, read_manifest
from edge.errors import ModelError, UsageError
from synth.phrase import slug

if TYPE_CHECKING:  # JAX has threads, which do not survive the fork of the workers: not before they are done
    from synth.train import Trained

NAMES = ["b1", "b2", "b3", "w1", "w2", "w3"]
LAYERS = ["Transpose", "Conv", "Relu", "Conv", "Relu", "Conv", "Flatten"]  # as `synth.export.fused` has them
REMEDY = "enroll without --into, and run both bundles side by side"


Params = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Base:
    """A bundle of ours, taken apart."""

    path: Path
    manifest: dict[str, Any] = field(repr=False)
    """its table"""
    params: Params = field(repr=False)
    """the weights of its networks; the scaling of the embeddings is in their first layer"""
    nets: int
    """networks whose mean is a member"""
    thresholds: tuple[float, ...]
    """of each member, as a logit"""
    speeds: tuple[float, ...] = ()
    """of its second look: its thresholds were found with it"""

    @property
    def channels(self) -> int:
        """Of the layers of its networks."""
        return int(self.params["w1"].shape[3])

    def trained(self) -> Trained:
        """Its members, as those that are trained here."""
        from synth.train import Trained

        return Trained(self.params, np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32), self.nets)


def open_base(where: Path | str, word: str) -> Base:
    """The bundle at `where`, which must be one of the same word. Raises ModelError where it is none that can
    be extended, and UsageError where it is of another word."""
    bundle = load_bundle(where)
    known = bundle.manifest
    if not bundle.path.is_dir() or bundle.probability:
        raise ModelError(where, "is not a bundle that heychip made, so nothing can be added to it", REMEDY)
    if known.backbone != HARDENED:
        raise ModelError(where, f"listens with {known.backbone}, but a personal detector with {HARDENED}",
                         f"make it anew with heychip-synth make, or {REMEDY}")
    if slug(known.word) != slug(word):
        raise UsageError(f"{where}: hears “{known.word}”, not “{word}”: give --word \"{known.word}\", or "
                         f"{REMEDY}")
    params, nets = unfused(bundle.onnx) or ({}, 1)
    if not params or params["b3"].size != len(known.members) * nets:
        raise ModelError(where, "its detectors are no graph such as heychip-synth make writes, so nothing "
                         "can be added to it", REMEDY)
    thresholds = tuple(member.threshold for member in known.members)
    return Base(bundle.path, read_manifest(bundle.path), params, nets, thresholds, known.speeds)


def unfused(data: bytes) -> tuple[Params, int] | None:
    """The weights that `synth.export.fused` made these bytes of, and how many networks a member has; None
    where it did not make them."""
    graph = onnx.load_from_string(data).graph
    w = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    if [node.op_type for node in graph.node] != LAYERS or sorted(w) != NAMES:
        return None
    if any(w[name].ndim != 3 for name in ("w1", "w2", "w3")):
        return None
    groups = [next((a.i for a in node.attribute if a.name == "group"), 1) for node in graph.node]
    channels, kernel = w["w2"].shape[1:]
    members, together, last = w["w3"].shape
    nets, rest = divmod(together, channels) if channels else (0, 0)
    sets, heads = groups[-2], members // groups[-2]
    total = sets * nets
    shapes = {"w1": (total * channels, SIZE, kernel), "b1": (total * channels,),
              "w2": (total * channels, channels, kernel), "b2": (total * channels,),
              "w3": (members, together, CONTEXT - 2 * (kernel - 1)), "b3": (members,)}  # fmt: skip
    odd = rest or groups[3] != total or members != sets * heads
    if not total or odd or not last or any(w[name].shape != shape for name, shape in shapes.items()):
        return None
    apart = w["w3"].reshape(sets, heads, nets, channels, last).transpose(0, 2, 1, 4, 3)
    return {
        "w1": w["w1"].reshape(total, channels, SIZE, kernel).transpose(0, 3, 2, 1),
        "b1": w["b1"].reshape(total, channels),
        "w2": w["w2"].reshape(total, channels, channels, kernel).transpose(0, 3, 2, 1),
        "b2": w["b2"].reshape(total, channels),
        "w3": apart.reshape(total, heads, last, channels) * np.float32(nets),
        "b3": np.repeat(w["b3"].reshape(sets, heads), nets, axis=0),
    }, nets


def folded(trained: Trained) -> Trained:
    """The same members with the scaling of the embeddings in the first layer, as `fused` puts it there."""
    scaled = trained.params["w1"] * trained.scale[None, None, :, None]
    bias = trained.params["b1"] - np.einsum("nkic,i->nc", scaled, trained.mean)
    params = {**trained.params, "w1": scaled, "b1": bias.astype(np.float32)}
    return replace(trained, params=params, mean=np.zeros(SIZE, np.float32), scale=np.ones(SIZE, np.float32))


def together(base: Base, new: Trained) -> Trained:
    """The members of the base, then new ones: folded, with as many channels and one network each. That one
    stands in as many times as the members of the base have networks; the mean is the same. Beside members
    that share their networks all become heads of all networks, and hear nothing of those that are not theirs.
    """
    if base.params["b3"].shape[1] > 1:
        return _beside(base, new)
    params = {name: np.concatenate([value, np.repeat(new.params[name], base.nets, axis=0)])
              for name, value in base.params.items()}  # fmt: skip
    return replace(new, params=params, nets=base.nets)


def _beside(base: Base, new: Trained) -> Trained:
    """One set of networks: those of the base, whose members have so many heads, then one for each new one."""
    nets, heads = base.params["b3"].shape
    count = len(new.params["b3"])
    trunk = ("w1", "b1", "w2", "b2")
    params = {name: np.concatenate([base.params[name], new.params[name]]) for name in trunk}
    for name in ("w3", "b3"):
        old, own = base.params[name], new.params[name][:, 0]
        joined = np.zeros((nets + count, heads + count, *own.shape[1:]), np.float32)
        joined[:nets, :heads] = old * ((nets + count) / nets)  # they were a mean of fewer
        for k in range(count):
            joined[nets + k, heads + k] = own[k] * (nets + count)
        params[name] = joined
    return replace(new, params=params, nets=nets + count)
