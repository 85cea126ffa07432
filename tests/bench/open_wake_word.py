"""openWakeWord's own models and its own code, fetched to measure beside; nothing of it is kept in heychip.

The models of the PyPI package openwakeword 0.5.1 are CC-BY-NC-SA: measure with them, never ship them.

Run as a program, in a process of its own because the package wants modules that it does not need here:

    python -m tests.bench.open_wake_word PACKAGE MODEL.onnx FILE.wav...

prints one JSON list of scores for each file, one score for every 80 ms, by openWakeWord's own streaming code.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import STEP
from edge.replay import samples_of
from tests.bench import packages

VERSION = packages.OPEN_WAKE_WORD.version
AHEAD = 184
"""Samples by which openWakeWord's 80 ms steps end sooner: its last mel frame's window of 400 lies in the
middle of 512, and 128 samples behind that wait for the next step. With so much quiet in front, our pipeline
sees the very windows that its own code sees."""
MUTE = 5
"""Steps of a stream to which it always answers 0."""
SETTLED = 26
"""Steps after which nothing is left of what either takes for the past of a stream."""
_UNNEEDED = ("tqdm", "sklearn", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing")


def fetch(cache: Path) -> Path:
    """The package's folder below `cache`, downloaded by pip the first time. Raises UsageError."""
    try:
        return packages.fetch(packages.OPEN_WAKE_WORD, cache)
    except UsageError as error:
        raise UsageError(f"{error}; leave out --openwakeword") from None


def model_path(name: str, cache: Path) -> Path:
    """A model of the user's by its path, or one of the package's by its word, such as alexa."""
    if name.endswith(".onnx"):
        return Path(name)
    models = fetch(cache) / "openwakeword" / "resources" / "models"
    known = {path.name.rsplit("_v", 1)[0]: path for path in sorted(models.glob("*_v*.onnx"))}
    if name not in known:
        raise UsageError(f"--openwakeword {name}: there are {', '.join(known)}; or give an .onnx file")
    return known[name]


def own_scores(package: Path, model: Path, files: Sequence[Path]) -> list[NDArray[np.float64]]:
    """openWakeWord's scores [H] of each wav file, by its own code. UsageError where that does not run."""
    command = [sys.executable, "-m", "tests.bench.open_wake_word", *map(str, (package, model, *files))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"openWakeWord's own code does not run here: {done.stderr.strip()[-300:]}")
    return [np.array(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]


def their_model(package: Path) -> Any:
    """The class Model of the package in this folder."""
    for name in _UNNEEDED:  # its training and plotting parts import them; listening does not
        try:
            importlib.import_module(name)
        except ImportError:
            stub = types.ModuleType(name)
            stub.__getattr__ = lambda _name: None  # type: ignore[method-assign]
            sys.modules[name] = stub
    sys.path.insert(0, str(package))
    return importlib.import_module("openwakeword.model").Model


def main(argv: Sequence[str]) -> int:
    """Prints the scores; every file begins afresh."""
    package, model, *files = argv
    theirs = their_model(Path(package))
    for file in files:
        np.random.seed(0)  # it begins with noise
        listener = theirs([model], inference_framework="onnx")
        sound = np.round(samples_of(file) * 32768).astype(np.int16)
        steps = (listener.predict(sound[at : at + STEP]) for at in range(0, len(sound), STEP))
        print(json.dumps([round(float(next(iter(step.values()))), 6) for step in steps]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
