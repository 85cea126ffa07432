"""ONNX Runtime sessions, opened in one way: on the CPU, small, and quiet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edge.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

# ONNX Runtime puts its class of error and the signature of the C++ function in front of what it says.
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SIGNATURE = re.compile(r"^/\S+\.(?:cc|h):\d+ .*?\)(?: const)? (?=\S)")
_OPSET = re.compile(r"\bOpset (\d+) is under development.*is till opset (\d+)", re.DOTALL)
_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")


def session(data: bytes, where: object, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the bytes of a model that has been scanned. ModelError where ONNX Runtime refuses it.

    Given bytes and no path, it has no folder to look for other files in. No arena and no memory pattern: with
    them memory grows over months; no spinning: the Pi has other things to do between two hops.
    """
    ort = runtime(where)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this one
        reason, remedy = explain(str(error), ort.__version__)
        raise ModelError(where, reason, remedy) from error


def runtime(where: object) -> Any:
    """The module. ModelError with the remedy where it cannot be imported."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        remedy = "pip install onnxruntime; on a Raspberry Pi it needs the 64-bit system"
        raise ModelError(where, f"cannot be run: {error}", remedy) from error
    return ort


def explain(message: str, version: str) -> tuple[str, str]:
    """What ONNX Runtime of this version said, as a reason and a remedy in plain words."""
    for pattern, what in ((_OPSET, "opset"), (_IR, "IR version")):
        if found := pattern.search(message):
            theirs, ours = found.groups()
            reason = f"needs {what} {theirs}, but onnxruntime {version} knows {what} {ours} at most"
            return reason, f"upgrade onnxruntime, or export the model with {what} {ours} or less"
    if "bad_alloc" in message or "Failed to allocate memory" in message:
        return f"needs more memory than it may have (onnxruntime {version}: bad_alloc)", ""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    line = _SIGNATURE.sub("", _PREFIX.sub("", line))
    return f"fails in onnxruntime {version}: {line[:300]}", ""
