"""Listening programs, ours and others', each opened as its own documentation does and fed 80 ms at a time.

An engine is a function that takes int16 [K, 1280] at 16 kHz, listens to all of it, and goes on from there
when it is called again. Nothing is imported before it is asked for, so that a process holds one engine alone.
"""

from __future__ import annotations

import asyncio
import importlib
import queue
import sys
import threading
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.packages import LIVEKIT, OPEN_WAKE_WORD, PY_MICRO, PY_MICRO_FEATURES, PY_OPEN, Package

Hops = NDArray[np.int16]
Engine = Callable[[Hops], None]

OURS = "heychip"
NEEDS: Mapping[str, tuple[Package, ...]] = {
    OURS: (),
    "openWakeWord": (OPEN_WAKE_WORD,),
    "pyopen-wakeword": (PY_OPEN,),
    "pymicro-wakeword": (PY_MICRO, PY_MICRO_FEATURES),
    "livekit-wakeword": (LIVEKIT, OPEN_WAKE_WORD),
}
"""The engines, and what each needs; livekit-wakeword ships no word, so it hears with openWakeWord's."""


def open_engine(name: str, model: str, cache: Path) -> Engine:
    """The engine of this name. `model` is a bundle and a variant for ours, a word for the others."""
    for package in NEEDS[name]:
        sys.path.insert(0, str(package.folder(cache)))
    return _OPENERS[name](model, cache)


def _ours(model: str, _cache: Path) -> Engine:
    from edge.bench.stages import listener
    from edge.bundle import load_bundle

    bundle, _, variant = model.partition("|")
    ears = listener([load_bundle(bundle)], variant, looks=True)

    def listen(hops: Hops) -> None:
        for hop in hops:
            ears.step(hop.astype(np.float32) / 32768)

    return listen


def word_file(word: str, cache: Path) -> Path:
    """openWakeWord's model of a word. LookupError names those that there are."""
    models = OPEN_WAKE_WORD.folder(cache) / "openwakeword" / "resources" / "models"
    known = {path.name.rsplit("_v", 1)[0]: path for path in sorted(models.glob("*_v*.onnx"))}
    if word not in known:
        raise LookupError(f"it has no word {word}; it has {', '.join(known) or 'none'}")
    return known[word]


def _open_wake_word(word: str, cache: Path) -> Engine:
    from tests.bench.open_wake_word import their_model

    model_type = their_model(OPEN_WAKE_WORD.folder(cache))
    model = model_type([str(word_file(word, cache))], inference_framework="onnx")

    def listen(hops: Hops) -> None:
        for hop in hops:
            model.predict(hop)

    return listen


def _py_open(word: str, _cache: Path) -> Engine:
    theirs = importlib.import_module("pyopen_wakeword")
    model = theirs.OpenWakeWord.from_builtin(_known(theirs.Model, word))
    features = theirs.OpenWakeWordFeatures.from_builtin()

    def listen(hops: Hops) -> None:
        for hop in hops:
            for embeddings in features.process_streaming(hop.tobytes()):
                for _ in model.process_streaming(embeddings):
                    pass

    return listen


def _py_micro(word: str, _cache: Path) -> Engine:
    theirs = importlib.import_module("pymicro_wakeword")
    model = theirs.MicroWakeWord.from_builtin(_known(theirs.Model, word))
    features = theirs.MicroWakeWordFeatures()

    def listen(hops: Hops) -> None:
        for hop in hops:
            for frame in features.process_streaming(hop.tobytes()):
                model.process_streaming(frame)

    return listen


def _known(words: Any, word: str) -> Any:
    """The member of their enumeration. LookupError names those that there are."""
    try:
        return words(word)
    except ValueError:
        raise LookupError(f"it has no word {word}; it has {', '.join(w.value for w in words)}") from None


def _livekit(word: str, cache: Path) -> Engine:
    """Their WakeWordListener with a microphone that hands out our hops, one for each of its reads."""
    given: queue.Queue[bytes | None] = queue.Queue()
    silent = threading.Semaphore(0)
    stream = types.SimpleNamespace(read=_reader(given, silent), stop_stream=_nothing, close=_nothing)
    microphone = types.SimpleNamespace(open=lambda **_: stream, terminate=_nothing)
    sys.modules["pyaudio"] = types.ModuleType("pyaudio")
    sys.modules["pyaudio"].__dict__.update(PyAudio=lambda: microphone, paInt16=8)
    theirs = importlib.import_module("livekit.wakeword")
    model = theirs.WakeWordModel(models=[word_file(word, cache)])

    async def forever() -> None:
        # A score is never so high, so it never stops to have its detection taken.
        async with theirs.WakeWordListener(model, threshold=2.0) as ears:
            await ears.wait_for_detection()

    threading.Thread(target=lambda: asyncio.run(forever()), daemon=True).start()
    if not silent.acquire(timeout=60):
        raise RuntimeError("its listener does not read from the microphone")

    def listen(hops: Hops) -> None:
        for hop in hops:
            given.put(hop.tobytes())
        given.put(None)
        if not silent.acquire(timeout=3600):
            raise RuntimeError("its listener reads no more from the microphone")

    return listen


def _reader(given: queue.Queue[bytes | None], silent: threading.Semaphore) -> Callable[..., bytes]:
    """`stream.read`: the next hop; tells through `silent` when it has to wait for one."""
    begun = False

    def read(_frames: int, **_: object) -> bytes:
        nonlocal begun
        if not begun:
            begun = True
            silent.release()
        while (hop := given.get()) is None:
            silent.release()
        return hop

    return read


def _nothing() -> None:
    """What there is to do when a microphone that is none is closed."""


_OPENERS: Mapping[str, Callable[[str, Path], Engine]] = {
    OURS: _ours, "openWakeWord": _open_wake_word, "pyopen-wakeword": _py_open,
    "pymicro-wakeword": _py_micro, "livekit-wakeword": _livekit,
}  # fmt: skip
