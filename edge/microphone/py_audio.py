"""A microphone through PyAudio: the other way to PortAudio, where sounddevice will not do.

`close()` is called without `stop_stream()`, which would wait for a device that hangs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import DeviceError
from edge.microphone import Device, choose_input, lean_alsa
from edge.microphone.cards import with_cards
from edge.microphone.live import BLOCK_S, Live, aim, attempts, is_gone, log, quiet, refusal

if TYPE_CHECKING:
    from edge.config import MicrophoneConfig


class PyAudioMicrophone(Live):
    """A running input stream of PyAudio. Owns `session` from the moment that it is open."""

    def __init__(self, session: Any, device: Device, rate_hz: int, channels: int, channel: int) -> None:
        super().__init__(device, rate_hz, channel)
        library = _library()
        self._session, self._channels = session, channels
        self._overflow, self._next = library.paInputOverflow, (None, library.paContinue)
        self._stream = session.open(
            input=True,
            input_device_index=device.index,
            rate=rate_hz,
            channels=channels,
            format=library.paFloat32,
            frames_per_buffer=round(BLOCK_S * rate_hz),
            stream_callback=self._callback,
        )

    def _callback(self, data: bytes, _count: int, _time: Any, status: int) -> tuple[None, int]:
        frames = np.frombuffer(data, np.float32).reshape(-1, self._channels)
        self.hear(frames, overflow=bool(status & self._overflow))
        return self._next

    def running(self) -> bool:
        """PyAudio has no word for a stream that ended, so it is asked."""
        return self._closed or bool(self._stream.is_active())

    def close(self) -> None:
        """Close the stream and the session; what was not read is dropped."""
        if self._closed:
            return
        self._closed = True
        self.ring.close()
        self._stream.close()
        self._session.terminate()


def open_live(config: MicrophoneConfig) -> PyAudioMicrophone:
    """Open the device that `config.device` names, as it is natively. Raises DeviceError."""
    session = _session()
    try:
        device = choose_input(_devices(session), config.device)
        aim(device)
        reasons = []
        for rate_hz, channels in attempts(device, config.channel):
            try:
                with quiet():
                    microphone = PyAudioMicrophone(session, device, rate_hz, channels, config.channel)
            except (OSError, ValueError) as error:
                reasons.append(f"{error} at {rate_hz} Hz, {channels} channels")
                if is_gone(error):
                    break
                continue
            log.info("event=microphone backend=pyaudio device=%r rate_hz=%d channels=%d", device.name,
                     rate_hz, channels)  # fmt: skip
            return microphone
        raise refusal(device, reasons)
    except BaseException:
        session.terminate()
        raise


def devices() -> list[Device]:
    """All devices that PortAudio knows of."""
    session = _session()
    try:
        return _devices(session)
    finally:
        session.terminate()


def _devices(session: Any) -> list[Device]:
    rows = [session.get_device_info_by_index(index) for index in range(session.get_device_count())]
    apis = [session.get_host_api_info_by_index(number) for number in range(session.get_host_api_count())]
    preferred = session.get_default_host_api_info() if apis else {}
    return with_cards(
        Device(
            index=row["index"],
            name=str(row["name"]),
            api=apis[row["hostApi"]]["name"],
            inputs=row["maxInputChannels"],
            outputs=row["maxOutputChannels"],
            rate_hz=round(row["defaultSampleRate"]),
            default_input=row["index"] == preferred["defaultInputDevice"],
            default_output=row["index"] == preferred["defaultOutputDevice"],
        )
        for row in rows
    )


def _session() -> Any:
    library = _library()
    lean_alsa.leave_out()
    try:
        with quiet():
            return library.PyAudio()
    except OSError as error:
        raise DeviceError(
            f"the sound system cannot be asked: {error}; is the sound server running?"
        ) from error


def _library() -> Any:
    try:
        import pyaudio
    except ImportError as error:
        remedy = "sudo apt install portaudio19-dev, then pip install 'heychip[pyaudio]'"
        raise DeviceError(f"PyAudio is not installed: {remedy}") from error
    return pyaudio
