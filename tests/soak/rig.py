"""The soak itself: the daemon in the main thread, and the world in a thread that feeds and hurts it.

Real are daemon, ears, listener with the shipped bundle, ring, gate, voice, rules, eyes, event log, log,
configuration, signals, actions and the socket of the service manager. Stand-ins are the sound card's
callback, the loudspeaker, the camera with its classifier, and the clock.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import shutil
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import edge.eventlog
import edge.eyes
import edge.microphone.live
from edge import logs
from edge.actions import Actions
from edge.commands.run import build
from edge.config import Config, load_config
from edge.daemon import Daemon
from edge.errors import HeychipError
from edge.eventlog import EventLog
from edge.events import RATE_HZ
from edge.fakes import FakeClassifier
from edge.model_folders import find_bundle
from edge.mood import Steady
from edge.notify import Notifier
from edge.parts import Ear, Eye, Parts
from edge.signals import Signals
from tests.soak.fault import Fault
from tests.soak.faults import KINDS
from tests.soak.parts import (
    NEVER,
    Journal,
    Manager,
    Out,
    Room,
    SoakCamera,
    SoakMicrophone,
    SoakSpeech,
)
from tests.soak.reference import LATE_S, word_at
from tests.soak.turns import TurnCondition, Turns
from tests.soak.world import Converter, World

RESTART_S = 5.0  # RestartSec of the unit
COMMAND_S = 1.0  # of real time, because the commands are real processes
GIVE_UP_S = 400.0  # a fault that is not over by then never is
GAP_S = 10.0  # the longest time without a sign of life
BEFORE_S, AFTER_S = 0.5, 0.7  # around a word, in which nothing may be wrong if it is to be asked for
SAMPLE_S = 60.0
MEMORY_MB = 4  # some thirty moments: the oldest go all day long
THREADS = ("ears", "eyes", "voice", "memory")


@dataclasses.dataclass(frozen=True)
class Sample:
    """The process at one moment of the day."""

    time_s: float
    rss_kb: int
    files: int
    threads: int


class Rig:
    """One soak. `run` goes through the whole day."""

    def __init__(
        self, world: World, faults: list[Fault], folder: Path, *, seed: int, piece_s: float = 0.16
    ) -> None:
        self.world, self.faults, self.folder = world, faults, folder
        self.rng = np.random.default_rng(seed + 2)
        self.turns = Turns()
        self.start_s = self.turns.now_s()
        self.room = Room(self.turns, folder)
        self.journal, self.out = Journal(self.turns), Out(self._told)
        self.manager = Manager(folder / "notify")
        self.signals = Signals()
        self.usual_piece_s = self.piece_s = piece_s
        self.treat: Any = None
        self.lost_share, self.true_hz, self.mute_until_opens = 0.0, 0, 0
        self.wrong: SoakMicrophone | None = None
        self.wall_offset_s = 0.0
        self.restarts = self.reloads = self.unseen_lines = self.lines = 0
        self.samples: list[Sample] = []
        self.wrongs: list[str] = []
        """what must not be"""
        self.unsaid: list[tuple[float, str]] = []
        self.longest_gap: tuple[float, Fault | None] | None = None
        self.longest_gap_s = self.longest_closed_s = 0.0
        self.told: Counter[str] = Counter()
        self.speaks = False
        self.most_remembered_mb = 0.0
        self._daemon: Daemon | None = None
        self._fed: SoakMicrophone | None = None
        self._held: list[np.ndarray] = []
        self._overflow = False
        self._at = 0  # samples of the day that have passed
        self._fault: Fault | None = None
        self._queue = list(faults)
        self.done: list[Fault] = []
        self.children: list[int] = []
        self._free_s = 0.0
        self._word = 0
        self._closed_s: float | None = None
        self._file = "well"
        self._over = False
        self.progress: Any = lambda _: None

    # What faults do to it

    def write_config(self, more: str) -> None:
        """The configuration file, with `more` in front of the rules."""
        rules = f'[[rules]]\nheard = "*"\ntext = "Yes?"\nrun = ["{self.folder}/command"]\n'
        sections = {
            "listen": f'bundles = ["{self.folder}/bundle"]',
            "events": f'file = "{self.folder}/events.jsonl"',
            "speech": 'backend = "silent"',
            "memory": f'folder = "{self.folder}/memory"\nmost_mb = {MEMORY_MB}',
        }
        text = ""
        for name, line in sections.items():
            head = f"[{name}]\n"
            more = more.replace(head, f"{head}{line}\n") if head in more and "bundles" not in more else more
            text += "" if head in more else f"{head}{line}\n"
        (self.folder / "heychip.toml").write_text(text + more + rules)

    def spoil_bundle(self, data: bytes) -> None:
        """What stands in the bundle's file."""
        (self.folder / "bundle" / "detectors.onnx").write_bytes(data)

    def write_command(self, script: str) -> None:
        """What the rule's command does."""
        new = self.folder / "command.new"
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.replace(self.folder / "command")

    def start_command(self) -> None:
        """As a rule would."""
        if self._daemon:
            self._daemon._actions.start((str(self.folder / "command"),))

    def offer(self, line: str) -> None:
        """As a rule would."""
        if self._daemon:
            self._daemon._voice.offer(line)

    def signal(self, name: str) -> None:
        """To ourselves."""
        os.kill(os.getpid(), getattr(signal, name))

    def event_file(self, how: str) -> None:
        """The file of events becomes a full disk, a folder, or itself again."""
        path, aside = self.folder / "events.jsonl", self.folder / "events.aside"
        if self._file == "well":
            path.touch()
            path.rename(aside)
        elif self._file == "full":
            path.unlink()
        else:
            path.rmdir()
        if how == "full":
            path.symlink_to("/dev/full")
        elif how == "folder":
            path.mkdir()
        else:
            aside.rename(path)
        self._file = how

    # The daemon

    def run(self) -> None:
        """The whole day. Called from the main thread."""
        self._prepare()
        wall, actual = time.time, time.time
        time.time = lambda: actual() + self.wall_offset_s
        clock = SimpleNamespace(monotonic=self.turns.now_s)
        edge.eyes.NAP_S = 1.0  # nothing of the eyes depends on it, and each nap is a change of turns
        modules = {module: module.time for module in (edge.microphone.live, edge.eventlog)}
        for module in modules:
            module.time = clock  # type: ignore[attr-defined]
        threading.current_thread().name = "MainThread"
        self.signals.catch()
        os.environ["RUNTIME_DIRECTORY"] = str(self.folder)
        world = threading.Thread(target=self._live, name="world", daemon=True)
        self.turns.expect("MainThread")
        world.start()
        try:
            self._lives()
        finally:
            self._over = True
            self.turns.leave("MainThread", *THREADS)
            world.join(60)
            self.children = _children()
            time.time = wall
            del os.environ["RUNTIME_DIRECTORY"]
            for module, real in modules.items():
                module.time = real  # type: ignore[attr-defined]
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)

    def _prepare(self) -> None:
        shutil.copytree(find_bundle("hey_chip"), self.folder / "bundle")
        self.bundle_data = (self.folder / "bundle" / "detectors.onnx").read_bytes()
        self.write_config("")
        self.write_command("exit 0")

    def _lives(self) -> None:
        """One process' life after the other, as the service manager would have it."""
        prepared: list[tuple[Config, Parts]] = []

        def reload() -> bool:
            try:
                new = load_config(self.folder / "heychip.toml")
                prepared.append((new, self._parts(new)))
            except HeychipError as error:
                logs.logging.getLogger("edge").error(logs.line("reload_refused", why=str(error)))
                return False
            return True

        while not self._over:
            config = load_config(self.folder / "heychip.toml")
            parts, notifier, reloading = self._parts(config), Notifier(str(self.manager.path)), True
            self.signals.end = self.signals.reload = False
            while reloading and not self._over:
                logs.setup(config.log.level, stream=self.journal)  # type: ignore[arg-type]
                tell = EventLog(config.events.file, as_json=True, out=self.out)  # type: ignore[arg-type]
                daemon = Daemon(
                    config,
                    parts,
                    tell=tell,
                    signals=self.signals,
                    notifier=notifier,
                    reload=reload,
                    clock=self.turns,
                    hard_exit=self._hard,
                )
                reloading = self._life(daemon)
                del daemon
                gc.collect()  # as `heychip run` does, and as the end of a process would
                if reloading:
                    self.reloads += 1
                    config, parts = prepared.pop()
            if not self._over:
                self.restarts += 1
                self.turns.wait(NEVER, RESTART_S)

    def _life(self, daemon: Daemon) -> bool:
        """One run; True where the next one has a new configuration."""
        daemon._gate.changed = TurnCondition(self.turns)
        daemon._actions = Actions(timeout_s=COMMAND_S)
        self._daemon = daemon
        self.turns.expect(*THREADS)
        try:
            daemon.run()
        except (HeychipError, BrokenPipeError) as error:
            logs.logging.getLogger("edge").error(logs.line("ended", why=str(error)))
        self._daemon = None
        self.turns.leave(*THREADS)
        while any(thread.name in THREADS for thread in threading.enumerate()):
            self.turns.wait(NEVER, 1.0)
        self.turns.expect("MainThread")
        return daemon.reloading

    def _hard(self, _code: int) -> None:
        self.journal.events["hard_exit"] += 1

    def _parts(self, config: Config) -> Parts:
        """The real ones, but for what is not there."""
        parts = build(config)
        assert parts.ear is not None
        assert parts.memory is not None
        parts.memory.scribe._changed = TurnCondition(self.turns)
        ear = Ear(lambda: SoakMicrophone(self.room), parts.ear.resampler, parts.ear.listener)
        eye = Eye(lambda: SoakCamera(self.room), FakeClassifier(), Steady())
        return Parts(SoakSpeech(self.room), ear, eye, parts.memory, parts.own_voice)

    # The world

    def _live(self) -> None:
        try:
            length = round(self.world.length_s * RATE_HZ)
            while self._at < length and not self._over:
                self._block()
        except BaseException as error:
            self.wrongs.append(f"the rig failed: {error!r}")
            logs.logging.getLogger("edge").exception("rig")
        finally:
            self._over = True
            self.signals.end = True
            for _ in range(400):  # let everybody go
                self.turns.advance(self.turns.now_s() + 0.5)
                time.sleep(0.002)
                if self._daemon is None:
                    break

    @property
    def now_s(self) -> float:
        """Seconds of the day."""
        return self.turns.now_s() - self.start_s

    def _block(self) -> None:
        begin, step = self._at, round(self.usual_piece_s * RATE_HZ)
        self._at += step
        self.turns.advance(self.start_s + self._at / RATE_HZ)
        if self._daemon is None or self._daemon._stop.is_set():
            time.sleep(0.001)  # what ends a daemon takes time that is not on this clock
        if microphone := self.room.open:
            self._sound(microphone, begin, step)
        self._look()

    def _sound(self, microphone: SoakMicrophone, begin: int, step: int) -> None:
        if self.room.opens < self.mute_until_opens:
            return
        rate_hz = self.true_hz or microphone.device.rate_hz
        if microphone is self.wrong:
            rate_hz = 48_000 if rate_hz == RATE_HZ else RATE_HZ
        if microphone is not self._fed or self._converter.rate_hz != rate_hz:
            self._fed, self._held, self._converter = microphone, [], Converter(rate_hz)
        frames = self._converter.step(self.world.sound(begin, step) + self.room.echo(begin, step))
        if self.treat:
            frames = self.treat(self, frames).astype(np.float32)
        if self.lost_share and self.rng.random() < self.lost_share:
            self._overflow = True
            return
        self._deliver(microphone, frames)

    def _deliver(self, microphone: SoakMicrophone, frames: np.ndarray) -> None:
        if self.piece_s == 0:
            for k in range(len(frames)):
                microphone.feed(frames[k : k + 1])
            return
        self._held.append(frames)
        if sum(map(len, self._held)) >= (self.piece_s - 1e-3) * self._converter.rate_hz:
            microphone.feed(np.concatenate(self._held), overflow=self._overflow)
            self._held, self._overflow = [], False

    # What is watched

    def _look(self) -> None:
        now_s = self.now_s
        self.manager.read(now_s)
        self._follow_fault(now_s)
        fault = self._fault
        kind = KINDS[fault.kind] if fault else None
        gate = self._daemon._gate if self._daemon else None
        self.speaks = gate is not None and gate.sounds_at(gate.stream_s)
        deaf = kind is not None and kind.deaf  # without a microphone the gate waits with the stream
        self._closed_s = (self._closed_s or now_s) if self.speaks and not deaf else None
        if self._closed_s is not None:
            self.longest_closed_s = max(self.longest_closed_s, now_s - self._closed_s)
        if (kind and kind.deaf) or self.speaks:
            self._spoil(now_s, fault.kind if kind and kind.deaf and fault else "own speech")
        if kind and (kind.hangs or kind.deaf):
            self.manager.last_s = None
        if self.manager.last_s is not None and now_s - self.manager.last_s > self.longest_gap_s:
            self.longest_gap_s, self.longest_gap = now_s - self.manager.last_s, (now_s, fault)
        if now_s - (self.samples[-1].time_s if self.samples else -SAMPLE_S) >= SAMPLE_S:
            self.samples.append(sample(now_s))
            self._look_at_files()
            self.progress(self)

    def _look_at_files(self) -> None:
        """What is remembered stays below its cap, and the status is whole."""
        size = sum(file.stat().st_size for file in (self.folder / "memory").glob("*"))
        self.most_remembered_mb = max(self.most_remembered_mb, size / 1e6)
        status = self.folder / "status.json"
        if status.exists() and "state" not in json.loads(status.read_bytes()):
            self.wrongs.append("status.json tells no state")

    def _spoil(self, now_s: float, why: str) -> None:
        """Words that sound about now are not asked for."""
        words = self.world.words
        while self._word < len(words) and words[self._word].end_s + AFTER_S + 1.0 < now_s:
            self._word += 1
        for word in words[self._word : self._word + 2]:
            if word.start_s - BEFORE_S <= now_s <= word.end_s + AFTER_S and not (
                word.heard and why == "own speech"
            ):
                word.spoiled = word.spoiled or why

    def _follow_fault(self, now_s: float) -> None:
        fault = self._fault
        if fault is None:
            if self._queue and now_s >= max(self._queue[0].start_s, self._free_s) and self._daemon:
                self._fault = fault = self._queue.pop(0)
                fault.start_s, fault.notes["restarts"] = now_s, self.restarts
                KINDS[fault.kind].begin(self, fault)
            return
        kind = KINDS[fault.kind]
        if fault.ended_s is None:
            if now_s - fault.start_s >= fault.length_s:
                kind.end(self, fault)
                fault.ended_s = now_s
            return
        hearing = self._daemon and self._daemon._ears and self._daemon._ears.state == "LISTENING"
        heard = (
            hearing and self.room.open and self.room.open.alive and self.room.opens >= self.mute_until_opens
        )
        if heard and self.room.open is not self.wrong and kind.well(self, fault):
            fault.back_s = now_s - fault.ended_s
        elif now_s - fault.ended_s < GIVE_UP_S:
            return
        fault.restarts = self.restarts - int(fault.notes["restarts"])
        self.done.append(fault)
        self._fault, self._free_s = None, now_s + 3.0

    def _told(self, row: dict[str, Any]) -> None:
        """An event on standard output."""
        event, now_s = row["event"], self.now_s
        self.told[event] += 1
        self.lines += 1
        if self._file != "well":
            self.unseen_lines += 1
        if event not in {"heard", "gated"}:
            return
        late_s = 20.0 if self._fault and KINDS[self._fault.kind].late else LATE_S + self.piece_s
        word = word_at(self.world, now_s, late_s)
        if word is None:
            self.unsaid.append((now_s, self._fault.kind if self._fault else ""))
        else:
            word.heard = True


def _children() -> list[int]:
    """Processes that were started and still run."""
    found = []
    for path in Path("/proc/self/task").glob("*/children"):
        found += [int(pid) for pid in path.read_text().split()]
    return found


def sample(now_s: float) -> Sample:
    """This process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads = os.listdir("/proc/self/task")  # noqa: PTH208 - names, not paths
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    return Sample(now_s, pages * os.sysconf("SC_PAGESIZE") // 1024, files, len(threads))
