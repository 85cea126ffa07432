"""A Raspberry Pi's camera, through picamera2 (apt's, as it needs libcamera's own Python bindings).

Configured once, 640 x 480 with three buffers: changing modes for every photo is what makes the memory of the
camera run out (picamera2 issues 1125, 887), and more pixels are of no use to a network that sees 224 x 224.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.camera.frozen import FRAMES, Frozen
from edge.errors import DeviceError
from edge.events import Frame
from edge.holders import camera_holders

log = logging.getLogger(__name__)

SIZE = (640, 480)
BUFFERS = 3
TIMEOUT_S = 4.0  # of the promised 5; a camera whose ribbon came loose blocks for ever (picamera2 issue 1090)

# picamera2 names its formats as libcamera does, by the order within a little-endian word, so "BGR888" lies in
# memory as red, green, blue. Which array positions hold R, G and B:
ORDER = {"BGR888": (0, 1, 2), "RGB888": (2, 1, 0), "XBGR8888": (0, 1, 2), "XRGB8888": (2, 1, 0)}
FORMAT = "BGR888"

NO_PICAMERA2 = (
    "install it with `sudo apt install python3-picamera2`, and make the virtual environment so that it sees "
    "it: `python3 -m venv --system-site-packages`"
)


class PiCamera:
    """One camera, opened, configured and running until `close`."""

    def __init__(self, *, number: int = 0) -> None:
        """`number`: which of the cameras. DeviceError names what is missing and what to do about it."""
        self.name, self.ended = f"picamera2:{number}", False
        self._camera: Any = _opened(_picamera2(), number)
        try:
            told = self._camera.create_preview_configuration(
                main={"format": FORMAT, "size": SIZE}, buffer_count=BUFFERS
            )
            self._camera.configure(told)
            got = self._camera.camera_configuration()["main"]
            self._size, self._order = tuple(got["size"]), ORDER[got["format"]]
            self._camera.start()
        except (
            Exception
        ) as error:  # libcamera's reasons arrive as RuntimeError, OSError, KeyError, ValueError
            self.close()
            remedy = (
                "close other programs that use the camera; `dmesg | grep -i cma` tells of too little memory"
            )
            raise DeviceError(f"{self.name}: cannot be started: {_reason(error)}; {remedy}") from error
        self._frozen = Frozen()

    def capture(self) -> Frame:
        """The newest picture. DeviceError after 4 s without one, or where the pictures have frozen."""
        if self._camera is None:
            raise DeviceError(f"{self.name}: is closed")
        try:
            pixels = self._camera.capture_array("main", wait=False).get_result(timeout=TIMEOUT_S)
        except TimeoutError as error:
            self._forget_jobs()
            reason = f"no picture for {TIMEOUT_S:.0f} s; look whether its ribbon is loose"
            raise DeviceError(f"{self.name}: {reason}") from error
        except Exception as error:  # whatever a job of picamera2 met in its own thread arrives here
            raise DeviceError(f"{self.name}: capture failed: {_reason(error)}") from error
        frame = Frame(self._rgb(np.asarray(pixels)), self.name)
        if self._frozen.step(frame.pixels):
            raise DeviceError(f"{self.name}: the last {FRAMES} pictures are the same: it has frozen")
        return frame

    def close(self) -> None:
        """Stops the camera and gives it back, so that the next one to open it can."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.stop, camera.close):
            try:
                step()
            except Exception as error:  # a camera that fell off fails here too, and must still be let go of
                log.warning("event=camera_close_failed camera=%s why=%r", self.name, _reason(error))

    def _rgb(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Without padding, in the order R, G, B. What is no picture passes: the classifier refuses it."""
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            return pixels
        width, height = self._size
        cut = pixels[:height, :width]
        if self._order == (0, 1, 2):
            return np.ascontiguousarray(cut[..., :3])
        return np.ascontiguousarray(cut[..., list(self._order)])

    def _forget_jobs(self) -> None:
        """A job left waiting would answer the next capture with an old picture."""
        try:
            self._camera.cancel_all_and_flush()
        except Exception as error:  # newer than Raspberry Pi OS 12's first picamera2: closing does it, too
            log.debug("event=camera_flush_failed camera=%s why=%r", self.name, _reason(error))


def _picamera2() -> Any:
    """The module, imported only when a camera is wanted."""
    try:
        import picamera2
    except ImportError as error:
        raise DeviceError(f"picamera2 cannot be imported ({_reason(error)}); {NO_PICAMERA2}") from error
    except ValueError as error:  # "numpy.dtype size changed": apt's simplejpeg against a newer numpy
        remedy = "a numpy in the virtual environment is newer than apt's: `pip uninstall numpy` there"
        raise DeviceError(f"picamera2 cannot be imported ({_reason(error)}); {remedy}") from error
    return picamera2


def _opened(module: Any, number: int) -> Any:
    """The camera `number`, acquired. DeviceError where there is none or somebody else has it."""
    try:
        found = module.Picamera2.global_camera_info()
        if number >= len(found):
            reason = f"no camera number {number}, {len(found)} found"
            raise DeviceError(f"{reason}; look at its ribbon, and at `rpicam-hello --list-cameras`")
        return module.Picamera2(number)
    except DeviceError:
        raise
    except Exception as error:
        reason = f"camera number {number} cannot be opened: {_reason(error)}"
        users = ", ".join(camera_holders()) or "`sudo fuser -v /dev/media*` names who does"
        remedy = f"only one program at a time can have it: {users}"
        raise DeviceError(f"{reason}; {remedy}") from error


def _reason(error: BaseException) -> str:
    """The innermost reason: picamera2 wraps libcamera's in its own."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip() or type(error).__name__
