"""Goes through the messages of an ONNX file and gathers what `onnx_scan` judges.

Field numbers are those of `onnx.proto` (ONNX 1.2 to 1.23).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from edge.onnx_wire import BYTES, NUMBER, Reader, number_at, text_of

MOST_AXES = 16

# Element types of TensorProto: name and bits. A string tensor's bytes are in the file, so they count as none.
TYPES: Mapping[int, tuple[str, int]] = {
    **{1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16)},
    **{6: ("int32", 32), 7: ("int64", 64), 8: ("string", 0), 9: ("bool", 8), 10: ("float16", 16)},
    **{11: ("float64", 64), 12: ("uint32", 32), 13: ("uint64", 64), 14: ("complex64", 64)},
    **{15: ("complex128", 128), 16: ("bfloat16", 16)},
    **dict.fromkeys((17, 18, 19, 20, 24), ("float8", 8)),
    **{21: ("uint4", 4), 22: ("int4", 4), 23: ("float4", 4), 25: ("uint2", 2), 26: ("int2", 2)},
    **dict.fromkeys((27, 28), ("float6", 6)),
}

Axes = tuple[int | str | None, ...]


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph."""

    name: str
    """its name"""
    dtype: str
    """element type, as numpy calls it; empty where the file does not say"""
    shape: Axes | None
    """a number or a dynamic dimension's name (None: unnamed) per axis; None where the file does not say"""

    def __str__(self) -> str:
        axes = "?" if self.shape is None else ",".join("?" if a is None else str(a) for a in self.shape)
        return f"{self.name!r} {self.dtype or 'of unknown type'} [{axes}]"


@dataclass
class Found:
    """What the walk gathers; judged when it is over."""

    ir_version: int = 0
    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    graphs: int = 0
    ops: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(domain, operator) and how often, in all graphs"""
    external: list[str] = field(default_factory=list)
    """where data outside the file is said to be"""
    tensors: list[tuple[str, int]] = field(default_factory=list)
    """name and claimed bytes of every tensor; -1 where its axes are absurd"""
    weights: set[str] = field(default_factory=set)
    functions: int = 0
    subgraphs: int = 0
    training: int = 0
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)

    @property
    def opset(self) -> int:
        """The version of the plain operators; 0 where the file does not say."""
        return max(self.opsets.get("", 0), self.opsets.get("ai.onnx", 0))


class Walk(Reader):
    """Walks the messages; each method is one message of onnx.proto and knows the fields that matter."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found

    def model(self, view: memoryview) -> None:
        """ModelProto: the whole file."""
        known = {1: NUMBER, **dict.fromkeys((2, 7, 8, 20, 25), BYTES)}
        for number, value, content in self.fields(view, known):
            if number == 1:
                self.found.ir_version = value
            elif number == 2:
                self.found.producer = text_of(content)
            elif number == 7:
                self.found.graphs += 1
                self.graph(content, top=True)
            elif number == 8:
                self.opset(content)
            elif number == 20:
                self.found.training += 1
                for inner, _, graph in self.fields(content, {1: BYTES, 2: BYTES}):
                    if inner in (1, 2):
                        self.graph(graph)
            elif number == 25:
                self.function(content)

    def opset(self, view: memoryview) -> None:
        domain, version = "", 0
        for number, value, content in self.fields(view, {1: BYTES, 2: NUMBER}):
            domain = text_of(content) if number == 1 else domain
            version = value if number == 2 else version
        self.found.opsets[domain] = max(version, self.found.opsets.get(domain, 0))

    def function(self, view: memoryview) -> None:
        self.found.functions += 1
        for number, _, content in self.fields(view, {7: BYTES, 11: BYTES}):
            if number == 7:
                self.node(content)
            elif number == 11:
                self.attribute(content)

    def graph(self, view: memoryview, *, top: bool = False) -> None:
        for number, _, content in self.fields(view, dict.fromkeys((1, 5, 11, 12, 15), BYTES)):
            if number == 1:
                self.node(content)
            elif number == 5:
                self.found.weights.add(self.tensor(content))
            elif number == 15:
                self.found.weights.add(self.sparse(content))
            elif number == 11 and top:
                self.found.inputs.append(self.port(content))
            elif number == 12 and top:
                self.found.outputs.append(self.port(content))

    def node(self, view: memoryview) -> None:
        op, domain = "", ""  # given twice, the last one counts, as in protobuf
        for number, _, content in self.fields(view, {4: BYTES, 5: BYTES, 7: BYTES}):
            op = text_of(content) if number == 4 else op
            domain = text_of(content) if number == 7 else domain
            if number == 5:
                self.attribute(content)
        self.found.ops["" if domain == "ai.onnx" else domain, op] += 1

    def attribute(self, view: memoryview) -> None:
        for number, _, content in self.fields(view, dict.fromkeys((5, 6, 10, 11, 22, 23), BYTES)):
            if number in (5, 10):
                self.tensor(content)
            elif number in (22, 23):
                self.sparse(content)
            elif number in (6, 11):
                self.found.subgraphs += 1
                self.graph(content)

    def sparse(self, view: memoryview) -> str:
        """SparseTensorProto: named after its values; it weighs what it would weigh unrolled."""
        name, axes = "", list[int]()
        for number, value, content in self.fields(view, {1: BYTES, 2: BYTES, 3: NUMBER | BYTES}):
            if number == 1:
                name = self.tensor(content)
            elif number == 2:
                self.tensor(content)
            elif number == 3:
                axes += self.axes(value, content)
        self.weigh(name, axes, 64)
        return name

    def tensor(self, view: memoryview) -> str:
        """TensorProto: gives its name; notes its size and any word of data elsewhere."""
        name, kind, axes, location, elsewhere = "", 0, list[int](), "", False
        known = {1: NUMBER | BYTES, 2: NUMBER, 8: BYTES, 13: BYTES, 14: NUMBER}
        for number, value, content in self.fields(view, known):
            if number == 1:
                axes += self.axes(value, content)
            elif number == 2:
                kind = value
            elif number == 8:
                name = text_of(content)
            elif number == 13:
                elsewhere, location = True, self.location(content) or location
            elif number == 14:
                elsewhere = elsewhere or value != 0
        if elsewhere:
            self.found.external.append(repr(location or "?")[:80])
        self.weigh(name, axes, TYPES.get(kind, ("", 64))[1])
        return name

    def axes(self, value: int, content: memoryview) -> list[int]:
        """Dimensions come one in a field, or packed into one."""
        if value >= 0:
            return [value]
        out, at = list[int](), 0
        while at < len(content):
            self.spend()
            value, at = number_at(content, at)
            out.append(value)
        return out

    def location(self, view: memoryview) -> str:
        """The place that an entry of external_data names, where it is that entry."""
        pair = {number: text_of(content) for number, _, content in self.fields(view, {1: BYTES, 2: BYTES})}
        return pair.get(2, "") if pair.get(1) == "location" else ""

    def weigh(self, name: str, axes: list[int], bits: int) -> None:
        """Note what a tensor claims to take. An axis below 0 was read as an enormous one, which is as bad."""
        size = -1 if len(axes) > MOST_AXES else prod(axes) * bits // 8
        self.found.tensors.append((name, size))

    def port(self, view: memoryview) -> Port:
        """ValueInfoProto, where its type is a tensor."""
        name, kind, shape = "", 0, list[int | str | None]()
        said = False
        for number, _, content in self.fields(view, {1: BYTES, 2: BYTES}):
            name = text_of(content) if number == 1 else name
            for inner, _, tensor in self.fields(content, {1: BYTES}) if number == 2 else ():
                for part, value, axes in self.fields(tensor, {1: NUMBER, 2: BYTES}) if inner == 1 else ():
                    kind = value if part == 1 else kind
                    if part == 2:
                        said = True
                        shape += [self.axis(a) for one, _, a in self.fields(axes, {1: BYTES}) if one == 1]
        return Port(name, TYPES.get(kind, ("", 0))[0], tuple(shape) if said else None)

    def axis(self, view: memoryview) -> int | str | None:
        size: int | str | None = None
        for number, value, content in self.fields(view, {1: NUMBER, 2: BYTES}):
            if number == 1:
                size = value if value < 2**63 else None
            elif number == 2:
                size = text_of(content) or None
        return size
