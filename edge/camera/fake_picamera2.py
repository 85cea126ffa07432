"""A picamera2 without a camera, for tests and for trying things: `sys.modules["picamera2"] = fake_picamera2`.

Modelled on the source of picamera2 0.3.38: the checks and the words of its errors, its defaults, one owner at
a time, jobs that the camera's own thread fulfils, buffers whose rows are padded to 64 bytes, and the order
of colours. What the camera sees, and what is wrong with it, is told to `WORLD`; nothing here waits for real.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = {  # what lies in memory, first byte first
    "BGR888": "RGB",
    "RGB888": "BGR",
    "XBGR8888": "RGBX",
    "XRGB8888": "BGRX",
}
STRIDE_BYTES = 64
STREAM_KEYS = ("format", "size", "stride", "preserve_ar")


@dataclass
class World:
    """The room in front of the camera, and the camera's health."""

    scene: tuple[int, int, int] = (128, 128, 128)
    """the colour of all that is seen, R, G, B"""
    cameras: int = 1
    """how many are connected"""
    acquired: bool = False
    """whether a program has the camera, this one or another"""
    stalled: bool = False
    """the ribbon is loose: no frame ever comes"""
    frozen: bool = False
    """frame after frame is the same to the bit"""
    no_memory: bool = False
    """the allocator finds no contiguous memory"""
    odd: NDArray[Any] | None = None
    """an array that is given in place of a frame"""
    fails: Exception | None = None
    """what the next capture's job raises"""
    waited_s: float = 0.0
    """how long callers would have waited"""
    frames: int = 0
    """frames given so far"""
    configured: list[dict[str, Any]] = field(default_factory=list)
    """all configurations, in order"""


WORLD = World()


def reset(**changes: Any) -> World:
    """A fresh world with `changes`; all cameras look into it."""
    fresh = World(**changes)
    WORLD.__dict__.update(fresh.__dict__)
    return WORLD


class Job:
    """An operation of the camera's thread, done as soon as there is a frame."""

    def __init__(self, camera: Picamera2, name: str) -> None:
        self._camera, self._name, self.cancelled = camera, name, False

    def get_result(self, timeout: float | None = None) -> NDArray[np.uint8]:
        """The frame. TimeoutError after `timeout` seconds (none pass here); None would wait for ever."""
        if WORLD.stalled or not self._camera.started:
            if timeout is None:
                raise AssertionError("would hang for ever: no timeout on a stalled camera")
            WORLD.waited_s += timeout
            raise TimeoutError
        self._camera.jobs.remove(self)
        if WORLD.fails is not None:
            failure, WORLD.fails = WORLD.fails, None
            raise failure
        return self._camera.make_array(self._name)


class Picamera2:
    """As much of the real one as a program that takes arrays has to do with."""

    def __init__(self, camera_num: int = 0) -> None:
        self.started, self.is_open = False, False
        self.jobs: list[Job] = []
        self._configuration: dict[str, Any] = {}
        if camera_num >= len(self.global_camera_info()):
            hint = 'use "rpicam-hello --list-cameras" to check connected cameras'
            raise RuntimeError(f"No camera number {camera_num} found - {hint}")
        if WORLD.acquired:
            cause = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from cause
        WORLD.acquired = self.is_open = True

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        """One dict for each camera that is connected."""
        return [
            {"Model": "fake", "Location": 2, "Rotation": 0, "Id": f"/fake/{n}", "Num": n}
            for n in range(WORLD.cameras)
        ]

    def create_preview_configuration(
        self, main: dict[str, Any] | None = None, *, buffer_count: int = 4, **others: Any
    ) -> dict[str, Any]:
        """The defaults of picamera2 with the given stream settings over them."""
        stream = {"format": "XBGR8888", "size": (640, 480), "preserve_ar": True}
        for key, value in (main or {}).items():
            if key not in STREAM_KEYS:
                raise ValueError(f"Bad key {key!r}: valid stream configuration keys are {STREAM_KEYS}")
            stream[key] = value
        return {"use_case": "preview", "buffer_count": buffer_count, "queue": True, "main": stream, **others}

    def configure(self, camera_config: dict[str, Any] | None = None) -> None:
        """Checks a configuration and takes it; not while running."""
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        wanted = copy.deepcopy(camera_config or self.create_preview_configuration())
        stream = wanted["main"]
        if stream["format"] not in CHANNELS:
            raise RuntimeError(f"Bad format {stream['format']} in stream main")
        if stream["size"][0] % 2 or stream["size"][1] % 2:
            raise RuntimeError("width and height should be even")
        if WORLD.no_memory:
            raise OSError(12, "Cannot allocate memory")
        row = stream["size"][0] * len(CHANNELS[stream["format"]])
        stream["stride"] = -(-row // STRIDE_BYTES) * STRIDE_BYTES
        self._configuration = wanted
        WORLD.configured.append(wanted)

    def camera_configuration(self) -> dict[str, Any]:
        """What was configured, as libcamera adjusted it."""
        return self._configuration

    def start(self) -> None:
        """Frames begin to come; where nothing was configured, with the defaults."""
        if not self._configuration:
            self.configure()
        self.started = True

    def capture_array(self, name: str = "main", wait: bool | float | None = None) -> Any:
        """A frame, or, where `wait` is False, the Job that will have it; a number is a timeout in seconds."""
        job = Job(self, name)
        self.jobs.append(job)
        if wait is False:
            return job
        return job.get_result(timeout=None if wait is None or wait is True else wait)

    def cancel_all_and_flush(self) -> None:
        """Cancels all jobs."""
        for job in self.jobs:
            job.cancelled = True
        self.jobs = []

    def stop(self) -> None:
        """No more frames; a second call does nothing."""
        self.started = False

    def close(self) -> None:
        """Lets another program have the camera; a second call does nothing."""
        if not self.is_open:
            return
        self.stop()
        WORLD.acquired = self.is_open = False

    def make_array(self, name: str) -> NDArray[np.uint8]:
        """The newest frame as picamera2 gives it: padding cut off, the bytes of a pixel in memory order."""
        if name not in self._configuration:
            raise RuntimeError(f"Stream {name!r} is not defined")
        if WORLD.odd is not None:
            return WORLD.odd
        stream = self._configuration[name]
        width, height = stream["size"]
        order = CHANNELS[stream["format"]]
        colours = dict(zip("RGBX", (*WORLD.scene, 255), strict=True))
        buffer = np.full((height, stream["stride"]), 0xAA, np.uint8)  # the padding is whatever was there
        image = buffer[:, : width * len(order)].reshape(height, width, len(order))
        image[...] = [colours[letter] for letter in order]
        WORLD.frames += 1
        seed = 0 if WORLD.frozen else WORLD.frames
        noise = np.random.default_rng(seed).integers(0, 3, (height, width), np.uint8)
        image[..., :3] += np.minimum(noise[..., None], 255 - image[..., :3])
        return np.ascontiguousarray(image)
