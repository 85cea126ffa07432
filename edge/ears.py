"""The ears: from the microphone to what was heard, through everything that happens to microphones.

Called from a thread of its own. A microphone that is absent or goes away is waited for; one that is there but
gives nothing is opened again, and the third time in a row that ends the process, because a daemon that is up
and deaf helps nobody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np

from edge import logs
from edge.barge_in import BargeIn
from edge.config import MicrophoneConfig
from edge.errors import DeviceError, HeychipError
from edge.events import RATE_HZ, STEP, Chunk, Heard
from edge.gate import Gate
from edge.microphone import Microphone
from edge.parts import Ear, Resampling, Samples
from edge.sound_check import SoundCheck

log = logging.getLogger(__name__)

READ_S = 0.25
SILENT_S = 2.0  # a microphone that gives nothing for so long has stopped
MOST_STOPS = 3
WELL_S = 10.0  # after so much sound, earlier stops are forgotten
GAP_S = 0.2  # a longer gap makes what came before worthless
WAITED_S = 0.002  # a read that took so long had to wait: the ears are not behind
LATE_S = 10.0  # behind for so long without a break: the Pi is too slow for all of its bundles
LAST_BACKOFF_S = 30.0
RATE_TOLERANCE = 0.02


class Ears:
    """`state` is "" before the first try, then LISTENING, DEAF or WAITING. `done`: a recording is over."""

    def __init__(
        self,
        config: MicrophoneConfig,
        ear: Ear,
        gate: Gate,
        *,
        hear: Callable[[Heard, float], None],
        tell: Callable[..., None],
        wait: Callable[[float], object] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
        over: BargeIn | None = None,
    ) -> None:
        """`hear(heard, time_s)` is called for each word, `tell(event, time_s, …)` for each change of state;
        `wait(seconds)` sleeps, and less where the daemon ends; `now_s` is a clock that never goes back."""
        self._now_s, self._over = now_s, over
        self._config, self._ear, self._gate = config, ear, gate
        self._hear, self._tell, self._wait = hear, tell, wait
        self._recorded = config.backend == "recording"
        self._microphone: Microphone | None = None
        self._resampler: Resampling | None = None
        self._rate_hz = 0
        self._check, self._sparing = SoundCheck(), logs.Sparing()
        self.state, self.done = "", False
        self.signs = 0
        """grows with every piece of sound, and while waiting for a microphone: food for the watchdog"""
        self.bad_samples = 0
        self._backoff_s, self._retry_s = 1.0, 0.0
        self._heard_s = self._ontime_s = self._now_s()
        self._stops, self._well_s = 0, 0.0
        self._lost_s = 0.0  # of the stream, in gaps
        self._fed = self._in_hop = 0  # samples given to the listener, in all and since its last decision
        self._base_s = 0.0  # the time of the stream at which the listener's time began
        ear.listener.raise_by(lambda time_s: gate.raised_at(self._base_s + time_s))

    @property
    def name(self) -> str:
        """The microphone's name, or nothing."""
        return self._microphone.name if self._microphone else ""

    def step(self) -> None:
        """One attempt at opening, or one piece of sound. Raises HeychipError where there is no way on."""
        if self._microphone is None:
            self._open()
            return
        before_s = self._now_s()
        try:
            chunk = self._microphone.read(READ_S)
        except DeviceError as error:
            self._lose(str(error))
            return
        self._keep_pace(before_s, chunk)
        if chunk is not None:
            self._take(chunk)
        if self._microphone is None:  # what it gave made us let it go
            return
        if self._microphone.ended:
            self._finish()
        elif chunk is None and self._now_s() - self._heard_s > SILENT_S and not self._recorded:
            self._stopped()

    def close(self) -> None:
        """Let go of the microphone."""
        if self._microphone is not None:
            self._microphone.close()
            self._microphone = None

    def _open(self) -> None:
        now_s = self._now_s()
        self.signs += 1
        if now_s < self._retry_s:
            self._wait(min(0.2, self._retry_s - now_s))
            return
        try:
            self._microphone = self._ear.microphone()
        except DeviceError as error:
            if self._recorded or (not self.state and self._config.device and not self._config.optional):
                raise  # a name that fits none or several is a mistake of the configuration, not of the day
            self._lose(str(error))
            return
        self._heard_s = self._ontime_s = self._now_s()
        self._backoff_s = 1.0
        self._restart()
        self._check.reset()
        self._gate.stand(False)
        self._become("LISTENING", microphone=self._microphone.name)

    def _lose(self, why: str) -> None:
        """The microphone is not there, or no longer: try again after 1, 2, 4 … 30 s."""
        self.close()
        self._gate.stand(True)
        if self.state != "WAITING":
            self._become("WAITING", why=why)
        elif self._sparing.allow("waiting", self._now_s()):
            log.warning(logs.line("microphone_waiting", why=why))
        self._retry_s = self._now_s() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LAST_BACKOFF_S)

    def _stopped(self) -> None:
        """It is there, says the system, but gives nothing."""
        self._stops, self._well_s = self._stops + 1, 0.0
        if self._stops >= MOST_STOPS:
            raise HeychipError(f"microphone {self.name} stopped {self._stops} times; ending, to be restarted")
        self._lose(f"no sound for {SILENT_S:g} s")
        self._retry_s = 0.0

    def _keep_pace(self, before_s: float, chunk: Chunk | None) -> None:
        now_s = self._now_s()
        if now_s - before_s >= WAITED_S or chunk is None:
            self._ontime_s = now_s
            if getattr(self._microphone, "behind_s", 0.0) < READ_S:  # a busy machine makes any read slow
                self._gate.caught_up()
        elif now_s - self._ontime_s > LATE_S and not self._recorded:
            self._ontime_s = now_s
            if self._ear.listener.shed() is None and self._sparing.allow("slow", now_s):
                log.warning(logs.line("too_slow", why="hops come faster than they can be heard"))

    def _take(self, chunk: Chunk) -> None:
        self._heard_s = self._now_s()
        self.signs += 1
        if self._resampler is None or chunk.rate_hz != self._rate_hz:
            if self._resampler is not None:
                self._feed(self._resampler.flush())
            self._resampler, self._rate_hz = self._ear.resampler(chunk.rate_hz), chunk.rate_hz
        if chunk.gap_s > 0:
            self._skip(chunk.gap_s)
        samples = self._clean(mono(chunk, self._config.channel))
        self._look_after(samples)
        self._feed(self._resampler.step(samples))

    def _skip(self, gap_s: float) -> None:
        """Sound was lost: the clock goes on, and what lies before a long gap is forgotten."""
        if self._sparing.allow("gap", self._now_s()):
            log.warning(logs.line("gap", lost_s=gap_s))
        self._let_go()
        self._lost_s += gap_s
        self._base_s += gap_s
        if gap_s > GAP_S:
            self._restart()

    def _clean(self, samples: Samples) -> Samples:
        """What is not a number becomes silence, and everything that might remember it forgets."""
        finite = np.isfinite(samples)
        if finite.all():
            return samples
        bad = int(np.count_nonzero(~finite))
        self.bad_samples += bad
        if self._sparing.allow("bad", self._now_s()):
            log.warning(logs.line("bad_samples", count=bad, total=self.bad_samples))
        self._restart()
        return np.where(finite, samples, np.float32(0))

    def _look_after(self, samples: Samples) -> None:
        advice = self._check.step(samples, self._rate_hz)
        if advice and self._sparing.allow("loud", self._now_s()):
            log.warning(logs.line("too_loud", advice=advice))
        if self._check.deaf and self.state == "LISTENING":
            self._become("DEAF", why="nothing but the same value for a minute; is the microphone muted?")
        elif self.state == "DEAF" and not self._check.deaf:
            self._become("LISTENING", microphone=self.name)
        self._well_s += len(samples) / self._rate_hz
        if self._well_s < WELL_S:
            return
        self._stops, self._well_s = 0, 0.0
        measured_hz = getattr(self._microphone, "measured_rate_hz", None)
        wrong = measured_hz and abs(measured_hz / self._rate_hz - 1) > RATE_TOLERANCE
        if wrong and self._sparing.allow("rate", self._now_s()):  # opening it all the time would be worse
            self._lose(f"it gives {measured_hz:.0f} samples a second, not {self._rate_hz}")

    def _feed(self, sound: Samples) -> None:
        """16 kHz samples, without our own voice where we speak."""
        self._hear_out(sound if self._over is None else self._over.step(sound, self._stream_s()))

    def _hear_out(self, sound: Samples) -> None:
        """Samples for the listener, cut where its hops end: clock and gate stand at each decision."""
        while len(sound):
            piece, sound = np.split(sound, [STEP - self._in_hop])
            found = self._ear.listener.step(piece)
            self._fed += len(piece)
            self._in_hop = (self._in_hop + len(piece)) % STEP
            self._gate.advance(self._stream_s())
            self._pass_on(found)

    def _pass_on(self, found: list[Heard]) -> None:
        for heard in found:
            self._hear(heard, self._base_s + heard.time_s)

    def _stream_s(self) -> float:
        return self._lost_s + self._fed / RATE_HZ

    def _let_go(self) -> None:
        """What is held back is heard: the stream ends or breaks here."""
        if self._over is not None:
            self._hear_out(self._over.end())
        self._pass_on(self._ear.listener.flush())

    def _restart(self) -> None:
        self._let_go()
        self._ear.listener.reset()
        if self._resampler is not None:
            self._resampler.reset()
        self._in_hop, self._base_s = 0, self._stream_s()

    def _finish(self) -> None:
        """The recording is over."""
        if self._resampler is not None:
            self._feed(self._resampler.flush())
        self._let_go()
        self._gate.stand(True)
        self.close()
        self.done = True

    def _become(self, state: str, **values: object) -> None:
        self.state = state
        log.info(logs.line("state", state=state, **values))
        self._tell("state", self._stream_s(), state=state, **values)


def mono(chunk: Chunk, channel: int) -> Samples:
    """The configured channel [n] of a chunk; the only one where there is only one. Raises DeviceError."""
    samples = chunk.samples if chunk.samples.ndim == 2 else chunk.samples[:, None]
    channels = samples.shape[1]
    if channels > 1 and channel >= channels:
        raise DeviceError(f"microphone.channel is {channel}, but it has channels 0 to {channels - 1}")
    return samples[:, 0 if channels == 1 else channel]
