"""A bundle's first hearing, in a child process with limits: it must hear what it is for, and not everything.

It must hear its word in its golden recording, and nothing in its counter-example. A bundle without one is
given silence, hiss, and noise that has the golden recording's spectrum and loudness but nothing of its order.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import HeychipError, ModelError
from edge.trial import limit, run_child, try_first

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.bundle import Bundle

CPU_S = 30  # a Pi Zero loads a large bundle in some of them
MEMORY_BYTES = 2**30
_CHILD = (sys.executable, "-P", "-m", "edge.hearing_trial")


def hear_first(bundle: Bundle, hears: Path | None = None) -> Mapping[str, float]:
    """The largest margin in each recording that was tried, by its name. ModelError where it will not do."""
    golden, counter = bundle.manifest.golden, bundle.manifest.counter
    must = [str(hears)] if hears else []
    if golden is not None and golden.heard:
        must.append(str(bundle.path / golden.file))
    if not must:
        raise ModelError(bundle.path, "has no golden recording in which it hears its word",
                         "name a recording of the word with --hears FILE")
    try_first(bundle.onnx, bundle.path)
    asked = {"bundle": str(bundle.path), "must": must,
             "must_not": str(bundle.path / counter.file) if counter else ""}  # fmt: skip
    argv = [*_CHILD, str(CPU_S), str(MEMORY_BYTES)]
    reason, _, answer = run_child(json.dumps(asked).encode(), bundle.path, argv)
    if reason:
        raise ModelError(bundle.path, f"failed its trial: it {reason}", "the bundle in use stays as it is")
    return {str(name): float(margin) for name, margin in answer.get("margins", {}).items()}


def _hear(asked: Mapping[str, Any], margins: dict[str, float]) -> str:
    """What it heard or did not hear, after 'it …', or nothing; `margins` is filled."""
    import numpy as np

    from edge.bundle import load_bundle
    from edge.listener import Listener
    from edge.replay import samples_of

    listener = Listener([replace(load_bundle(Path(asked["bundle"])), shipped=True)])  # just tried
    end = np.zeros(16_000, np.float32)

    def events(name: str, sound: NDArray[np.float32]) -> int:
        listener.reset()
        found = len(listener.step(np.concatenate([sound, end])))
        margins[name] = round(max(listener.margins), 3)
        return found

    for file in asked["must"]:
        name = Path(file).name
        if not events(name, samples_of(file)):
            return f"does not hear its word in {name}, where its margin is {margins[name]:.2f} at most"
    if file := asked["must_not"]:
        name, sound = Path(file).name, samples_of(file)
    else:
        name, sound = "noise", noises(samples_of(asked["must"][-1]))
    if events(name, sound):
        return f"hears its word in {name}, where it is not said, with a margin of {margins[name]:.2f}"
    return ""


def noises(speech: NDArray[np.float32]) -> NDArray[np.float32]:
    """Silence and hiss, a second and a half of each, and `speech` [n] with its phases by chance."""
    import numpy as np

    chance = np.random.default_rng(0)
    spectrum = np.abs(np.fft.rfft(speech))
    turned = spectrum * np.exp(2j * np.pi * chance.random(len(spectrum)))
    shaped = np.fft.irfft(turned, len(speech))
    hiss = chance.standard_normal(24_000) * 0.05
    parts = [np.zeros(24_000), hiss, np.clip(shaped, -1, 1)]
    return np.concatenate(parts).astype(np.float32)


def main() -> int:
    """The child: what is asked on standard input, one line of JSON on standard output."""
    cpu_s, memory_bytes = (int(word) for word in sys.argv[1:3])
    asked = json.loads(sys.stdin.buffer.read())
    for heavy in ("numpy", "onnxruntime", "edge.listener"):
        importlib.import_module(heavy)
    limit(cpu_s, memory_bytes)
    margins: dict[str, float] = {}
    try:
        reason = _hear(asked, margins)
    except HeychipError as error:
        reason = f"cannot be heard: {error}"
    except MemoryError:
        reason = "needs more memory than it may take"
    print(json.dumps({"reason": reason, "margins": margins}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
