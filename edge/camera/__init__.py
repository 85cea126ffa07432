"""Where pictures come from: one Protocol, one ordered table of backends, each imported where it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edge.config import CameraConfig
from edge.errors import DeviceError
from edge.events import Frame


class Camera(Protocol):
    """Something that gives pictures. No threads: `capture` blocks, for 5 s at most."""

    name: str
    """what events and messages call it"""
    ended: bool
    """whether no more pictures can come: a folder that was shown once"""

    def capture(self) -> Frame:
        """The next picture, RGB. DeviceError where there is none: close, and open again later."""
        ...

    def close(self) -> None:
        """Gives the camera back; a second call does nothing."""
        ...


def _folder(config: CameraConfig) -> Camera:
    from edge.camera.folder import FolderCamera

    # A picture that is gone before it is steady would never be told, so each is held as long as that takes.
    return FolderCamera(config.folder, hold=config.steady_frames)


def _picamera2(_: CameraConfig) -> Camera:
    from edge.camera.pi import PiCamera

    return PiCamera()


BACKENDS: tuple[tuple[str, Callable[[CameraConfig], Camera]], ...] = (
    ("folder", _folder),
    ("picamera2", _picamera2),
)


def open_camera(config: CameraConfig) -> Camera:
    """The camera that `config` names, open and running. DeviceError where there is none."""
    for name, opened in BACKENDS:
        if name == config.backend:
            return opened(config)
    known = " or ".join(f'"{name}"' for name, _ in BACKENDS)
    raise DeviceError(
        f'no camera: [camera] backend is "{config.backend}"; set it to {known} in the configuration'
    )
