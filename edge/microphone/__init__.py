"""Microphones: one protocol, three backends, opened by one function.

`auto` tries the live backends in the order of `BACKENDS` and logs why each was passed over. Every microphone
delivers the one channel that the configuration names: chunks are [n, 1], at whatever rate the device has.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from edge.errors import DeviceError
from edge.microphone.cards import is_called
from edge.microphone.device import PULSE
from edge.microphone.device import Device as Device
from edge.microphone.holders import holders

if TYPE_CHECKING:
    from edge.config import MicrophoneConfig
    from edge.events import Chunk

log = logging.getLogger(__name__)

BACKENDS = {"sounddevice": "edge.microphone.sound_device", "pyaudio": "edge.microphone.py_audio"}


class Microphone(Protocol):
    """Where sound comes from."""

    @property
    def name(self) -> str:
        """The device's or recording's name."""

    rate_hz: int
    """samples per second of what comes next; each chunk carries its own"""

    @property
    def ended(self) -> bool:
        """Whether a recording is over. A device never ends: it goes away, and `read` raises DeviceError."""

    def read(self, timeout_s: float) -> Chunk | None:
        """The next chunk [n, 1], or None if nothing came within `timeout_s`. Raises DeviceError when gone."""

    def close(self) -> None:
        """Let go of the device. Never waits for sound that does not come."""


class Backend(Protocol):
    """What a module in BACKENDS offers."""

    def devices(self) -> list[Device]:
        """All devices, looked up anew. Raises DeviceError where the backend is not installed."""

    def open_live(self, config: MicrophoneConfig) -> Microphone:
        """Open the device that the configuration names. Raises DeviceError."""


def open_microphone(config: MicrophoneConfig) -> Microphone:
    """Open what [microphone] asks for. Raises DeviceError with every reason where nothing can be opened."""
    if config.backend == "recording":
        from edge.microphone.recording import RecordedMicrophone

        return RecordedMicrophone(config.files, channel=config.channel, pace=config.pace)
    if config.backend != "auto":
        return _backend(config.backend).open_live(config)
    reasons = []
    for name in BACKENDS:
        try:
            return _backend(name).open_live(config)
        except DeviceError as error:
            log.warning("event=microphone_passed_over backend=%s reason=%r", name, str(error))
            reasons.append(f"{name}: {error}")
    raise DeviceError("no microphone could be opened\n" + "\n".join(reasons))


def list_devices(backend: str = "auto") -> list[Device]:
    """All sound devices, by the first backend that is installed (or the one named). Raises DeviceError."""
    reasons = []
    for name in BACKENDS if backend == "auto" else (backend,):
        try:
            return _backend(name).devices()
        except DeviceError as error:
            log.info("event=backend_passed_over backend=%s reason=%r", name, str(error))
            reasons.append(f"{name}: {error}")
    raise DeviceError("sound devices cannot be listed\n" + "\n".join(reasons))


def choose_input(devices: Sequence[Device], wanted: str) -> Device:
    """The one input that is `wanted`: its card's id or socket, its name, or a part of that; the default where
    `wanted` is empty; a source of PulseAudio where it begins with `pulse:`.

    Raises DeviceError that lists every match where there are several, and every input where there is none.
    """
    inputs = [device for device in devices if device.inputs > 0]
    if not inputs:
        raise DeviceError(
            f"there is no microphone: connect one; `arecord -l` lists what the kernel sees{held()}"
        )
    if wanted.startswith(PULSE):
        return _through_pulse(inputs, wanted)
    if not wanted:
        found = [device for device in inputs if device.default_input] or inputs
        problem = "there is no default microphone"
    else:
        needle = wanted.casefold()
        same = [d for d in inputs if d.name.casefold() == needle]
        same = same or [d for d in inputs if is_called(d, wanted)]
        found = same or [device for device in inputs if needle in f"{device.name}, {device.api}".casefold()]
        problem = (
            f"{len(found)} microphones match {wanted!r}" if found else f"no microphone matches {wanted!r}"
        )
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  - {device}" for device in found or inputs)
    remedy = "set [microphone] device to a part of one name"
    if any(device.card for device in found or inputs):
        remedy += ", to its CARD=..., or, where two are equal, to the usb-... socket that it is plugged into"
    raise DeviceError(f"{problem}; {remedy}:\n{listed}{'' if found else held()}")


def held() -> str:
    """PortAudio does not list a device that another program has open: who does, in words, or nothing."""
    users = holders()
    return f"\n(one that is in use is not listed; in use by {', '.join(users)})" if users else ""


def _through_pulse(inputs: Sequence[Device], wanted: str) -> Device:
    """ALSA's way to the sound server, under the name of the source that is to be asked for."""
    for name in ("pulse", "default"):
        for device in inputs:
            if device.name == name:
                return replace(device, name=wanted)
    raise DeviceError(
        f"no way to PulseAudio's {wanted!r}: is the server running, and libasound2-plugins installed?"
    )


def _backend(name: str) -> Backend:
    module: Backend = import_module(BACKENDS[name])
    return module
