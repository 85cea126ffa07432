"""What our own networks are run from: their files in `data/`, checked against their manifests, and the graphs
that are built out of these, for a single hop or a few, when first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from edge.errors import ModelError
from edge.files import sha256_of
from edge.sessions import give_back, session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Shape = TypeVar("Shape")
Shape_co = TypeVar("Shape_co", covariant=True)


class Made(Protocol[Shape_co]):
    """A graph that was built, such as `HopGraph`."""

    @property
    def shape(self) -> Shape_co:
        """Of what a stream keeps between two runs of it."""

    def model(self) -> bytes:
        """The file."""


class Graphs(Generic[Shape]):
    """The graphs of one set of weights, opened when first asked for. Streams share them: what a graph keeps
    between two hops lies in the buffers of the stream."""

    def __init__(self, make: Callable[[int, bool], Made[Shape]], where: str, *, threads: int = 1) -> None:
        """`make(steps, front)` builds one for so many hops, with the front end in it or without, out of the
        file every time anew: its weights are kept by ONNX Runtime alone. `where` is what messages call it."""
        self._make, self._where, self._threads = make, where, threads
        self._opened: dict[tuple[int, bool], InferenceSession] = {}
        self.shape = make(1, False).shape
        """that of a single hop"""

    def get(self, steps: int, *, front: bool) -> InferenceSession:
        """The graph for so many hops, opened."""
        key = steps, front
        if key not in self._opened:
            made = self._make(steps, front).model()
            self._opened[key] = session(made, self._where, threads=self._threads, fixed=True)
            del made  # it holds all weights once more
            give_back()
        return self._opened[key]


@cache
def manifest(name: str) -> dict[str, Any]:
    """What `data/` says of a network: name, sha256, source, licence."""
    found: dict[str, Any] = json.loads((files("edge") / "data" / f"{name}.json").read_text())
    return found


def contents(file: str, sha256: str) -> bytes:
    """A file in `data/`. ModelError where it is not the one with this hash, which its manifest has."""
    data = (files("edge") / "data" / file).read_bytes()
    if sha256_of(data) != sha256:
        raise ModelError(where(file), "differs from its manifest", "reinstall heychip")
    return data


def where(file: str) -> str:
    """What messages call a file in `data/`."""
    return f"edge/data/{file}"
