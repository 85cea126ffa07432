"""The workers of `cache.speak_all`: processes that speak takes, a few at a time, into the cache."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from . import Engine, Take, Voice
from .process import EngineLostError, VoiceError, stop_at

if TYPE_CHECKING:
    from .cache import Clips

AHEAD = 4  # pieces of work handed out for each worker
SHORTEST = 800  # samples: 50 ms
FAINTEST = 1e-3  # of full scale, at the peak
DIED = "its worker died"  # a crash of a native library, or out of memory

Work = list[Take]


class Worker:
    """What a process needs to speak."""

    def __init__(self, engines: Sequence[Engine], clips: Clips) -> None:
        self._engines, self._clips = {engine.name: engine for engine in engines}, clips

    def speak(self, work: Work) -> list[str]:
        """Puts each take into the cache; the reason for each, empty where it went well."""
        return [self._one(take) for take in work]

    def _one(self, take: Take) -> str:
        engine = self._engines.get(take.voice.engine)
        if engine is None:
            return f"the engine {take.voice.engine} is not open"
        try:
            samples = engine.say(take.text, take.voice, take.settings)
        except EngineLostError:
            raise  # thousands of takes would only fail alike
        except VoiceError as error:
            return str(error)
        except Exception as error:  # whatever a library raises is one lost take, counted, not the whole run
            return f"{take.voice.engine}: {type(error).__name__}: {error}"
        if samples.ndim != 1 or len(samples) < SHORTEST:
            return f"{take.voice.engine}: gave {samples.size} samples"
        if not np.isfinite(samples).all() or np.abs(samples).max() < FAINTEST:
            return f"{take.voice.engine}: gave silence or NaN"
        self._clips.put(take, samples)
        return ""


_worker: Worker | None = None


def _begin(engines: Sequence[Engine], clips: Clips, stop: Connection) -> None:
    """Readies a process. Ctrl-C is for the parent, which lets clips in hand be finished; its end is ours."""
    global _worker  # noqa: PLW0603  # what an initializer leaves for the calls that follow
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody would read what we make
    stop_at(stop)
    _worker = Worker(engines, clips)


def _speak(work: Work) -> list[str]:
    if _worker is None:
        raise RuntimeError("_begin was not called")
    return _worker.speak(work)


class Pool:
    """Speaks `takes`; ask for the `result` of each in any order, best in their own."""

    def __init__(
        self,
        takes: Sequence[Take],
        engines: Sequence[Engine],
        clips: Clips,
        jobs: int,
        left_alone: Callable[[Voice], bool],
    ) -> None:
        self._engines, self._clips, self._left_alone = engines, clips, left_alone
        self._jobs = jobs if jobs > 0 else len(os.sched_getaffinity(0))
        self._waiting = _pieces(takes, {engine.name: engine.batch for engine in engines})
        self._running: dict[Future[list[str]], Work] = {}
        self._done: dict[str, str] = {}
        self._careful: list[Work] = []  # were in hand when a worker died: one at a time, to see which it was
        self._executor: ProcessPoolExecutor | None = None
        self._stopped, self._stop = multiprocessing.Pipe(duplex=False)  # closed: workers wait no longer
        self._alone = Worker(engines, clips) if self._jobs == 1 else None

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop.close()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._stop.close()
        self._stopped.close()

    def result(self, take: Take) -> str:
        """Waits until the take is spoken; why it was not, or nothing. Raises EngineLostError."""
        if self._alone is not None and take.key not in self._done:
            self._done[take.key] = (
                "left alone" if self._left_alone(take.voice) else self._alone.speak([take])[0]
            )
        while take.key not in self._done:
            self._step()
        return self._done[take.key]

    def _step(self) -> None:
        """Hands out work, and takes in what is ready first."""
        if self._careful:
            self._one_at_a_time(self._careful.pop(0))
            return
        try:
            while self._waiting and len(self._running) < AHEAD * self._jobs:
                work = [take for take in self._waiting.pop(0) if not self._skip(take)]
                if work:
                    self._running[self._submit(work)] = work
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                self._note(self._running[future], future.result())
                del self._running[future]
        except BrokenProcessPool:
            self._careful = list(self._running.values())
            self._running.clear()
            self._restart()

    def _one_at_a_time(self, work: Work) -> None:
        for take in work:
            try:
                self._note([take], self._submit([take]).result())
            except BrokenProcessPool:
                self._note([take], [DIED])
                self._restart()

    def _submit(self, work: Work) -> Future[list[str]]:
        if self._executor is None:
            # a new interpreter, not a fork: the parent may hold the threads of a library
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(
                self._jobs, context, _begin, (self._engines, self._clips, self._stopped)
            )
        return self._executor.submit(_speak, work)

    def _restart(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def _skip(self, take: Take) -> bool:
        if self._left_alone(take.voice):
            self._done[take.key] = "left alone"
            return True
        return False

    def _note(self, work: Work, reasons: list[str]) -> None:
        self._done.update((take.key, reason) for take, reason in zip(work, reasons, strict=True))


def _pieces(takes: Sequence[Take], batch: dict[str, int]) -> list[Work]:
    """Takes of one engine together, as many as it does in a quarter of a second, ordered by their first."""
    pieces: list[Work] = []
    open_: dict[str, Work] = {}
    for take in takes:
        name = take.voice.engine
        if name not in open_ or len(open_[name]) >= batch.get(name, 1):
            open_[name] = []
            pieces.append(open_[name])
        open_[name].append(take)
    return pieces
