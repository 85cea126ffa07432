"""The soak itself: the daemon in the main thread, and the world in a thread that feeds and hurts it.

Real are daemon, ears, listener with the shipped bundle, ring, gate, voice, own voice and barge-in, memory,
rules, eyes, event log, log, status, configuration, signals, actions and the socket of the service manager.
Stand-ins are the sound card's callback, the loudspeaker, the camera with its classifier, and the clock.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import edge.eventlog
import edge.eyes
import edge.microphone.live
from edge import logs
from edge.events import RATE_HZ
from tests.soak.card import Card
from tests.soak.fault import Fault
from tests.soak.files import Files
from tests.soak.lives import THREADS, Lives
from tests.soak.lookout import Lookout, children
from tests.soak.outside import Journal, Manager, Out
from tests.soak.parts import Room
from tests.soak.thrower import Thrower
from tests.soak.turns import Turns
from tests.soak.world import World


class Rig:
    """One soak. `run` goes through the whole day."""

    def __init__(
        self, world: World, faults: list[Fault], folder: Path, *, seed: int, piece_s: float = 0.16
    ) -> None:
        self.world = world
        self.turns = Turns()
        self.room = Room(self.turns)
        self.files = Files(folder)
        self.card = Card(world, self.room, np.random.default_rng(seed + 2), piece_s)
        self.lookout, self.thrower = Lookout(self), Thrower(self, faults)
        self.journal, self.out = Journal(self.turns), Out(self.lookout.told)
        self.manager = Manager(folder / "notify")
        self.lives = Lives(self.files, self.room, self.manager, self.journal, self.out)
        self.wall_offset_s = 0.0
        self.children: list[int] = []
        """processes that were left when all was over"""
        self.progress: Callable[[Rig], object] = lambda _: None
        self._at = 0  # samples of the day that have passed

    @property
    def now_s(self) -> float:
        """Seconds of the day."""
        return self.turns.now_s() - self.room.start_s

    def signal(self, name: str) -> None:
        """To ourselves."""
        os.kill(os.getpid(), getattr(signal, name))

    def run(self) -> None:
        """The whole day. Called from the main thread."""
        self.files.prepare()
        before = children()  # of whoever runs the soak
        with self._clocks():
            threading.current_thread().name = "MainThread"
            self.lives.signals.catch()
            world = threading.Thread(target=self._live, name="world", daemon=True)
            self.turns.expect("MainThread")
            world.start()
            try:
                self.lives.run()
            finally:
                self.lives.over = True
                self.turns.leave("MainThread", *THREADS)
                world.join(60)
                self.children = [pid for pid in children() if pid not in before]
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)

    @contextmanager
    def _clocks(self) -> Iterator[None]:
        """The soak's clock, for those that do not ask the daemon for it; and the runtime directory."""
        actual, nap_s = time.time, edge.eyes.NAP_S
        time.time = lambda: actual() + self.wall_offset_s
        clock = SimpleNamespace(monotonic=self.turns.now_s)
        edge.eyes.NAP_S = 1.0  # nothing of the eyes depends on it, and each nap is a change of turns
        modules = {module: module.time for module in (edge.microphone.live, edge.eventlog)}
        for module in modules:
            module.time = clock  # type: ignore[attr-defined]
        os.environ["RUNTIME_DIRECTORY"] = str(self.files.folder)
        try:
            yield
        finally:
            time.time, edge.eyes.NAP_S = actual, nap_s
            for module, real in modules.items():
                module.time = real  # type: ignore[attr-defined]
            del os.environ["RUNTIME_DIRECTORY"]

    def _live(self) -> None:
        """The world's whole life."""
        try:
            length = round(self.world.length_s * RATE_HZ)
            while self._at < length and not self.lives.over:
                self._block()
        except BaseException as error:
            self.lookout.wrongs.append(f"the rig failed: {error!r}")
            logs.logging.getLogger("edge").exception("rig")
        finally:
            self.lives.over = True
            self.lives.signals.end = True
            for _ in range(400):  # let everybody go
                self.turns.advance(self.turns.now_s() + 0.5)
                time.sleep(0.002)
                if self.lives.daemon is None:
                    break

    def _block(self) -> None:
        begin, step = self._at, round(self.card.usual_piece_s * RATE_HZ)
        self._at += step
        self.turns.advance(self.room.start_s + self._at / RATE_HZ)
        if self.lives.ending:
            time.sleep(0.001)
        self.card.give(begin, step)
        self.manager.read(self.now_s)  # before the thrower, who asks for signs of life
        self.thrower.step(self.now_s)
        self.lookout.step(self.now_s)
