"""How well a bundle hears: whole recordings streamed through the pipeline of the daemon, counted in events.

Each phrase stands in a recording of its own, two seconds in, clean or with noise at a stated SNR; a miss is a
recording in which nothing passed the threshold. A false accept is an event in a stream that holds no phrase.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.bundle import load_bundle
from edge.events import HOP_S, RATE_HZ, STEP
from edge.listener import Listener
from synth.acoustics import Rng, Sound, babble, coloured, mixed
from synth.dataset import leave_interrupts
from synth.statistics import Floats, events, offset_for, poisson, wilson

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


@dataclass(frozen=True)
class Answer:
    """What the pipeline made of one recording."""

    margins: NDArray[np.float32]
    """[H], one for each hop"""
    event_s: tuple[float, ...]
    """when it heard something"""


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

    def alarms(self, offset: float = 0.0) -> int:
        """False accepts in all the negatives, with `offset` added to every threshold."""
        return sum(len(events(m, offset)) for m in self.negatives)

    def offset(self, rate: float) -> float:
        """The offset at which there are at most `rate` false accepts an hour."""
        return offset_for(self.negatives, rate * self.hours)

    def misses(self, offset: float = 0.0, **only: str) -> tuple[int, int]:
        """How many phrases are missed, of how many; `only` picks by condition or family."""
        picked = np.array([all(getattr(p, k) == v for k, v in only.items()) for p in self.positives], bool)
        return int((self.best[picked] < offset).sum()), int(np.sum(picked))

    def latency_s(self) -> Floats:
        """From the end of the phrase to the decision, for each one heard."""
        late: Floats = self.first_s - np.array([p.end_s for p in self.positives])
        return late[np.isfinite(late)]

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


_listener: Listener | None = None


def _open(bundle: str) -> None:
    global _listener  # noqa: PLW0603 - one pipeline for each worker
    leave_interrupts()
    _listener = Listener([load_bundle(bundle)])


def _answer(samples: NDArray[np.int16]) -> Answer:
    assert _listener is not None  # noqa: S101 - set by the pool's initialiser
    _listener.reset()
    sound = samples.astype(np.float32) / 32768
    heard = _listener.step(np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)]))
    return Answer(np.array(_listener.margins, np.float32), tuple(h.time_s for h in heard))


def answers(
    bundle: Path | str, sounds: Iterable[Sound], workers: int, done: Callable[[int], None]
) -> list[Answer]:
    """Each sound [n] through a fresh pipeline, on `workers` processes; `done(1)` is called for each. Raises
    ModelError."""
    Listener([load_bundle(bundle)])  # raises ModelError here; in a worker, the pool would start it for ever
    coded = ((np.clip(np.round(s * 32768), -32768, 32767)).astype(np.int16) for s in sounds)
    found = []
    context = multiprocessing.get_context("spawn")  # JAX has threads by now, which do not survive a fork
    with context.Pool(workers, _open, (str(bundle),)) as pool:
        for answer in pool.imap(_answer, coded, chunksize=4):
            found.append(answer)
            done(1)
    return found


def evaluate(
    bundle: Path | str, positives: Sequence[Positive], negatives: Sequence[Sound], workers: int,
    done: Callable[[int], None],
) -> Evaluation:
    """Streams everything through the bundle."""
    found = answers(bundle, [*(p.sound for p in positives), *negatives], workers, done)
    heard, streams = found[: len(positives)], found[len(positives) :]
    best = np.array([a.margins.max() if len(a.margins) else -np.inf for a in heard])
    first = np.array([a.event_s[0] if a.event_s else np.nan for a in heard])
    hours = sum(len(a.margins) for a in streams) * HOP_S / 3600
    margins = tuple(a.margins for a in streams if len(a.margins))
    return Evaluation(tuple(positives), best, first, margins, hours)


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
