"""The child of `edge.camera.apart`: opens a camera and gives a picture for every byte it is sent.

    python -m edge.camera.serve CONFIG        CONFIG: [camera] as JSON

An answer is a line of JSON, and after that of a picture its bytes. It ends with its input. As it may be left
alone with a driver that never comes back, the kernel's alarm ends it then.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from edge.camera import Camera, open_here
from edge.config import CameraConfig
from edge.errors import DeviceError

ALARM_S = 30  # for one call; who is waiting gives up long before
NICE = 5  # the ears come first
INPUT, OUTPUT = 0, 1


def main() -> int:
    """The child's whole life."""
    config = CameraConfig(**json.loads(sys.argv[1]))
    output = os.dup(OUTPUT)
    os.dup2(2, OUTPUT)  # what a library prints may not stand between the pictures
    with contextlib.suppress(OSError):
        os.nice(NICE)
    return serve(lambda: open_here(config), output)


def serve(opened: Callable[[], Camera], output: int = OUTPUT) -> int:
    """Serve one camera until the input ends; 0, or 1 where it failed and the other side was told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other side, which then ends our input
    camera: Camera | None = None
    try:
        signal.alarm(ALARM_S)
        camera = opened()
        _tell(output, {"name": camera.name})
        while _asked(camera):
            signal.alarm(ALARM_S)
            _give(output, camera)
    except DeviceError as error:
        _tell(output, {"error": str(error)})
        return 1
    except BrokenPipeError:
        return 0
    finally:
        if camera is not None:
            signal.alarm(ALARM_S)
            camera.close()
    return 0


def _asked(camera: Camera) -> bool:
    """Waits until a picture is asked for; False where none ever will be. A camera that takes pictures all the
    time lets them go by meanwhile, so that none is old when it is given."""
    skip: Callable[[], None] | None = getattr(camera, "skip", None)
    signal.alarm(0)
    while not select.select([INPUT], [], [], 0 if skip else None)[0]:
        if skip:
            signal.alarm(ALARM_S)
            skip()
    return bool(os.read(INPUT, 1))


def _give(output: int, camera: Camera) -> None:
    frame = camera.capture()
    pixels = np.ascontiguousarray(frame.pixels)
    told = {"shape": pixels.shape, "dtype": pixels.dtype.str, "source": frame.source, "ended": camera.ended}
    _tell(output, told, pixels.tobytes())


def _tell(output: int, told: dict[str, Any], data: bytes = b"") -> None:
    left = memoryview(json.dumps(told).encode() + b"\n" + data)
    with contextlib.suppress(BrokenPipeError):
        while left:
            left = left[os.write(output, left) :]


if __name__ == "__main__":
    sys.exit(main())
