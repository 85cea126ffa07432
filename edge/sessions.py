"""ONNX Runtime sessions, opened in one way: on the CPU, small, and quiet."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[np.float32]

INNER = ("_sess", "_iobinding")
"""what lies within ONNX Runtime's classes InferenceSession and IOBinding: the compiled parts"""

# ONNX Runtime puts its class of error and the signature of the C++ function in front of what it says.
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_SIGNATURE = re.compile(r"^/\S+\.(?:cc|h):\d+ .*?\)(?: const)? (?=\S)")
_OPSET = re.compile(r"\bOpset (\d+) is under development.*is till opset (\d+)", re.DOTALL)
_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")


def session(
    data: bytes, where: object, *, threads: int = 1, fixed: bool = False
) -> onnxruntime.InferenceSession:
    """A session on the bytes of a model that has been scanned. ModelError where ONNX Runtime refuses it.

    Given bytes and no path, it has no folder to look for other files in. No spinning: the Pi has other things
    to do between two hops. No arena and no memory pattern either: with them memory grows over months where
    shapes change. Where they never do, the graph being our own and `fixed`, both are on, because to give
    memory back to the system and fetch it again costs a tenth of a hop; and the blocked layout for
    convolutions is off, because on the few channels of the backbone's first block it costs more than it
    saves.
    """
    ort = runtime(where)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = options.enable_mem_pattern = fixed
    if fixed:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        opened = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this one
        reason, remedy = explain(str(error), ort.__version__)
        raise ModelError(where, reason, remedy) from error
    opened._model_bytes = b""  # it keeps the whole file, in case somebody wants to change the provider
    return opened


class Bound:
    """A session that reads its inputs from arrays and writes its outputs into arrays, always the same ones:
    nothing is copied or allocated around a run."""

    def __init__(
        self, run: onnxruntime.InferenceSession, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
    ) -> None:
        """Arrays by name, float32 and contiguous, of exactly the shapes that go in and come out."""
        self._run, self._arrays = run, (dict(inputs), dict(outputs))  # the binding holds bare addresses
        self._binding = run.io_binding()
        for bind, arrays in ((self._binding.bind_input, inputs), (self._binding.bind_output, outputs)):
            for name, array in arrays.items():
                if array.dtype != np.float32 or not array.flags.c_contiguous:
                    raise ValueError(f"{name} is {array.dtype}, strides {array.strides}")
                bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self.run = self._quick()
        """one run, from the arrays to the arrays, for as long as this object lives: it holds them"""

    def _quick(self) -> Callable[[], None]:
        """What runs it. Around the compiled session is a layer of Python that asks about graphs on a graphics
        card, and without options every run makes its own: passing both by saves a microsecond of two and a
        half. Where another version has no such parts within, the public way does the same."""
        inner, binding = (getattr(one, part, None)
                          for one, part in zip((self._run, self._binding), INNER, strict=True))
        if inner is None or binding is None:
            return partial(self._run.run_with_iobinding, self._binding)
        return partial(inner.run_with_iobinding, binding, runtime("the session").RunOptions())


def give_back() -> None:
    """Memory that was needed for a moment, as for opening a graph, is the system's again. Only glibc keeps
    it, and only glibc has this function."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


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
