"""The daemon's lives: one after the other, as the service manager would have it, in one process."""

from __future__ import annotations

import gc
import threading

from edge import logs
from edge.actions import Actions
from edge.commands.run import build
from edge.config import Config, load_config
from edge.daemon import Daemon
from edge.errors import HeychipError
from edge.eventlog import EventLog
from edge.fakes import FakeClassifier
from edge.mood import Steady
from edge.notify import Notifier
from edge.parts import Ear, Eye, Parts
from edge.signals import Signals
from tests.soak.files import Files
from tests.soak.outside import Journal, Manager, Out
from tests.soak.parts import NEVER, Room, SoakCamera, SoakMicrophone, SoakSpeech
from tests.soak.turns import TurnCondition

RESTART_S = 5.0  # RestartSec of the unit
COMMAND_S = 1.0  # of real time, because the commands are real processes
THREADS = ("ears", "eyes", "voice", "memory")

log = logs.logging.getLogger("edge")


class Lives:
    """`run` is called from the main thread, and ends when somebody sets `over`."""

    def __init__(self, files: Files, room: Room, manager: Manager, journal: Journal, out: Out) -> None:
        self.signals = Signals()
        self.daemon: Daemon | None = None
        self.restarts = self.reloads = 0
        self.over = False
        self._files, self._room, self._turns = files, room, room.turns
        self._manager, self._journal, self._out = manager, journal, out
        self._prepared: list[tuple[Config, Parts]] = []

    def run(self) -> None:
        """All of them."""
        while not self.over:
            config = load_config(self._files.config)
            parts, notifier, reloading = self._parts(config), Notifier(str(self._manager.path)), True
            self.signals.end = self.signals.reload = False
            while reloading and not self.over:
                reloading = self._life(config, parts, notifier)
                gc.collect()  # as `heychip run` does, and as the end of a process would
                if reloading:
                    self.reloads += 1
                    config, parts = self._prepared.pop()
            if not self.over:
                self.restarts += 1
                self._turns.wait(NEVER, RESTART_S)

    def offer(self, line: str) -> None:
        """As a rule would."""
        if self.daemon:
            self.daemon._voice.offer(line)

    def start_command(self) -> None:
        """As a rule would."""
        if self.daemon:
            self.daemon._outlets.actions.start((str(self._files.command_file),))

    @property
    def listening(self) -> bool:
        """Whether the ears say that they hear."""
        daemon = self.daemon
        return daemon is not None and daemon._ears is not None and daemon._ears.state == "LISTENING"

    @property
    def speaking(self) -> bool:
        """Whether we speak, or the room still sounds of it."""
        gate = self.daemon._gate if self.daemon else None
        return gate is not None and gate.sounds_at(gate.stream_s)

    @property
    def ending(self) -> bool:
        """Whether there is no daemon, or one that ends: that takes time that is not on the clock."""
        daemon = self.daemon
        return daemon is None or daemon._stop.is_set()

    def _reload(self) -> bool:
        try:
            new = load_config(self._files.config)
            self._prepared.append((new, self._parts(new)))
        except HeychipError as error:
            log.error(logs.line("reload_refused", why=str(error)))
            return False
        return True

    def _life(self, config: Config, parts: Parts, notifier: Notifier) -> bool:
        """One run; True where the next one has a new configuration."""
        logs.setup(config.log.level, stream=self._journal)  # type: ignore[arg-type]
        daemon = Daemon(
            config,
            parts,
            tell=EventLog(config.events.file, as_json=True, out=self._out),  # type: ignore[arg-type]
            signals=self.signals,
            notifier=notifier,
            reload=self._reload,
            clock=self._turns,
            hard_exit=self._hard,
        )
        daemon._gate.changed = TurnCondition(self._turns)
        daemon._outlets.actions = Actions(timeout_s=COMMAND_S)
        self.daemon = daemon
        self._turns.expect(*THREADS)
        try:
            daemon.run()
        except (HeychipError, BrokenPipeError) as error:
            log.error(logs.line("ended", why=str(error)))
        self.daemon = None
        self._turns.leave(*THREADS)
        while any(thread.name in THREADS for thread in threading.enumerate()):
            self._turns.wait(NEVER, 1.0)
        self._turns.expect("MainThread")
        return daemon.reloading

    def _hard(self, _code: int) -> None:
        self._journal.events["hard_exit"] += 1

    def _parts(self, config: Config) -> Parts:
        """The real ones, but for what is not there."""
        parts = build(config)
        assert parts.ear is not None
        assert parts.memory is not None
        parts.memory.scribe._changed = TurnCondition(self._turns)
        ear = Ear(lambda: SoakMicrophone(self._room), parts.ear.resampler, parts.ear.listener)
        eye = Eye(lambda: SoakCamera(self._room), FakeClassifier(), Steady())
        return Parts(SoakSpeech(self._room), ear, eye, parts.memory, parts.own_voice)
