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
    return FolderCamera(config.folder, loop=not config.once, hold=config.steady_frames)


def _video(config: CameraConfig) -> Camera:
    from edge.camera.film import FilmCamera

    return FilmCamera(config.file, every_s=config.interval_s, loop=not config.once)


def _picamera2(_: CameraConfig) -> Camera:
    from edge.camera.pi import PiCamera

    return PiCamera()


def _v4l2(config: CameraConfig) -> Camera:
    from edge.camera.v4l2 import V4l2Camera

    return V4l2Camera(config.device)


BACKENDS: tuple[tuple[str, Callable[[CameraConfig], Camera], bool], ...] = (
    ("folder", _folder, False),
    ("video", _video, True),
    ("picamera2", _picamera2, True),
    ("v4l2", _v4l2, True),
)
"""The name, what opens it, and whether it lives in a process of its own: all that may hang or crash does."""


def open_camera(config: CameraConfig) -> Camera:
    """The camera that `config` names, open and running, its pictures upright. DeviceError where there is
    none."""
    from edge.camera.apart import served
    from edge.camera.turned import TurnedCamera

    apart = any(name == config.backend and alone for name, _, alone in BACKENDS)
    camera: Camera = served(config) if apart else open_here(config)
    return TurnedCamera(camera, config.rotate) if config.rotate else camera


def open_here(config: CameraConfig) -> Camera:
    """The camera that `config` names in this very process, its pictures as it gives them."""
    for name, opened, _ in BACKENDS:
        if name == config.backend:
            return opened(config)
    known = ", ".join(f'"{name}"' for name, _, _ in BACKENDS)
    raise DeviceError(
        f'no camera: [camera] backend is "{config.backend}"; set it to one of {known} in the configuration'
    )
