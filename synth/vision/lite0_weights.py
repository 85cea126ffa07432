"""EfficientNet-Lite0 from its .pth file as layers, without torch: what `models/things` is checked with.

The file has torch's old format: pickles that name the tensors, then their numbers. A pickle can run anything,
so the reader knows four names, all of them harmless stand-ins of its own, and refuses every other one.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.vision.lite0_graph import SIZE, Layer

Floats = NDArray[np.float32]

MAGIC = 0x1950A86A20F9469CFC6C
EPSILON = 1e-3  # of the batch norms
# repeats, kernel, stride, expansion, channels out: Tan and Le 2019, without squeeze and excitation
BLOCKS = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)


@dataclass(frozen=True)
class Tensor:
    """A view on a storage that comes later in the file."""

    storage: str
    start: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """in numbers, as torch counts"""

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The tensor, copied out of the numbers of its storage. ValueError where it reaches beyond them."""
        last = self.start + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if min((self.start, *self.stride, *self.shape)) < 0 or last >= len(values):
            raise ValueError(f"{self} reaches beyond its {len(values)} numbers")
        bytes_ = [step * values.itemsize for step in self.stride]
        view = np.lib.stride_tricks.as_strided(values[self.start :], self.shape, bytes_, writeable=False)
        return np.ascontiguousarray(view)


def _rebuild(
    storage: tuple[Any, ...], start: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    return Tensor(str(storage[2]), int(start), tuple(shape), tuple(stride))


class _Reader(pickle.Unpickler):
    """Tensors stay names; nothing but stand-ins can be made."""

    KNOWN = {  # noqa: RUF012 - read only
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): np.float32,
        ("torch", "LongStorage"): np.int64,
    }

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.types: dict[str, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of weights")
        return self.KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        self.types[str(pid[2])] = pid[1]
        return pid


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Name to values of a .pth file in torch's old format. ValueError or UnpicklingError where it is none."""
    file = io.BytesIO(path.read_bytes())
    if _Reader(file).load() != MAGIC:
        raise ValueError(f"{path} is not in torch's old format")
    for _ in range(2):  # version of the protocol, properties of the machine
        _Reader(file).load()
    reader = _Reader(file)
    named = reader.load()
    values: dict[str, NDArray[Any]] = {}
    for key in _Reader(file).load():
        count = int.from_bytes(file.read(8), "little")
        kind = np.dtype(reader.types[str(key)])
        values[str(key)] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {name: one.of(values[one.storage]) for name, one in named.items()}


def layers(state: dict[str, NDArray[Any]]) -> Iterator[Layer]:
    """The convolutions in order, batch norms folded in, as `convert_lite0.layers` gives them from torch."""
    side = SIZE

    def fold(conv: str, norm: str, stride: int = 1, *, clipped: bool = True, **marks: bool) -> Layer:
        nonlocal side
        weight = state[f"{conv}.weight"].astype(np.float64)
        gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + EPSILON)
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
        after = -(-side // stride)
        pad = max((after - 1) * stride + weight.shape[2] - side, 0)  # TensorFlow's "same"
        side, before = after, pad // 2
        return Layer(
            weight=(weight * gain[:, None, None, None]).astype(np.float32),
            bias=bias.astype(np.float32),
            stride=stride,
            pads=(before, before, pad - before, pad - before),
            groups=len(weight) if weight.shape[1] == 1 else 1,
            clipped=clipped,
            **marks,
        )

    yield fold("_conv_stem", "_bn0", 2)
    channels, number = 32, 0
    for repeats, _, stride, expansion, out in BLOCKS:
        for k in range(repeats):
            name, step = f"_blocks.{number}", stride if k == 0 else 1
            adds = step == 1 and channels == out
            if expansion != 1:
                yield fold(f"{name}._expand_conv", f"{name}._bn0", starts=True)
            deep = f"{name}._depthwise_conv"
            yield fold(deep, f"{name}._bn1", step, starts=expansion == 1)
            yield fold(f"{name}._project_conv", f"{name}._bn2", clipped=False, adds=adds)
            channels, number = out, number + 1
    yield fold("_conv_head", "_bn1")
