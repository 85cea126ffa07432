"""A USB camera and its like: Video4Linux, /dev/video*, through PyAV.

PyAV's time limits do not end a call that is blocked in the kernel (measured on a pipe that nobody writes to:
asked for 1 s, it never came back), so this runs in a process of its own, see `edge.camera.apart`.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from edge.camera.frozen import FRAMES, Frozen
from edge.camera.libav import pyav, reason, upright
from edge.errors import DeviceError
from edge.events import Frame
from edge.holders import camera_holders

SIZE = "640x480"  # more is of no use to a network that sees 224 x 224; the driver takes the nearest it has
MOST_BAD = 10  # pictures in a row that cannot be decoded: a USB camera's first one often is half a JPEG


class V4l2Camera:
    """One camera, open and running until `close`."""

    def __init__(self, device: str) -> None:
        """`device`: /dev/video0, or better /dev/v4l/by-id/…, which stays the same whatever is plugged in
        first. DeviceError names what is missing and what to do about it."""
        self.name, self.ended = device, False
        av = pyav()
        self._broken = (av.FFmpegError, OSError, ValueError)
        if not Path(device).exists():
            found = ", ".join(sorted(str(p) for p in Path("/dev").glob("video*"))) or "none"
            remedy = "plug it in, or set [camera] device"
            raise DeviceError(f"{device}: no such camera (there are: {found}); {remedy}")
        try:
            self._container: Any = av.open(device, format="v4l2", options={"video_size": SIZE})
        except self._broken as error:
            why = f"{reason(error)}; {_remedy(error, device)}"
            raise DeviceError(f"{device}: cannot be opened: {why}") from error
        self._packets = self._container.demux(video=0)
        self._frozen = Frozen()

    def capture(self) -> Frame:
        """The next picture that the camera takes, RGB. DeviceError where it fails or has frozen."""
        for _ in range(MOST_BAD):
            if frames := self._decoded(self._packet()):
                break
        else:
            raise DeviceError(f"{self.name}: none of its last {MOST_BAD} pictures can be decoded")
        pixels = upright(frames[-1])
        if self._frozen.step(pixels):
            raise DeviceError(f"{self.name}: the last {FRAMES} pictures are the same: it has frozen")
        return Frame(pixels, self.name)

    def skip(self) -> None:
        """Lets one picture go by, so that the next that is asked for is a new one, not one from a queue."""
        self._packet()

    def close(self) -> None:
        """Gives the camera back."""
        self._container.close()

    def _packet(self) -> Any:
        try:
            return next(self._packets)
        except StopIteration as error:
            raise DeviceError(f"{self.name}: gives no more pictures; was it unplugged?") from error
        except self._broken as error:
            raise DeviceError(f"{self.name}: capture failed: {reason(error)}; was it unplugged?") from error

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except self._broken:
            return []


def _remedy(error: BaseException, device: str) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EBUSY:
        users = ", ".join(camera_holders()) or "`fuser -v " + device + "` names who does"
        return f"only one program at a time can have it: {users}"
    if number in {errno.EACCES, errno.EPERM}:
        return "add the user to the group: sudo usermod -aG video $USER, then log in again"
    if number == errno.ENOTTY:
        return "this is no camera; `v4l2-ctl --list-devices` lists them"
    return "`v4l2-ctl --list-devices` lists the cameras; some of their /dev/video* give no pictures"
