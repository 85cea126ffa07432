"""A camera that hangs upside down or on its side, with its pictures turned upright."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.events import Frame

if TYPE_CHECKING:
    from edge.camera import Camera


class TurnedCamera:
    """Another camera's pictures, clockwise by 90, 180 or 270 degrees."""

    def __init__(self, camera: Camera, degrees: int) -> None:
        """`degrees`: clockwise, as one would turn the camera's picture to see it upright."""
        self._camera, self._turns = camera, -degrees // 90
        self.name, self.ended = camera.name, camera.ended

    def capture(self) -> Frame:
        """See Camera. What is no picture passes as it is: the classifier refuses it."""
        frame = self._camera.capture()
        self.ended = self._camera.ended
        if frame.pixels.ndim != 3:
            return frame
        return Frame(np.ascontiguousarray(np.rot90(frame.pixels, self._turns)), frame.source)

    def close(self) -> None:
        """See Camera."""
        self._camera.close()
