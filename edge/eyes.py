"""The eyes: a picture every `interval_s`, what is in it, and what stays. Called from a thread of its own."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable

from edge import logs
from edge.camera import Camera
from edge.errors import DeviceError
from edge.events import Frame, Mood, Seen
from edge.heat import Heat
from edge.parts import Eye, Looking

log = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0  # a camera that failed once is opened again at once,
RETRY_S = 60.0  # and then at leisure: ears and voice do not need it
NAP_S = 0.2
FRESH_S = 5.0  # after so long, or twice the time between two pictures, nobody knows who is there


class Eyes:
    """A camera that is absent, fails or shows oddities costs nothing but the pictures."""

    def __init__(
        self,
        eye: Eye,
        interval_s: float,
        *,
        see: Callable[[Seen], None],
        feel: Callable[[Mood], None] = lambda _: None,
        glow: Callable[[float], None] = lambda _: None,
        wait: Callable[[float], object] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
        heat: Heat | None = None,
    ) -> None:
        """`see` is told what has become steady, `feel` each change of mood, and `glow` the average of joy
        after every picture with a face. `wait(seconds)` sleeps, and less where the daemon ends; `now_s` is a
        clock that never goes back; where `heat` says that it is hot, pictures are fewer."""
        self._now_s, self._heat = now_s, heat or Heat()
        self._feel, self._glow = feel, glow
        self._eye, self._interval_s, self._see, self._wait = eye, interval_s, see, wait
        self._camera: Camera | None = None
        self._next_s = 0.0
        self._failures = 0
        self._sparing = logs.Sparing()
        self._looks = ((eye.classifier, eye.steady), *eye.more)
        self._counted = (-float("inf"), -1)
        self._print = 0  # of the last picture
        self.latest: tuple[Frame, tuple[Seen, ...]] | None = None
        """the newest picture, with what each that looks at it said of it"""
        self.done = False
        self.skipped = 0

    @property
    def faces_now(self) -> int:
        """How many faces are before the camera; -1 where nobody knows: it is dark, nothing looks for faces,
        or the last picture is too old. May be asked from any thread."""
        at_s, count = self._counted
        return count if self._now_s() - at_s <= max(FRESH_S, 2 * self._interval_s) else -1

    def hurry(self) -> None:
        """Take the next picture now, as far as there is a camera. From any thread."""
        if self._camera is not None:
            self._next_s = 0.0

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
        seen = [(looker, self._look(looker, frame, now_s)) for looker, _ in self._looks]
        if said := tuple(one for _, one in seen if one is not None):
            self.latest = (frame, said)
        for (looker, one), (_, steady) in zip(seen, self._looks, strict=True):
            if one is None:
                continue
            if looker is self._eye.faces:
                self._count(frame, one, now_s)
            if (told := steady.step(one)) is not None:
                self._see(told)

    def _look(self, looker: Looking, frame: Frame, now_s: float) -> Seen | None:
        try:
            return looker.classify(frame)
        except DeviceError as error:  # a frame that is not one
            self.skipped += 1
            if self._sparing.allow("frame", now_s):
                log.warning(logs.line("frame_skipped", why=str(error), total=self.skipped))
            return None

    def _count(self, frame: Frame, seen: Seen, now_s: float) -> None:
        """Who is there, and in what mood."""
        self._counted = (now_s, -1 if seen.dark else len(seen.faces))
        if self._eye.prior is not None:
            self._eye.prior.seen(seen)
        if self._eye.moods is None:
            return
        before, self._print = self._print, zlib.crc32(frame.pixels.tobytes())
        mood = self._eye.moods.step(seen, now_s, same=self._print == before)
        if seen.faces:
            self._glow(self._eye.moods.joy)
        if mood is not None:
            self._feel(mood)

    def _capture(self) -> Frame | None:
        try:
            if self._camera is None:
                self._camera = self._eye.camera()
                for _, steady in self._looks:
                    steady.reset()
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
