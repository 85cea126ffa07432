"""Stand-ins for hardware and models, for tests and for trying the daemon without either.

They ship with heychip, so that whoever builds on it can test what they build.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event

import numpy as np

from edge.events import RATE_HZ, Chunk, Frame, Heard, Said, Seen
from edge.parts import Samples
from edge.speech import Before, SpeechError, nothing


def silence(seconds: float, rate_hz: int = RATE_HZ, **fields: float) -> Chunk:
    """A chunk of zeros [n, 1]."""
    return Chunk(np.zeros((round(seconds * rate_hz), 1), np.float32), rate_hz, **fields)


class FakeMicrophone:
    """Gives the items of a script: a chunk, None (nothing came in time), or an error to raise. After the last
    one it has ended, as a recording would."""

    name = "fake"

    def __init__(self, script: Iterable[Chunk | Exception | None], *, rate_hz: int = RATE_HZ) -> None:
        self.rate_hz, self.ended, self.closed = rate_hz, False, False
        self._script = iter(script)

    def read(self, timeout_s: float) -> Chunk | None:  # noqa: ARG002 - of the Protocol
        """The next item; never waits."""
        try:
            item = next(self._script)
        except StopIteration:
            self.ended = True
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        """Remembers it."""
        self.closed = True


class QuietRoom(FakeMicrophone):
    """A microphone in a silent room, at the pace of the clock, for ever."""

    def __init__(self) -> None:
        super().__init__([])

    def read(self, timeout_s: float) -> Chunk | None:
        """80 ms of nothing, after 80 ms."""
        time.sleep(min(timeout_s, 0.08))
        return silence(0.08)


class FakeListener:
    """Hears a word whenever one of `times_s` passes, counted from the last reset."""

    def __init__(
        self, times_s: Iterable[float] = (), *, word: str = "hey chip", fails: Exception | None = None
    ) -> None:
        self._times_s, self._word, self._fails = sorted(times_s), word, fails
        self.resets, self.finite, self.samples, self.words = 0, True, 0, (word,)

    def step(self, samples: Samples) -> list[Heard]:
        """See edge.listener.Listener.step."""
        if self._fails is not None:
            raise self._fails
        before, self.samples = self.samples, self.samples + len(samples)
        self.finite &= bool(np.isfinite(samples).all())
        return [
            Heard(t, self._word, "fake", 1.0, ("fake",))
            for t in self._times_s
            if before < round(t * RATE_HZ) <= self.samples
        ]

    def reset(self) -> None:
        """See edge.listener.Listener.reset."""
        self.resets, self.samples = self.resets + 1, 0

    @property
    def health(self) -> str:
        """Its only member is well."""
        return "1/1"

    def flush(self) -> list[Heard]:
        """Holds nothing back."""
        return []

    def raise_by(self, raised: Callable[[float], float]) -> None:
        """Its scores do not depend on it."""

    def shed(self) -> str | None:
        """Has only the one word."""
        return None


class FakeSpeech:
    """Says lines of a fixed length. `fails` gives how many of the first lines fail, `hold` makes say() block
    until it is set or close() is called."""

    def __init__(
        self, how: str = "wav", *, duration_s: float = 1.0, fails: int = 0, hold: Event | None = None
    ) -> None:
        self.how, self.duration_s, self._fails, self._hold = how, duration_s, fails, hold
        self.lines: list[str] = []
        self.before: Before = nothing
        self.began, self.stopped = Event(), 0

    def say(self, text: str) -> Said:
        """See edge.speech.Speech.say."""
        self.began.set()
        if self._hold is not None:
            self._hold.wait()
        if self._fails > 0:
            self._fails -= 1
            raise SpeechError("the fake was told to fail")
        self.lines.append(text)
        return Said(text, self.how, self.duration_s)

    def play(self, file: str) -> Said:
        """See edge.speech.Speech.play."""
        return self.say(f"@{Path(file).name}")

    def stop(self) -> None:
        """Counts, and lets a blocked say() go."""
        self.stopped += 1
        self.close()

    def close(self) -> None:
        """Lets a blocked say() go."""
        if self._hold is not None:
            self._hold.set()


class FakeCamera:
    """Calls `shoot` for each picture; it gives a label, or raises."""

    name, ended = "fake", False

    def __init__(self, shoot: Callable[[], str]) -> None:
        self._shoot = shoot

    def capture(self) -> Frame:
        """A grey picture whose source is the label."""
        return Frame(np.full((4, 4, 3), 128, np.uint8), self._shoot())

    def close(self) -> None:
        """Nothing to close."""


class FakeClassifier:
    """Sees in a picture of FakeCamera what its source says."""

    def classify(self, frame: Frame) -> Seen:
        """Sure of it at 0.9."""
        return Seen(frame.source, 0.9, frame.source, ((frame.source, 0.9),))
