"""The daemon: ears, eyes and voice on a thread each, and a main thread that looks after them.

Threads live here and nowhere else. A thread that fails ends the process, with the exit code of its error or
1: a service manager can restart a process that ends, but not one that is up and deaf.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge import logs
from edge.answers import Answers
from edge.barge_in import BargeIn, open_barge_in
from edge.clock import Clock
from edge.config import Config
from edge.ears import Ears
from edge.errors import HeychipError
from edge.eventlog import EventLog
from edge.eyes import Eyes
from edge.gate import Gate
from edge.lights.lit_camera import with_light
from edge.notify import Notifier
from edge.outlets import Outlets
from edge.parts import Ear, Eye, Parts
from edge.signals import Signals
from edge.status import Status
from edge.voice import Voice
from edge.watch import Watch

log = logging.getLogger(__name__)

POLL_S = 0.2
CLEAN_S = 3.5  # for the threads to end when asked to; the promise is 5 s
FAILED_S = 1.0  # and when one of them has failed; the promise is 2 s
LINGERS = {"mqtt"}  # it may wait for a name server, holds nothing that is ours, and ends by itself


class Room(Protocol):
    """What a thread runs: `step` until `done`."""

    done: bool

    def step(self) -> None: ...

    def close(self) -> None: ...


class Daemon:
    """One run with one configuration. After `run`, `reloading` tells whether the next one is to begin."""

    def __init__(
        self,
        config: Config,
        parts: Parts,
        *,
        tell: EventLog,
        signals: Signals | None = None,
        notifier: Notifier | None = None,
        reload: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        alongside: Callable[[], object] = lambda: None,
        greets: bool = True,
        hard_exit: Callable[[int], object] = os._exit,
    ) -> None:
        """`tell` writes the events. `reload` prepares the next configuration as a whole, and tells whether it
        may begin. `alongside` is called a few times a second; `greets`: whether rules are told of a start;
        `hard_exit` against a thread that hangs."""
        self._config, self._parts, self._tell = config, parts, tell
        self._signals, self._notifier = signals or Signals(), notifier or Notifier()
        self._reload, self._alongside, self._hard_exit = reload, alongside, hard_exit
        self._greets = greets
        self._recorded = config.microphone.backend == "recording"
        self._clock = clock or Clock()
        self._stop = threading.Event()
        self._gate = Gate(config.speech.tail_s)
        self._gate.stand(True)  # until the ears say otherwise
        over = open_barge_in(config.speech, parts, self._gate)
        self._voice = Voice(
            parts.speech, self._gate, tell=tell, now_s=self._now_s, own_voice=parts.own_voice, barge_in=over
        )
        self._outlets = Outlets(
            config, self._voice, tell=tell, stream_s=lambda: self._gate.stream_s, now_s=self._clock.now_s
        )
        self._answers = Answers(
            config, self._outlets, self._gate, tell=tell, now_s=self._now_s, memory=parts.memory
        )
        self._watch = Watch(self._notifier, self._clock.now_s, alarm=hard_exit is os._exit)
        self._ears = None if parts.ear is None else self._ears_of(parts.ear, over)
        self._eyes = None if parts.eye is None else self._eyes_of(parts.eye)
        self._outlets.attach(config, press=self._answers.pressed, eyes=self._eyes)
        if parts.memory is not None:
            parts.memory.attend(self._gate, lambda: self._ears.name if self._ears else "")
        self._failure: BaseException | None = None
        self._status = Status(self._clock.now_s, parts.ear)
        self._ears_cpu_s = 0.0
        self.reloading = False

    def _ears_of(self, ear: Ear, over: BargeIn | None) -> Ears:
        return Ears(
            self._config.microphone, ear, self._gate, hear=self._answers.heard, tell=self._tell,
            wait=self._nap, now_s=self._clock.now_s, patience=self._watch.patience, over=over,
        )  # fmt: skip

    def _eyes_of(self, eye: Eye) -> Eyes:
        if eye.prior is not None:
            eye.prior.attend(self._gate)
        return Eyes(
            with_light(eye, self._outlets.lights.privacy), self._config.camera.interval_s,
            see=self._answers.seen, feel=self._answers.felt, glow=self._outlets.glow, wait=self._nap,
            now_s=self._clock.now_s,
        )  # fmt: skip

    def _now_s(self) -> float:
        """The clock of rules and queues: that of the stream where it is a recording, whose pace then does not
        matter, else the monotonic one, which also goes on without a microphone."""
        return self._gate.stream_s if self._recorded else self._clock.now_s()

    def _nap(self, seconds: float) -> bool:
        return self._clock.wait(self._stop, seconds)

    def run(self) -> int:
        """Until a signal, a failure or the end of the recording; gives the exit code. Raises the HeychipError
        that ended it."""
        cpu_s, wall_s = time.process_time(), time.monotonic()
        rooms: dict[str, Room | None] = {"voice": self._voice, "ears": self._ears, "eyes": self._eyes}
        rooms["memory"] = self._parts.memory.scribe if self._parts.memory else None
        rooms |= {"photos": self._outlets.photos, "mqtt": self._outlets.outbox}
        live = {name: room for name, room in rooms.items() if room is not None and not room.done}
        threads = [threading.Thread(target=self._live, args=one, name=one[0], daemon=True)
                   for one in live.items()]  # fmt: skip
        try:
            for thread in threads:
                self._watch.beat(thread.name)
                thread.start()
                if self._greets and thread.name == "voice":
                    self._answers.started()
            while not self._over():
                self._nap(min(POLL_S, self._outlets.step()))
        except BaseException as error:
            self._fail("main", error)
        left = self._shut(threads)
        self._summarise(time.process_time() - cpu_s, time.monotonic() - wall_s)
        return self._verdict(left)

    def _live(self, name: str, room: Room) -> None:
        """A thread's whole life."""
        try:
            while not self._stop.is_set() and not room.done:
                room.step()
                self._watch.beat(name)
        except BaseException as error:
            self._fail(name, error)
        finally:
            self._watch.forget(name)
            if name == "ears":
                self._ears_cpu_s = time.thread_time()
            try:
                room.close()
            except Exception as error:
                self._fail(name, error)

    def _fail(self, name: str, error: BaseException) -> None:
        if not isinstance(error, (HeychipError, BrokenPipeError)):
            log.error(logs.line("failed", room=name, why=repr(error)), exc_info=error)
        if self._failure is None:
            self._failure = error
        self._stop.set()

    def _over(self) -> bool:
        """Looks after everything once; True where it is time to end."""
        self._alongside()
        self._look_after()
        if self._signals.end or self._stop.is_set():
            return True
        if self._signals.reload:
            self._signals.reload = False
            self.reloading = self._reload()
            return self.reloading
        if self._ears and self._ears.done and self._eyes:
            self._eyes.done = True  # the recording is over: no more pictures, but what was begun is finished
        at_end = all(room is None or room.done for room in (self._ears, self._eyes))
        return at_end and self._outlets.idle

    def _look_after(self) -> None:
        try:
            self._watch.stuck()
        except HeychipError as error:
            self._fail("main", error)
        self._watch.tell(self._ears, self._tell.counts)
        self._status.step(self._ears, self._tell)

    def _shut(self, threads: list[threading.Thread]) -> list[str]:
        """Ask everything to end; gives the names of the threads that did not in time."""
        if not self.reloading:
            self._notifier.stopping()
        self._stop.set()
        end_s = time.monotonic() + (FAILED_S if self._failure else CLEAN_S)
        self._try(self._outlets.stop)
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, end_s - time.monotonic()))
        self._try(self._outlets.close)
        return [thread.name for thread in threads if thread.is_alive() and thread.name not in LINGERS]

    def _try(self, end: Callable[[], object]) -> None:
        try:
            end()
        except Exception as error:
            self._fail("main", error)

    def _summarise(self, cpu_s: float, wall_s: float) -> None:
        stream_s = self._gate.stream_s
        counts = {name: self._tell.counts.get(name, 0) for name in ("heard", "seen", "said", "gated")}
        row = {
            "stream_s": round(stream_s, 3),
            "wall_s": round(wall_s, 3),
            "cpu_s": round(cpu_s, 3),
            "cpu_share": round(cpu_s / (stream_s or wall_s or 1), 4),
            "ears_cpu_s": round(self._ears_cpu_s, 3),
            **counts,
            "dropped": self._voice.dropped,
        }
        try:
            self._tell("summary", stream_s, **row)
        except OSError as error:  # nobody reads any more
            self._failure = self._failure or error
        log.info(logs.line("summary", **row))

    def _verdict(self, left: list[str]) -> int:
        failure = self._failure
        code = failure.exit_code if isinstance(failure, HeychipError) else int(failure is not None)
        if left:
            log.error(logs.line("stuck", rooms=",".join(left), action="exit", why=str(failure or "")))
            sys.stderr.flush()
            self._hard_exit(code)
        if isinstance(failure, (HeychipError, BrokenPipeError)):
            raise failure
        return code
