"""From what a microphone gave to the hops of the listener: one channel, whole numbers only, 16 kHz, a clock.

Everything that is lost on the way counts as time that has passed, so that the times of the stream stay those
of the clock on the wall.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np

from edge import logs
from edge.barge_in import BargeIn
from edge.errors import DeviceError
from edge.events import RATE_HZ, STEP, Chunk, Heard
from edge.gate import Gate
from edge.parts import Ear, Resampling, Samples
from edge.sound_check import SoundCheck
from edge.steady_level import SteadyLevel

log = logging.getLogger(__name__)

GAP_S = 0.2  # a longer gap makes what came before worthless


class Intake:
    """`step` for each chunk; `cut` where the stream begins anew; `finish` at its end."""

    def __init__(
        self,
        ear: Ear,
        gate: Gate,
        channel: int,
        *,
        hear: Callable[[Heard, float], None],
        now_s: Callable[[], float] = time.monotonic,
        over: BargeIn | None = None,
    ) -> None:
        """`hear(heard, time_s)` is called for each word, with its time in the stream; `over` takes our own
        voice out of the sound."""
        self._over = over
        self._ear, self._gate, self._channel, self._hear, self._now_s = ear, gate, channel, hear, now_s
        self._resampler: Resampling | None = None
        self._rate_hz = 0
        self._level, self._check, self._sparing = SteadyLevel(), SoundCheck(), logs.Sparing()
        self.bad_samples = 0
        self.lost_s = 0.0
        """of the stream, in gaps"""
        self._fed = self._in_hop = 0  # samples given to the listener, in all and since its last decision
        self._base_s = 0.0  # the time of the stream at which the listener's time began
        ear.listener.raise_by(lambda time_s: gate.raised_at(self._base_s + time_s))

    @property
    def deaf(self) -> bool:
        """Whether the microphone gives sound that is none."""
        return self._check.deaf

    @property
    def stream_s(self) -> float:
        """Seconds of the stream so far, with what was lost."""
        return self.lost_s + self._fed / RATE_HZ

    def opened(self, *, deaf: bool) -> None:
        """A microphone has been opened. `deaf`: it gave no sound before, and is called deaf until it does."""
        self.cut()
        self._level.reset()
        if not deaf:
            self._check.reset()

    def step(self, chunk: Chunk) -> None:
        """Hear a chunk. Raises DeviceError where it lacks the channel."""
        if self._resampler is None or chunk.rate_hz != self._rate_hz:
            if self._resampler is not None:
                self._feed(self._resampler.flush())
            self._resampler, self._rate_hz = self._ear.resampler(chunk.rate_hz), chunk.rate_hz
        if chunk.gap_s > 0:
            self._skip(chunk.gap_s)
        samples = self._clean(mono(chunk, self._channel))
        advice = self._check.step(samples, chunk.rate_hz)
        if advice and self._sparing.allow("loud", self._now_s()):
            log.warning(logs.line("too_loud", advice=advice))
        self._feed(self._resampler.step(self._centred(samples, chunk.rate_hz)))

    def finish(self) -> None:
        """The stream is over."""
        if self._resampler is not None:
            self._feed(self._resampler.flush())
        self._let_go()

    def cut(self) -> None:
        """What comes has nothing to do with what came: everything that remembers forgets."""
        self._let_go()
        self._ear.listener.reset()
        if self._resampler is not None:
            self._resampler.reset()
        self._in_hop, self._base_s = 0, self.stream_s

    def _skip(self, gap_s: float) -> None:
        """Sound was lost: the clock goes on, and what lies before a long gap is forgotten."""
        if self._sparing.allow("gap", self._now_s()):
            log.warning(logs.line("gap", lost_s=gap_s))
        self._let_go()
        self.lost_s += gap_s
        self._base_s += gap_s
        if gap_s > GAP_S:
            self.cut()

    def _clean(self, samples: Samples) -> Samples:
        """What is not a number becomes silence, and everything that might remember it forgets."""
        finite = np.isfinite(samples)
        if finite.all():
            return samples
        bad = int(np.count_nonzero(~finite))
        self.bad_samples += bad
        if self._sparing.allow("bad", self._now_s()):
            log.warning(logs.line("bad_samples", count=bad, total=self.bad_samples))
        self.cut()
        return np.where(finite, samples, np.float32(0))

    def _centred(self, samples: Samples, rate_hz: int) -> Samples:
        before = self._level.faulty
        centred = self._level.step(samples, rate_hz)
        if self._level.faulty and not before and self._sparing.allow("level", self._now_s()):
            log.warning(logs.line("constant_removed", level=self._level.mean))
        return centred

    def _feed(self, sound: Samples) -> None:
        """16 kHz samples, without our own voice where we speak."""
        self._hear_out(sound if self._over is None else self._over.step(sound, self.stream_s))

    def _let_go(self) -> None:
        """What is held back is heard: the stream ends or breaks here."""
        if self._over is not None:
            self._hear_out(self._over.end())
        self._pass_on(self._ear.listener.flush())

    def _hear_out(self, sound: Samples) -> None:
        """Samples for the listener, cut where its hops end: clock and gate stand at each decision."""
        while len(sound):
            piece, sound = np.split(sound, [STEP - self._in_hop])
            found = self._ear.listener.step(piece)
            self._fed += len(piece)
            self._in_hop = (self._in_hop + len(piece)) % STEP
            self._gate.advance(self.stream_s)
            self._pass_on(found)

    def _pass_on(self, found: list[Heard]) -> None:
        for heard in found:
            self._hear(heard, self._base_s + heard.time_s)


def mono(chunk: Chunk, channel: int) -> Samples:
    """The configured channel [n] of a chunk; the only one where there is only one. Raises DeviceError."""
    samples = chunk.samples if chunk.samples.ndim == 2 else chunk.samples[:, None]
    channels = samples.shape[1]
    if channels > 1 and channel >= channels:
        raise DeviceError(f"microphone.channel is {channel}, but it has channels 0 to {channels - 1}")
    return samples[:, 0 if channels == 1 else channel]
