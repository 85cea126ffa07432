"""Stand-ins for what the daemon hears, speaks and sees with: microphone, loudspeaker, camera."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from demo.stage import CLIPS
from edge.errors import DeviceError
from edge.events import RATE_HZ, Chunk, Frame, Said
from edge.microphone import Device
from edge.microphone.live import Live
from edge.replay import samples_of
from edge.speech import Before, SpeechError, nothing
from tests.soak.turns import Nap, Turns

NEVER = threading.Event()
LINE_S = 1.5  # a line of ours
LATE_S = 0.03  # from the player's start until it sounds
LINES = ("talk-06.wav", "talk-08.wav")  # what our voice sounds like: an answer, and any other line


class Room:
    """What the faults change, and the stand-ins look at."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.present, self.rate_hz = True, 48_000
        self.open: SoakMicrophone | None = None
        self.opens = 0
        self.stall_s = 0.0
        self.read_fails: BaseException | None = None
        self.speech = "well"
        self.start_s = turns.now_s()
        self.playing: tuple[int, NDArray[np.float32]] | None = None
        """what our loudspeaker plays: 16 kHz [n], and the sample of the day from which on it sounds"""
        self.camera = "well"
        self.pictures = 0

    def echo(self, begin: int, length: int) -> NDArray[np.float32]:
        """Of our loudspeaker, what comes to the microphone from this sample of the day on: [length]."""
        out = np.zeros(length, np.float32)
        if self.playing:
            start, sound = self.playing
            low, high = max(begin, start), min(begin + length, start + len(sound))
            if low < high:
                out[low - begin : high - begin] = sound[low - start : high - start]
        return out


class SoakMicrophone(Live):
    """A live microphone whose callback is called by the world, and whose reader waits on the soak's clock."""

    def __init__(self, room: Room) -> None:
        room.opens += 1
        if not room.present:
            raise DeviceError("there is no microphone: connect one")
        super().__init__(Device(3, "Soak USB: Audio", "ALSA", 1, 0, room.rate_hz), room.rate_hz, 0)
        self._room, self._nap = room, None
        room.open = self

    @property
    def alive(self) -> bool:
        """Whether the daemon holds it open and it is not gone."""
        return not self._closed and not self._gone

    def read(self, timeout_s: float) -> Chunk | None:
        """As Live.read, on the soak's clock."""
        room, turns = self._room, self._room.turns
        end_s = turns.now_s() + timeout_s
        if room.stall_s:
            stall_s, room.stall_s = room.stall_s, 0.0
            turns.wait(NEVER, stall_s)
        if room.read_fails:
            error, room.read_fails = room.read_fails, None
            raise error
        while True:
            chunk = super().read(0.0)
            if chunk is not None or self._closed or turns.now_s() >= end_s:
                return chunk
            self._nap = turns.begin(end_s)
            self._nap.lock.acquire()

    def feed(self, frames: NDArray[np.float32], *, overflow: bool = False) -> None:
        """The callback: [n] at the device's rate."""
        self.hear(frames[:, None], overflow=overflow)
        if self._nap is not None:
            self._room.turns.wake(self._nap)

    def unplug(self) -> None:
        """The backend says that the stream has ended."""
        self.lost()
        if self._nap is not None:
            self._room.turns.wake(self._nap)

    def close(self) -> None:
        """As the backends do it."""
        self._closed = True
        self.ring.close()
        if self._room.open is self:
            self._room.open = None


class SoakSpeech:
    """A loudspeaker that the microphone hears: a line takes its time, unless the room says otherwise."""

    how = "espeak"

    def __init__(self, room: Room) -> None:
        self._room, self._closed = room, False
        self._nap: Nap | None = None
        self.before: Before = nothing
        self._lines = []
        for name in LINES:
            clip = samples_of(CLIPS / name)
            first = int(np.flatnonzero(np.abs(clip) > 0.01)[0])
            self._lines.append(0.5 * clip[first : first + round(LINE_S * RATE_HZ)])

    def say(self, text: str) -> Said:
        """See edge.speech.Speech.say."""
        mode, room = self._room.speech, self._room
        if mode == "raises":
            room.speech = "well"
            raise RuntimeError("a mistake in the voice")
        if mode == "fails":
            self._sleep(0.1)
            raise SpeechError("the speaker fails")
        sound = self._lines[text != "Yes?"]
        self.before(sound, RATE_HZ)
        room.playing = round((room.turns.now_s() - room.start_s + LATE_S) * RATE_HZ), sound
        self._sleep({"slow": 8.0, "hangs": 10.0}.get(mode, LINE_S))
        if mode == "hangs":
            raise SpeechError("the speaker hangs")
        return Said(text, self.how, LINE_S)

    def _sleep(self, seconds: float) -> None:
        turns = self._room.turns
        self._nap = turns.begin(turns.now_s() + seconds)
        if self._closed:
            turns.wake(self._nap)
        self._nap.lock.acquire()

    def stop(self) -> None:
        """See edge.speech.Speech.stop."""
        if self._room.playing:
            start, sound = self._room.playing
            now = round((self._room.turns.now_s() - self._room.start_s) * RATE_HZ)
            self._room.playing = start, sound[: max(0, now - start)]
        if self._nap:
            self._room.turns.wake(self._nap)

    def close(self) -> None:
        """The daemon ends: its main thread is busy with that, not with the clock."""
        self._closed = True
        self.stop()
        self._room.turns.leave(threading.current_thread().name)


class SoakCamera:
    """A camera that may be absent, fail or hang."""

    name, ended = "soak", False

    def __init__(self, room: Room) -> None:
        self._room = room
        if room.camera in {"absent", "frozen"}:
            raise DeviceError("no camera: is the ribbon loose?")

    def capture(self) -> Frame:
        """A grey picture."""
        room = self._room
        if room.camera == "hangs":
            room.camera = "well"
            room.turns.wait(NEVER, 40.0)
        if room.camera == "raises":
            room.camera = "well"
            raise RuntimeError("a mistake in the camera")
        if room.camera != "well":
            raise DeviceError("a hundred pictures were the same")
        room.pictures += 1
        return Frame(np.full((4, 4, 3), 128, np.uint8), "cat" if room.pictures // 100 % 2 else "cup")

    def close(self) -> None:
        """Nothing to close."""
