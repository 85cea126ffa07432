"""Real speech for tests: the shared recordings, else prompts of a Debian package, else a skip."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from edge.events import STEP
from synth.decode import load_audio
from tests.shared import ASTERISK, POSITIVES


@cache
def real_speech() -> list[np.ndarray]:
    """Eight recordings of real people [k * 1280], 16 kHz."""
    if POSITIVES.is_dir():
        paths = [p for word in ("alexa", "computer") for p in sorted((POSITIVES / word).glob("*.flac"))[:4]]
    elif ASTERISK.is_dir():  # prompts of some seconds
        paths = sorted(ASTERISK.glob("*.g722"), key=lambda path: path.stat().st_size)[-48:-40]
    else:
        pytest.skip("no real speech here: neither the shared recordings nor asterisk-core-sounds-en-g722")
    sounds = [load_audio(path) for path in paths]
    return [s[: len(s) // STEP * STEP] for s in sounds]
