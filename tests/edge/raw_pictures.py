"""Pictures for tests, byte by byte."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

RED = (220, 30, 20)


def ppm(*colour: int, width: int = 6, height: int = 4) -> bytes:
    return b"P6\n%d %d\n255\n" % (width, height) + bytes(colour) * (width * height)


def npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
