"""Films for tests: real video files; and a picamera2 that is a fake, for other processes."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RED, BLUE = (220, 30, 20), (20, 30, 220)


def card(*, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Red, with a blue corner at the top left."""
    pixels = np.full((height, width, 3), RED, np.uint8)
    pixels[: height // 2, : width // 2] = BLUE
    return pixels


def film(
    path: Path, pictures: Sequence[NDArray[np.uint8]], *, codec: str = "mpeg4", pix: str = "yuv420p"
) -> Path:
    """A real video file of these pictures, ten a second."""
    av = pytest.importorskip("av")
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, pix
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def laid(path: Path, degrees: int) -> Path:
    """An MP4 whose header remarks, as telephones do, that it is to be turned clockwise to be shown."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # the matrix of a header of version 0
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def pi_camera(folder: Path, monkeypatch: pytest.MonkeyPatch, **world: Any) -> None:
    """From here on, processes that are started find the fake picamera2, in this world."""
    (folder / "picamera2.py").write_text(
        "import json\nfrom edge.camera.fake_picamera2 import Picamera2, reset\n"
        f"reset(**json.loads({json.dumps(world)!r}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
