"""A look into an ONNX file before ONNX Runtime sees a byte of it: our own reader, no `onnx` on the Pi.

`onnx_walk` goes through all of the file, subgraphs, attributes and function bodies included; this room
refuses what a detector or a classifier never needs and what has hurt others: data outside the file, operators
off an allow-list, control flow, functions of the model's own, tensors that claim to be huge.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import ModelError
from edge.onnx_walk import Found, Port, Walk
from edge.onnx_wire import GarbageError

__all__ = ["ALLOWED", "CLASSIFIER_CAP_BYTES", "HOTWORD_CAP_BYTES", "Port", "Summary", "scan"]

HOTWORD_CAP_BYTES = 20 * 2**20
CLASSIFIER_CAP_BYTES = 64 * 2**20

# Plain arithmetic from tensors to tensors. Left out: If, Loop, Scan and the Sequence operators (control flow,
# subgraphs), random numbers (a score must not depend on luck), strings and images (nobody needs them here).
_ALLOWED = """
    Add Sub Mul Div Mod Pow Neg Abs Sign Reciprocal Sqrt Exp Log Erf Ceil Floor Round Sum Mean Max Min Clip
    CumSum Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh
    And Or Xor Not Equal Greater GreaterOrEqual Less LessOrEqual Where IsNaN IsInf
    MatMul MatMulInteger Gemm Einsum Conv ConvInteger ConvTranspose Attention RotaryEmbedding
    Relu LeakyRelu PRelu ThresholdedRelu Elu Celu Selu Gelu Mish Swish Sigmoid HardSigmoid HardSwish Softplus
    Softsign Softmax LogSoftmax Hardmax Shrink
    RNN GRU LSTM
    MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool
    BatchNormalization LayerNormalization InstanceNormalization GroupNormalization RMSNormalization
    LpNormalization MeanVarianceNormalization LRN Dropout
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare ArgMax ArgMin TopK
    Identity Constant ConstantOfShape Cast CastLike Shape Size Range EyeLike OneHot Trilu
    Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Gather GatherElements GatherND
    ScatterElements ScatterND Expand Tile Pad Resize Upsample DepthToSpace SpaceToDepth ReverseSequence
    QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul
"""
ALLOWED = frozenset(_ALLOWED.split())

_KNOWN_BEGINNINGS = (
    (b"version https://git-lfs", "a git-lfs pointer, not the model itself", "fetch it with `git lfs pull`"),
    (b"PK\x03\x04", "a zip archive (PyTorch and NumPy write such)", "export the model as ONNX"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"\x89HDF", "an HDF5 file (Keras writes such)", "export the model as ONNX"),
    (b"RIFF", "a wav or other RIFF file", "give the .onnx file"),
    (b"{", "JSON text", "give the .onnx file"),
)


@dataclass(frozen=True)
class Summary:
    """What a file says of itself."""

    ir_version: int
    """version of the file format"""
    opset: int
    """version of the operators"""
    producer: str
    """the program that wrote it"""
    ops: tuple[tuple[str, int], ...]
    """each operator and how often it is used, by name"""
    inputs: tuple[Port, ...]
    """graph inputs, without those that are weights"""
    outputs: tuple[Port, ...]
    """graph outputs"""
    weights_bytes: int
    """what all tensors in the file claim to take"""


def scan(data: bytes, where: object, *, cap_bytes: int = HOTWORD_CAP_BYTES) -> Summary:
    """Look through a whole model file. ModelError where it is not one, or holds what is refused.

    `where` is what messages call the file; `cap_bytes` holds for the file and for its tensors in all.
    """
    _check_beginning(data, where, cap_bytes)
    found = Found()
    try:
        Walk(found).model(memoryview(data))
    except GarbageError as error:
        begins = f"{len(data)} bytes that begin with {data[:12]!r}"
        raise ModelError(where, f"is not a whole ONNX file: {error}; {begins}", "fetch it again") from None
    weights_bytes = _check_size(found, where, cap_bytes)
    _check_contents(found, where)
    ops = tuple(sorted((op, count) for (_, op), count in found.ops.items()))
    inputs = tuple(port for port in found.inputs if port.name not in found.weights)
    outputs = tuple(found.outputs)
    ir, opset = found.ir_version, found.opset
    return Summary(ir, opset, found.producer, ops, inputs, outputs, weights_bytes)


def _check_beginning(data: bytes, where: object, cap_bytes: int) -> None:
    """Refuse by size and by first bytes that are known to be something else."""
    if not data:
        raise ModelError(where, "is empty (0 bytes)", "fetch it again")
    if len(data) > cap_bytes:
        raise ModelError(where, f"has {_mb(len(data))}, more than the {_mb(cap_bytes)} that are allowed")
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        reason = f"is a web page, not a model; it begins with {data[:12]!r}"
        raise ModelError(where, reason, "the download ended at an error or login page: fetch it again")
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise ModelError(where, "is a Python pickle, and those are never opened", "export the model as ONNX")
    # With these four bytes ONNX Runtime takes a file for its own format, which nothing here looks into.
    if data[4:8] == b"ORTM":
        raise ModelError(where, "is in ONNX Runtime's own format (ORTM)", "export the model as ONNX")
    if data[4:8] == b"TFL3":
        raise ModelError(where, "is a TensorFlow Lite model (TFL3)", "export the model as ONNX")
    for beginning, what, remedy in _KNOWN_BEGINNINGS:
        if data.startswith(beginning):
            raise ModelError(where, f"is {what}; it begins with {data[:12]!r}", remedy)


def _check_size(found: Found, where: object, cap_bytes: int) -> int:
    """Refuse data outside the file and tensors that are too large; give the bytes that all of them claim."""
    if found.external:
        names = ", ".join(dict.fromkeys(found.external[:3]))
        reason = f"wants data from outside the file (external data: {names})"
        raise ModelError(where, reason, "export the model as one file with its weights inside")
    for name, size in found.tensors:
        if not 0 <= size <= cap_bytes:
            claim = "an absurd number of axes" if size < 0 else _mb(min(size, 2**80))
            allowed = f"{_mb(cap_bytes)} are allowed"
            raise ModelError(where, f"holds a tensor {name[:60]!r} that claims {claim}; {allowed}")
    total = sum(size for _, size in found.tensors)
    if total > cap_bytes:
        raise ModelError(where, f"holds tensors of {_mb(total)} in all; {_mb(cap_bytes)} are allowed")
    return total


def _check_contents(found: Found, where: object) -> None:
    """Refuse what a plain model has no need of, and what is no model at all."""
    plain = "export it with plain ONNX operators only"
    if found.functions:
        raise ModelError(where, "holds functions of its own", "inline them when exporting")
    foreign = [(domain, op) for domain, op in sorted(found.ops) if domain or op not in ALLOWED]
    if foreign and found.outputs:
        names = ", ".join(repr(f"{domain}::{op}" if domain else op)[:60] for domain, op in foreign[:5])
        raise ModelError(where, f"uses operators that are not allowed here: {names}", plain)
    if found.subgraphs or found.training:
        raise ModelError(where, "holds control flow or training steps", plain)
    if foreign or found.graphs != 1 or not found.ops or not found.outputs:
        raise ModelError(where, "holds no usable graph: it is no ONNX model or half of one", "fetch it again")
    if not found.opset:
        raise ModelError(where, "does not say which opset it uses", "export it again")


def _mb(size: int) -> str:
    return f"{size / 2**20:,.1f} MB"
