"""What is watched all day: signs of life, words, memory, files, threads."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.soak.fault import Fault
from tests.soak.reference import LATE_S, word_at

if TYPE_CHECKING:
    from tests.soak.rig import Rig

BEFORE_S, AFTER_S = 0.5, 0.7  # around a word, in which nothing may be wrong if it is to be asked for
SAMPLE_S = 60.0


@dataclass(frozen=True)
class Sample:
    """The process at one moment of the day."""

    time_s: float
    rss_kb: int
    files: int
    threads: int


class Lookout:
    """`step` is called once a block, `told` for each event."""

    def __init__(self, rig: Rig) -> None:
        self.samples: list[Sample] = []
        self.counts: Counter[str] = Counter()
        """events, by their names"""
        self.unseen = 0
        """of them, those for which the file was not well"""
        self.unsaid: list[tuple[float, str]] = []
        """when something was heard that was not said, and during which fault"""
        self.longest_gap: tuple[float, Fault | None] | None = None
        self.longest_gap_s = self.longest_speaking_s = 0.0
        self.most_remembered_mb = 0.0
        self.wrongs: list[str] = []
        """what must not be"""
        self.speaks = False
        self._rig = rig
        self._speaks_since_s: float | None = None
        self._word = 0

    def step(self, now_s: float) -> None:
        """Look at everything."""
        rig = self._rig
        fault, kind = rig.thrower.fault, rig.thrower.kind
        self.speaks = rig.lives.speaking
        deaf = kind is not None and kind.deaf  # without a microphone the gate waits with the stream
        if self.speaks and not deaf:
            self._speaks_since_s = self._speaks_since_s or now_s
            self.longest_speaking_s = max(self.longest_speaking_s, now_s - self._speaks_since_s)
        else:
            self._speaks_since_s = None
        if deaf or self.speaks:
            self._spoil(now_s, fault.kind if deaf and fault else "own speech")
        self._look_for_life(now_s, may_stop=kind is not None and (kind.hangs or kind.deaf))
        if now_s - (self.samples[-1].time_s if self.samples else -SAMPLE_S) >= SAMPLE_S:
            self.samples.append(sample(now_s))
            self._look_at_files()
            rig.progress(rig)

    def told(self, row: dict[str, Any]) -> None:
        """An event on standard output."""
        rig, event = self._rig, row["event"]
        now_s, fault, kind = rig.now_s, rig.thrower.fault, rig.thrower.kind
        self.counts[event] += 1
        if rig.files.events_are != "well":
            self.unseen += 1
        if event not in {"heard", "gated"}:
            return
        late_s = 20.0 if kind and kind.late else LATE_S + rig.card.piece_s
        word = word_at(rig.world, now_s, late_s)
        if word is None:
            self.unsaid.append((now_s, fault.kind if fault else ""))
        else:
            word.heard = True

    def _look_for_life(self, now_s: float, *, may_stop: bool) -> None:
        manager = self._rig.manager
        if may_stop:
            manager.last_s = None
        if manager.last_s is not None and now_s - manager.last_s > self.longest_gap_s:
            self.longest_gap_s = now_s - manager.last_s
            self.longest_gap = (now_s, self._rig.thrower.fault)

    def _look_at_files(self) -> None:
        files = self._rig.files
        self.most_remembered_mb = max(self.most_remembered_mb, files.remembered_mb())
        if files.status.exists() and not files.status_is_whole():
            self.wrongs.append("status.json tells no state")

    def _spoil(self, now_s: float, why: str) -> None:
        """Words that sound about now are not asked for."""
        words = self._rig.world.words
        while self._word < len(words) and words[self._word].end_s + AFTER_S + 1.0 < now_s:
            self._word += 1
        for word in words[self._word : self._word + 2]:
            if word.start_s - BEFORE_S <= now_s <= word.end_s + AFTER_S and not (
                word.heard and why == "own speech"
            ):
                word.spoiled = word.spoiled or why


def children() -> list[int]:
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
