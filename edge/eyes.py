"""The eyes: a picture every `interval_s`, what is in it, and what stays. Called from a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from edge import logs
from edge.camera import Camera
from edge.errors import DeviceError
from edge.events import Frame, Seen
from edge.heat import Heat
from edge.parts import Eye

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0  # a camera that failed once is opened again at once,
RETRY_S = 60.0  # and then at leisure: ears and voice do not need it
NAP_S = 0.2


class Eyes:
    """A camera that is absent, fails or shows oddities costs nothing but the pictures."""

    def __init__(
        self,
        eye: Eye,
        interval_s: float,
        *,
        see: Callable[[Seen], None],
        wait: Callable[[float], object] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
        heat: Heat | None = None,
    ) -> None:
        """`see` is told what has become steady; `wait(seconds)` sleeps, and less where the daemon ends;
        `now_s` is a clock that never goes back; where `heat` says that it is hot, pictures are fewer."""
        self._now_s, self._heat = now_s, heat or Heat()
        self._eye, self._interval_s, self._see, self._wait = eye, interval_s, see, wait
        self._camera: Camera | None = None
        self._next_s = 0.0
        self._failures = 0
        self._sparing = logs.Sparing()
        self.done = False
        self.skipped = 0

    def step(self) -> None:
        """One picture, or a nap until it is time for one."""
        now_s = self._now_s()
        if now_s < self._next_s:
            self._wait(min(NAP_S, self._next_s - now_s))
            return
        self._next_s = now_s + self._interval_s * self._heat.step(now_s)
        frame = self._capture()
        if frame is None:
            return
        try:
            seen = self._eye.classifier.classify(frame)
        except DeviceError as error:  # a frame that is not one
            self.skipped += 1
            if self._sparing.allow("frame", now_s):
                log.warning(logs.line("frame_skipped", why=str(error), total=self.skipped))
            return
        steady = self._eye.steady.step(seen)
        if steady is not None:
            self._see(steady)

    def _capture(self) -> Frame | None:
        try:
            if self._camera is None:
                self._camera = self._eye.camera()
                self._eye.steady.reset()
                log.info(logs.line("camera", name=self._camera.name))
            elif self._camera.ended:
                self.done = True
                return None
            frame = self._camera.capture()
        except DeviceError as error:
            self._failed(str(error))
            return None
        self._failures = 0
        return frame

    def _failed(self, why: str) -> None:
        self.close()
        retry_s = RETRY_S if self._failures else FIRST_RETRY_S
        self._failures += 1
        self._next_s = self._now_s() + retry_s
        if self._failures < 3 or self._sparing.allow("camera", self._now_s()):
            log.warning(logs.line("camera_failed", why=why, retry_s=retry_s))

    def close(self) -> None:
        """Let go of the camera."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None
