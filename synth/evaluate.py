"""How well a bundle hears: whole recordings streamed through the pipeline of the daemon, counted in events.

Each phrase stands in a recording of its own, two seconds in, clean or with noise at a stated SNR; a miss is a
recording in which nothing passed the threshold. A false accept is an event in a stream that holds no phrase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.events import HOP_S, RATE_HZ
from synth.acoustics import Rng, Sound, babble, coloured, mixed
from synth.statistics import Floats, events, offset_for, poisson, wilson
from synth.streaming import Answer, Failure, answers

LEAD_S, TAIL_S = 2.0, 0.5
RATES = (0.1, 0.5, 1.0)
CONDITIONS = (("clean", None), ("10 dB", 10.0), ("0 dB", 0.0))


@dataclass(frozen=True)
class Positive:
    """A recording with one phrase in it."""

    sound: Sound
    """[n], 16 kHz"""
    end_s: float
    """where the phrase ends"""
    condition: str
    """clean, or its signal-to-noise ratio"""
    family: str
    """whose voice it is"""
    name: str = ""
    """of the recording, where it has one"""


@dataclass(frozen=True)
class Evaluation:
    """All answers to the recordings of one bundle."""

    positives: tuple[Positive, ...]
    best: Floats
    """[P], the largest margin in each"""
    first_s: Floats
    """[P], when it was heard first, NaN where it was not"""
    negatives: tuple[Floats, ...]
    """the margins of each negative stream"""
    hours: float
    """of negatives"""
    member_best: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """[P, N], the largest margin of each member in each phrase"""
    member_negatives: tuple[Floats, ...] = ()
    """[H, N], the margins of the members in each negative stream"""
    names: tuple[str, ...] = ()
    """of the negative streams, where they have any"""

    def alone(self, member: int) -> Evaluation:
        """As if there were this member only; of latency it knows nothing."""
        first = np.full(len(self.positives), np.nan)
        streams = tuple(stream[:, member] for stream in self.member_negatives)
        return replace(self, best=self.member_best[:, member], first_s=first, negatives=streams,
                       member_best=self.member_best[:, [member]],
                       member_negatives=tuple(stream[:, [member]] for stream in self.member_negatives))

    def alarms(self, offset: float = 0.0) -> int:
        """False accepts in all the negatives, with `offset` added to every threshold."""
        return sum(len(events(m, offset)) for m in self.negatives)

    def offset(self, rate: float) -> float:
        """The offset at which there are at most `rate` false accepts an hour."""
        return offset_for(self.negatives, rate * self.hours)

    def misses(self, offset: float = 0.0, **only: str) -> tuple[int, int]:
        """How many phrases are missed, of how many; `only` picks by condition or family."""
        missed = self.missed(offset, **only)
        return int(missed.sum()), len(missed)

    def missed(self, offset: float = 0.0, **only: str) -> NDArray[np.bool_]:
        """Whether each phrase is missed [K], in order, of those that `only` picks."""
        return np.asarray(self.best[self._picked(**only)] < offset, bool)

    def latency_s(self, **only: str) -> Floats:
        """From the end of the phrase to the decision, for each one heard that `only` picks."""
        picked = self._picked(**only)
        late: Floats = self.first_s[picked] - np.array([self.positives[k].end_s for k in picked])
        return late[np.isfinite(late)]

    def _picked(self, **only: str) -> list[int]:
        return [k for k, p in enumerate(self.positives) if all(getattr(p, n) == v for n, v in only.items())]

    def conditions(self) -> list[str]:
        """Those that occur, in order."""
        return list(dict.fromkeys(p.condition for p in self.positives))

    def families(self) -> list[str]:
        """Those that occur, by name."""
        return sorted({p.family for p in self.positives})


def staged(clip: Sound, noise: str | None, snr_db: float, pool: Sequence[Sound], rng: Rng) -> Sound:
    """`clip` with silence around it, and with pink noise or babble under it; peak at half of full scale."""
    clip = clip / (np.abs(clip).max() + 1e-6)
    sound = np.concatenate(
        [np.zeros(int(LEAD_S * RATE_HZ), np.float32), clip, np.zeros(int(TAIL_S * RATE_HZ), np.float32)])
    if noise is None:
        sound = sound + rng.standard_normal(len(sound)).astype(np.float32) * 1e-4
    else:
        voices = noise == "babble" and pool
        under = babble(pool, len(sound), rng) if voices else coloured(len(sound), "pink", rng)
        sound = mixed(sound, under, snr_db)
    return np.asarray(sound / np.abs(sound).max() * 0.5, np.float32)


def stage(clips: Sequence[tuple[Sound, str]], pool: Sequence[Sound], seed: int) -> list[Positive]:
    """Every (clip, family) once in each condition."""
    made = []
    for name, snr_db in CONDITIONS:
        for i, (clip, family) in enumerate(clips):
            noise = None if snr_db is None else "pink" if i % 2 else "babble"
            sound = staged(clip, noise, snr_db or 0.0, pool, np.random.default_rng((seed, i)))
            made.append(Positive(sound, LEAD_S + len(clip) / RATE_HZ, name, family))
    return made


def evaluate(
    bundle: Path | str, positives: Sequence[Positive], negatives: Sequence[Sound], workers: int,
    done: Callable[[int], None],
) -> Evaluation:
    """Streams everything through the bundle. Raises ModelError."""
    found = answers([bundle], chain((p.sound for p in positives), negatives), workers, done)
    only = [answer[0] for answer in found if not isinstance(answer, Failure)]  # a sound cannot fail
    return evaluation(positives, only[: len(positives)], only[len(positives) :])


def evaluation(positives: Sequence[Positive], heard: Sequence[Answer], streams: Sequence[Answer],
               names: Sequence[str] = ()) -> Evaluation:
    """The answers of a bundle to each phrase, and to each stream of the given names, as one."""
    best = np.array([a.margins.max() if len(a.margins) else -np.inf for a in heard])
    first = np.array([a.event_s[0] if a.event_s else np.nan for a in heard])
    hours = sum(len(a.margins) for a in streams) * HOP_S / 3600
    whole = [k for k, a in enumerate(streams) if len(a.margins)]
    members = max((a.members.shape[1] for a in (*heard, *streams)), default=0)
    member_best = [a.members.max(axis=0) if len(a.members) else np.full(members, -np.inf) for a in heard]
    return Evaluation(
        tuple(positives), best, first, tuple(streams[k].margins for k in whole), hours,
        np.array(member_best, np.float32).reshape(-1, members),
        tuple(streams[k].members for k in whole), tuple(names[k] for k in whole) if names else ())


def share(misses: int, count: int) -> dict[str, object]:
    """A miss rate as it stands in a manifest: counts, per cent, 95 % interval."""
    low, high = wilson(misses, count)
    return {"misses": misses, "of": count, "percent": round(100 * misses / max(1, count), 1),
            "ci95": [round(100 * low, 1), round(100 * high, 1)]}


def summary(found: Evaluation) -> dict[str, object]:
    """The figures of an evaluation: at the bundle's own thresholds and at fixed false accepts per hour."""
    alarms = found.alarms()
    late = found.latency_s()
    at = {}
    for rate in RATES:
        offset = found.offset(rate)
        at[str(rate)] = {c: share(*found.misses(offset, condition=c)) for c in found.conditions()}
    return {
        "false_accepts": {"events": alarms, "hours": round(found.hours, 3),
                          "per_hour": round(alarms / max(found.hours, 1e-9), 2),
                          "ci95": [round(x, 2) for x in poisson(alarms, found.hours)]},
        "misses": {c: share(*found.misses(condition=c)) for c in found.conditions()},
        "families": {f: share(*found.misses(condition="clean", family=f)) for f in found.families()},
        "at_false_accepts_per_hour": at,
        "latency_s": {"median": round(float(np.median(late)), 3),
                      "p95": round(float(np.percentile(late, 95)), 3)} if len(late) else {},
    }
