"""Remembering: the last seconds before and after every word that was heard and every one that nearly was.

`Remember` stands around the listener, keeps the sound that it was fed, and notices near-misses. It runs in
the thread of the ears and never touches the disk: that is for the scribe.
"""

from __future__ import annotations

import datetime
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.clock import boot_id, since_boot_s
from edge.ensemble import Ensemble
from edge.events import RATE_HZ, STEP, Heard
from edge.gate import Gate
from edge.memories import Memories
from edge.memory_config import MemoryConfig
from edge.parts import Listening
from edge.scribe import Job, Scribe

MOST_FIRED = 8
LONG_S = 2.0  # a score that stays near the threshold for so long is told of without waiting for its end

Sound = NDArray[np.float32]


@dataclass
class _Near:
    """A stretch of hops near the threshold."""

    begun_s: float
    best_s: float
    margin: float
    members: list[dict[str, Any]]
    told: bool = False
    """it was heard, or already kept as a near-miss"""


@dataclass(frozen=True)
class _Moment:
    """Something to remember, when the sound after it has come."""

    end: int
    """sample of the listener's stream at which the hop of the decision ended"""
    facts: dict[str, Any]


class Remember:
    """A listener (see edge.parts.Listening) that remembers. `note` tells it what became of what was heard."""

    def __init__(
        self, listener: Listening, config: MemoryConfig, *,
        bundles: Mapping[Ensemble, Mapping[str, str]] | None = None, refractory_s: float = 1.0,
    ) -> None:  # fmt: skip
        """`bundles` is what to tell of the bundle behind each ensemble; of the near-misses of one, two are
        `refractory_s` apart."""
        memories = Memories(config.folder, most_mb=config.most_mb, most_files=config.most_files)
        self._listener, self.scribe = listener, Scribe(memories, before_end=self.finish)
        self._bundles, self._refractory_s = dict(bundles or {}), refractory_s
        self._floor = -config.near
        self._before = -(-round(config.before_s * RATE_HZ) // STEP) * STEP  # whole hops, so that they repeat
        self._after = round(config.after_s * RATE_HZ)
        self._holds = self._before + self._after + round((LONG_S + 0.5) * RATE_HZ)
        self._gate: Gate | None = None
        self._device: Callable[[], str] = str
        self._lock = threading.Lock()  # `finish` comes from another thread
        self._forget()

    def attend(self, gate: Gate, device: Callable[[], str]) -> None:
        """Where to ask for the time of the stream and the microphone's name."""
        self._gate, self._device = gate, device

    def _forget(self) -> None:
        self._sounds: deque[Sound] = deque()
        self._fed = self._held = 0  # samples since the last reset, and of those in `_sounds`
        self._waiting: list[_Moment] = []
        self._near: dict[Ensemble, _Near] = {}
        self._last_s: dict[Ensemble, float] = {}
        self._fired: dict[tuple[str, float], tuple[Ensemble, list[dict[str, Any]]]] = {}

    @property
    def health(self) -> str:
        """See edge.parts.Listening."""
        return self._listener.health

    def __getattr__(self, name: str) -> Any:
        """All else that the listener can do, it is asked for."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._listener, name)

    def step(self, samples: Sound) -> list[Heard]:
        """What the listener says of samples [n]; they are kept for a while."""
        found = self._listener.step(samples)
        with self._lock:
            self._sounds.append(samples.copy())
            self._fed, self._held = self._fed + len(samples), self._held + len(samples)
            while self._held - len(self._sounds[0]) >= self._holds:
                self._held -= len(self._sounds.popleft())
            if self._waiting:
                self._pass_on(self._fed - self._after)
        return found

    def reset(self) -> None:
        """The listener forgets; what waits for the sound after it has all that will come."""
        self.finish()
        self._listener.reset()
        self._forget()

    def flush(self) -> list[Heard]:
        """See edge.parts.Listening."""
        return self._listener.flush()

    def shed(self) -> str | None:
        """See edge.parts.Listening."""
        return self._listener.shed()

    def watch(self, ensemble: Ensemble, now_s: float, event: Heard | None) -> None:
        """Told by the listener of each decision."""
        margin = ensemble.margin
        near = self._near.get(ensemble)
        if margin < self._floor or self._floor == 0 > margin:
            if near is not None:
                del self._near[ensemble]
                self._nearly(ensemble, near)
        elif near is None:
            near = self._near[ensemble] = _Near(now_s, now_s, margin, ensemble.told(), margin >= 0)
        else:
            near.told |= margin >= 0
            if margin > near.margin and not near.told:
                near.best_s, near.margin, near.members = now_s, margin, ensemble.told()
            elif now_s - near.begun_s >= LONG_S:
                self._nearly(ensemble, near)
        if event is not None:
            if len(self._fired) > MOST_FIRED:  # those that the listener did not pass on
                self._fired.clear()
            self._fired.setdefault((event.word, event.time_s), (ensemble, ensemble.told()))
            self._last_s[ensemble] = now_s

    def _nearly(self, ensemble: Ensemble, near: _Near) -> None:
        """Keeps a near-miss, unless it was none, comes right after another, or is our own voice."""
        if near.told:
            return
        near.told = True
        if near.best_s - self._last_s.get(ensemble, -float("inf")) < self._refractory_s:
            return
        self._last_s[ensemble] = near.best_s
        time_s = near.best_s
        if self._gate is not None:
            time_s += self._gate.stream_s - self._fed / RATE_HZ
            if self._gate.sounds_at(time_s):
                return
        best = max(near.members, key=lambda row: float(row["margin"]))
        known = self._bundles.get(ensemble, {})
        self._remember("near_miss", near.best_s, {
            "word": ensemble.word, "member": best["name"], "margin": round(near.margin, 4),
            "time_s": round(time_s, 3), "members": near.members, **known})

    def note(self, heard: Heard, time_s: float, *, gated: bool) -> None:
        """A word was heard at `time_s` of the stream; `gated`: while we spoke, so that nothing follows."""
        ensemble, members = self._fired.pop((heard.word, heard.time_s), (None, []))
        known = self._bundles.get(ensemble, {}) if ensemble is not None else {}
        self._remember("gated" if gated else "heard", heard.time_s, {
            "word": heard.word, "member": heard.member, "margin": heard.score, "time_s": round(time_s, 3),
            "members": members, **known})

    def _remember(self, kind: str, at_s: float, facts: dict[str, Any]) -> None:
        row = {"kind": kind, **facts, "gated": kind == "gated", "device": self._device(), **clocks()}
        with self._lock:
            self._waiting.append(_Moment(round(at_s * RATE_HZ), row))
            if not self._after:
                self._pass_on(self._fed)

    def _pass_on(self, until: int) -> None:
        """The moments after which enough has come."""
        ready = [one for one in self._waiting if one.end <= until]
        self._waiting = [one for one in self._waiting if one.end > until]
        for one in ready:
            first = self._fed - self._held
            start = max(one.end - self._before, -(-first // STEP) * STEP)
            sound = np.concatenate([*self._sounds, np.zeros(0, np.float32)])
            sound = sound[start - first : one.end + self._after - first]
            self.scribe.offer(Job(sound, {**one.facts, "decided_at_s": (one.end - start) / RATE_HZ}))

    def finish(self) -> None:
        """Keep what waits, with as much sound after it as there is."""
        with self._lock:
            self._pass_on(self._fed + self._before + self._after)


def clocks() -> dict[str, Any]:
    """What the clocks say. Nothing is decided by the first: it jumps when the network comes."""
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    return {"wall_clock": at, "boot": boot_id(), "since_boot_s": round(since_boot_s(), 3)}
