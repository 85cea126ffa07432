"""The ears: a microphone from its opening to its loss and back, whatever happens to it.

Called from a thread of its own. A microphone that is absent or goes away is waited for; one that is there but
gives nothing is opened again, and the third time in a row that ends the process, because a daemon that is up
and deaf helps nobody. What becomes of the sound is the intake's part.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from edge import logs
from edge.barge_in import BargeIn
from edge.config import MicrophoneConfig
from edge.errors import DeviceError, HeychipError
from edge.events import Chunk, Heard
from edge.gate import Gate
from edge.intake import Intake
from edge.microphone import Microphone
from edge.microphone.pace import likely_rate_hz
from edge.parts import Ear
from edge.patience import CLOSE_S, Patience

log = logging.getLogger(__name__)

READ_S = 0.25
SILENT_S = 2.0  # a microphone that gives nothing for so long has stopped
FIRST_S = 3.0  # or has not begun: some take their time
MOST_STOPS = 3
WELL_S = 3.0  # after so much sound, earlier stops are forgotten
WAITED_S = 0.002  # a read that took so long had to wait: the ears are not behind
LATE_S = 10.0  # behind for so long without a break: the Pi is too slow for all of its bundles
LAST_BACKOFF_S = 5.0  # longer would be rude to whoever has just plugged it in again
MEND_S = 60.0  # a microphone that gives no sound is opened anew, then after 1, 2, 4 … 32 minutes again
LAST_MEND_S = 1920.0
MOVED_S = 0.1  # a move costs at least so much sound
CALM_S = 12.0  # without gaps
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
        patience: Patience | None = None,
        over: BargeIn | None = None,
    ) -> None:
        """`hear(heard, time_s)` is called for each word, `tell(event, time_s, …)` for each change of state;
        `wait(seconds)` sleeps, and less where the daemon ends; `now_s` is a clock that never goes back;
        `patience` learns of calls that may hang; `over` takes our own voice out of what is heard."""
        self._now_s, self._tell, self._wait = now_s, tell, wait
        self._config, self._ear, self._gate = config, ear, gate
        self._patience = patience or Patience()
        self._recorded = config.backend == "recording"
        self._microphone: Microphone | None = None
        self._intake = Intake(ear, gate, config.channel, hear=hear, now_s=now_s, over=over)
        self._sparing = logs.Sparing()
        self.state, self.done = "", False
        self.signs = 0
        """grows with every piece of sound, and while waiting for a microphone: food for the watchdog"""
        self._backoff_s, self._retry_s = 1.0, 0.0
        self._heard_s = self._ontime_s = self._now_s()
        self._stops, self._well_s = 0, 0.0
        self._mend_s, self._mended_s = MEND_S, -LAST_MEND_S
        self._gap_s, self._doubt = -1e9, False  # the last gap, and whether it may have been a move
        self._wrong_hz = 0.0  # a rate that was measured, and not believed the first time

    @property
    def name(self) -> str:
        """The microphone's name, or nothing."""
        return self._microphone.name if self._microphone else ""

    @property
    def bad_samples(self) -> int:
        """How many were no numbers."""
        return self._intake.bad_samples

    def step(self) -> None:
        """One attempt at opening, or one piece of sound. Raises HeychipError where there is no way on."""
        if self._microphone is None:
            self._open()
            return
        before_s = self._now_s()
        try:
            chunk = self._microphone.read(READ_S)
            self._keep_pace(before_s, chunk)
            if chunk is not None:
                self._take(chunk)
        except DeviceError as error:
            self._lose(str(error))
            return
        if self._microphone is None:  # what it gave made us let it go
            return
        if self._microphone.ended:
            self._finish()
        elif chunk is None and not self._recorded:
            silent_s = SILENT_S if self._well_s else FIRST_S
            if self._now_s() - self._heard_s > silent_s:
                self._stopped(silent_s)

    def close(self) -> None:
        """Let go of the microphone."""
        if self._microphone is not None:
            microphone, self._microphone = self._microphone, None
            with self._patience.call("in closing the microphone", CLOSE_S):
                microphone.close()

    def _open(self) -> None:
        now_s = self._now_s()
        if now_s < self._retry_s:
            self.signs += 1
            self._wait(min(0.2, self._retry_s - now_s))
            return
        try:
            with self._patience.call("in opening the microphone"):
                self._microphone = self._ear.microphone()
            self.signs += 1
        except DeviceError as error:
            self.signs += 1
            if self._recorded or (not self.state and self._config.device and not self._config.optional):
                raise  # a name that fits none or several is a mistake of the configuration, not of the day
            self._lose(str(error))
            return
        self._heard_s = self._ontime_s = self._now_s()
        self._backoff_s, self._well_s, self._doubt = 1.0, 0.0, False
        self._intake.opened(deaf=self.state == "DEAF")
        self._gate.stand(False)
        if self.state != "DEAF":
            self._become("LISTENING", microphone=self.name)

    def _lose(self, why: str, *, at_once: bool = False) -> None:
        """The microphone is not there, or no longer: try again after 1, 2, 4, 5 … s, or at once."""
        self._gate.stand(True)
        if self.state != "WAITING":
            self._become("WAITING", why=why)
        elif self._sparing.allow("waiting", self._now_s()):
            log.warning(logs.line("microphone_waiting", why=why))
        self.close()
        self._retry_s = 0.0 if at_once else self._now_s() + self._backoff_s
        if not at_once:
            self._backoff_s = min(2 * self._backoff_s, LAST_BACKOFF_S)

    def _stopped(self, silent_s: float) -> None:
        """It is there, says the system, but gives nothing."""
        self._stops += 1
        if self._stops >= MOST_STOPS:
            raise HeychipError(f"microphone {self.name} stopped {self._stops} times; ending, to be restarted")
        self._lose(f"no sound for {silent_s:g} s", at_once=True)

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
        self._intake.step(chunk)
        if getattr(self._microphone, "may_move", False) and self._moved(chunk.gap_s):
            self._lose("sound was lost; it may be another source now", at_once=True)
            return
        if self._intake.deaf or self.state == "DEAF":
            self._look_after_deafness()
        self._well_s += len(chunk.samples) / chunk.rate_hz
        if self._well_s >= WELL_S:
            self._stops = 0
            self._measure()

    def _moved(self, gap_s: float) -> bool:
        """Whether to open it anew, to have the named source again. Where gaps come often they have another
        cause (a wrong rate, a Pi that is too slow), and it waits until they are over."""
        calm = self._now_s() - self._gap_s > CALM_S
        if gap_s > MOVED_S:
            self._gap_s, self._doubt = self._now_s(), True
        return self._doubt and calm

    def _look_after_deafness(self) -> None:
        if not self._intake.deaf:
            self._mend_s = MEND_S
            self._become("LISTENING", microphone=self.name)
            return
        if self.state == "LISTENING":
            self._become("DEAF", why="no sound for a minute, only one value; is the microphone muted?")
        if not self._recorded and self._now_s() - self._mended_s >= self._mend_s:
            self._mended_s, self._mend_s = self._now_s(), min(2 * self._mend_s, LAST_MEND_S)
            self.close()  # some are cured by this, and nothing is missed
            self._retry_s = 0.0

    def _measure(self) -> None:
        """A rate that is not what it should be is a reason to open anew; the second time it is believed."""
        microphone = self._microphone
        measured_hz = getattr(microphone, "measured_rate_hz", None)
        if microphone is None or not measured_hz:
            return
        if abs(measured_hz / microphone.rate_hz - 1) <= RATE_TOLERANCE:
            return
        why = f"it gives {measured_hz:.0f} samples a second, not {microphone.rate_hz}"
        if self._wrong_hz and abs(measured_hz / self._wrong_hz - 1) <= RATE_TOLERANCE:
            microphone.rate_hz = likely_rate_hz(measured_hz)
            log.warning(logs.line("rate", why=why, taken_as=microphone.rate_hz))
            return
        self._wrong_hz = measured_hz
        self._lose(why, at_once=True)

    def _finish(self) -> None:
        """The recording is over."""
        self._intake.finish()
        self._gate.stand(True)
        self.close()
        self.done = True

    def _become(self, state: str, **values: object) -> None:
        self.state = state
        log.info(logs.line("state", state=state, **values))
        self._tell("state", self._intake.stream_s, state=state, **values)
