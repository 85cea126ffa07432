"""A camera whose light is on before it is opened and goes out when it is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.camera import Camera
from edge.events import Frame
from edge.parts import Eye


class LitCamera:
    """See edge.camera.Camera."""

    def __init__(self, opened: Callable[[], Camera], privacy: Callable[[bool], None]) -> None:
        """Raises DeviceError where the camera or its light cannot be had; then the light is off."""
        self._privacy = privacy
        privacy(True)
        try:
            self._camera = opened()
        except BaseException:
            privacy(False)
            raise
        self.name, self.ended = self._camera.name, self._camera.ended

    def capture(self) -> Frame:
        """The next picture."""
        try:
            return self._camera.capture()
        finally:
            self.ended = self._camera.ended

    def close(self) -> None:
        """First the camera, then its light: one that cannot be closed is still seen to be on."""
        self._camera.close()
        self._privacy(False)


def with_light(eye: Eye, privacy: Callable[[bool], None]) -> Eye:
    """The same eye, whose camera is lit while it is open. `privacy` is that of Lights."""
    return replace(eye, camera=lambda: LitCamera(eye.camera, privacy))
