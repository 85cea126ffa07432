"""A microphone through sounddevice (PortAudio): the way in on a Pi.

Measured on PortAudio 19: when a device hangs, `read()` and `stop()` wait for ever and signal handlers never
run, while `abort()` and `close()` return. So there are callbacks only, and `stop()` is never called. The list
of devices is frozen while PortAudio runs; it is started anew whenever nothing is open.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError
from edge.microphone import Device, choose_input, lean_alsa
from edge.microphone.cards import with_cards
from edge.microphone.live import BLOCK_S, Live, aim, attempts, is_gone, log, quiet, refusal

if TYPE_CHECKING:
    from edge.config import MicrophoneConfig

_open: set[SoundDeviceMicrophone] = set()


class SoundDeviceMicrophone(Live):
    """A running input stream of sounddevice."""

    def __init__(self, library: Any, device: Device, rate_hz: int, channels: int, channel: int) -> None:
        super().__init__(device, rate_hz, channel)
        self._library = library
        self._stream = library.InputStream(
            device=device.index,
            samplerate=rate_hz,
            channels=channels,
            dtype="float32",
            blocksize=round(BLOCK_S * rate_hz),
            latency="high",
            callback=self._callback,
            finished_callback=self.lost,
        )
        try:
            self._stream.start()
        except BaseException:
            self._stream.close()
            raise
        _open.add(self)

    def _callback(self, frames: NDArray[np.float32], _count: int, _time: Any, status: Any) -> None:
        self.hear(frames, overflow=bool(status.input_overflow))

    def close(self) -> None:
        """Abort the stream, close it and the library; what was not read is dropped."""
        self._closed = True
        self.ring.close()
        _open.discard(self)
        self._stream.abort()
        self._stream.close()
        if not _open:
            _end(self._library)


def open_live(config: MicrophoneConfig) -> SoundDeviceMicrophone:
    """Open the device that `config.device` names, as it is natively. Raises DeviceError."""
    library = _library()
    device = choose_input(devices(), config.device)
    aim(device)
    reasons = []
    for rate_hz, channels in attempts(device, config.channel):
        try:
            with quiet():
                microphone = SoundDeviceMicrophone(library, device, rate_hz, channels, config.channel)
        except (library.PortAudioError, ValueError) as error:
            reasons.append(f"{error} at {rate_hz} Hz, {channels} channels")
            if is_gone(error):
                break
            continue
        log.info("event=microphone backend=sounddevice device=%r rate_hz=%d channels=%d", device.name,
                 rate_hz, channels)  # fmt: skip
        return microphone
    raise refusal(device, reasons)


def devices() -> list[Device]:
    """All devices that PortAudio knows of, looked up anew unless a stream is open."""
    library = _library()
    try:
        if not _open:
            _end(library)
            lean_alsa.leave_out()
            library._initialize()
        apis = library.query_hostapis()
        found = list(library.query_devices())
        preferred = apis[library.default.hostapi] if apis else {}
    except library.PortAudioError as error:
        raise DeviceError(
            f"the sound system cannot be asked: {error}; is the sound server running?"
        ) from error
    return with_cards(
        Device(
            index=row["index"],
            name=row["name"],
            api=apis[row["hostapi"]]["name"],
            inputs=row["max_input_channels"],
            outputs=row["max_output_channels"],
            rate_hz=round(row["default_samplerate"]),
            default_input=row["index"] == preferred["default_input_device"],
            default_output=row["index"] == preferred["default_output_device"],
        )
        for row in found
    )


def _end(library: Any) -> None:
    """Its threads and connections end here, where hanging is noticed, and not when Python ends."""
    while library._initialized:  # not so if starting it failed the last time
        library._terminate()


def _library() -> Any:
    if "sounddevice" not in sys.modules:
        lean_alsa.leave_out()  # it starts PortAudio when it is imported
    try:
        import sounddevice
    except ImportError as error:
        raise DeviceError("sounddevice is not installed: pip install sounddevice") from error
    except OSError as error:  # its wheels for Linux come without the library itself
        raise DeviceError("the PortAudio library is missing: sudo apt install libportaudio2") from error
    # At exit it would wait for a device that hangs; what is open then the system closes without waiting.
    atexit.unregister(getattr(sounddevice, "_exit_handler", print))
    return sounddevice
