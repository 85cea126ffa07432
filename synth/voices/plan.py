"""Who says what, and how: takes spread evenly over families of voices, voices, speeds and pitches.

Families of voices matter more than the number of clips, so each gives the same share; voices are parted into
those to train on, to choose thresholds with and to report with, and no speaker is in two of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from . import Engine, Take, Voice, VoiceError, same_language

WAYS = ("train", "choose", "report")
HELD_OUT = 0.15  # of the speakers of a family, for each of the last two ways
SPEEDS = (0.75, 1.35)
PITCH = {"formant": 4.0}  # semitones up and down; a formant voice keeps its throat, the others are stretched
PITCH_OTHERS = 2.0
STEP_X, STEP_Y = (
    0.7548776662466927,
    0.5698402909980532,
)  # the R2 sequence: even over a square for any number of points


@runtime_checkable
class Blends(Protocol):
    """An engine that makes new speakers of two."""

    def blend(self, a: Voice, b: Voice, part: float) -> Voice:
        """`part` (0..1) of `b`, the rest of `a`."""
        ...


def split(voices: Sequence[Voice], seed: int = 0) -> dict[str, list[Voice]]:
    """The voices to train, choose and report with, by speaker, each family parted on its own.

    A family of four speakers or more gives at least one to each way; a smaller one only trains, unless there
    are no others. Raises VoiceError where there are fewer than three speakers in all.
    """
    rng = random.Random(f"split/{seed}")
    families: dict[str, list[str]] = {}
    for voice in voices:
        families.setdefault(voice.engine, []).append(voice.speaker)
    speakers = {name: sorted(set(found)) for name, found in families.items()}
    if len({speaker for found in speakers.values() for speaker in found}) < len(WAYS):
        raise VoiceError(
            "there are fewer than three speakers, too few to train, choose and report with different ones: "
            "add an engine (apt-get install espeak-ng flite) or record more people"
        )
    way: dict[str, str] = {}
    small = max(map(len, speakers.values())) < 4
    for name in sorted(speakers, key=lambda name: (-len(speakers[name]), name)):
        free = [speaker for speaker in speakers[name] if speaker not in way]
        rng.shuffle(free)
        share = max(1 if small or len(speakers[name]) >= 4 else 0, round(HELD_OUT * len(speakers[name])))
        for held_out in reversed(WAYS[1:]):
            have = sum(way.get(speaker) == held_out for speaker in speakers[name])
            for _ in range(max(0, min(share - have, len(free)))):
                way[free.pop()] = held_out
        way |= dict.fromkeys(free, WAYS[0])
    return {one: [voice for voice in voices if way[voice.speaker] == one] for one in WAYS}


def plan(
    texts: Sequence[str],
    engines: Sequence[Engine],
    n: int,
    seed: int = 0,
    voices: Sequence[Voice] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    own_recordings: bool = False,
) -> list[Take]:
    """`n` takes of `texts`, which are gone through in their order, again and again; the same for the same
    seed.

    `voices` limits who speaks (one way of `split`); `weights` gives an engine more or less than an equal
    share. `own_recordings` says that the texts are the phrase itself: only then do the user's recordings of
    it (the engine `folder`) count as takes, each once. A longer plan begins with the shorter one, so that
    clips are not made in vain. Fewer than `n` come back only where recordings are all there is.
    """
    allowed = set(voices) if voices is not None else None
    casts = []
    for engine in engines:
        found = [voice for voice in engine.voices() if allowed is None or voice in allowed]
        if found and (engine.family != "people" or own_recordings):
            casts.append(
                Cast(
                    engine,
                    found,
                    random.Random(f"plan/{seed}/{engine.name}"),
                    (weights or {}).get(engine.name, 1.0),
                )
            )
    if not casts or not texts:
        return []
    return list(_takes(texts, casts, n, random.Random(f"plan/{seed}")))


class Cast:
    """The voices of one engine, called in turn."""

    def __init__(self, engine: Engine, voices: Sequence[Voice], rng: random.Random, weight: float) -> None:
        self.engine, self._voices, self._rng, self.weight = engine, list(voices), rng, weight
        self.counts = {True: 0, False: 0}  # takes of [[phonemes]], takes of words
        self._turns: Iterator[Voice] = iter(())
        self._round = 0
        self._recordings: list[tuple[Voice, int]] = []
        self.left = (
            sum(int(voice.get("recordings", "1")) for voice in voices)
            if engine.family == "people"
            else 1 << 60
        )

    def can_say(self, text: str) -> bool:
        """Whether it has a voice left that says such a text."""
        return self.weight > 0 and self.left > 0 and (self.engine.phonemes or "[[" not in text)

    def take(self, text: str, x: float, y: float) -> Take:
        """The next take; `x` and `y` (0..1) are where in the ranges of speed and pitch it lies."""
        self.left -= 1
        if self.engine.family == "people":
            voice, number = self._recording()
            return Take(text, voice, seed=number)
        reach = PITCH.get(self.engine.family, PITCH_OTHERS)
        speed = round(SPEEDS[0] + x * (SPEEDS[1] - SPEEDS[0]), 2)
        return Take(text, self._next(), speed, round((2 * y - 1) * reach, 1), self._rng.randrange(1 << 20))

    def _next(self) -> Voice:
        voice = next(self._turns, None)
        if voice is None:
            self._round += 1
            # of the voices that have learned the language, twice as much as of those that speak it as
            # foreigners
            natives = [
                voice
                for voice in self._voices
                if same_language(voice.get("accent", voice.language), voice.language)
            ]
            turns = [*self._voices, *natives] if len(natives) < len(self._voices) else list(self._voices)
            self._rng.shuffle(turns)
            self._turns = iter(turns)
            voice = next(self._turns)
        if self._round > 1 and isinstance(self.engine, Blends) and len(self._voices) > 1:
            other = self._rng.choice([one for one in self._voices if one != voice])
            return self.engine.blend(voice, other, self._rng.choice((0.2, 0.3, 0.4, 0.5)))
        return voice

    def _recording(self) -> tuple[Voice, int]:
        if not self._recordings:
            self._recordings = [
                (voice, number)
                for voice in self._voices
                for number in range(int(voice.get("recordings", "1")))
            ]
            self._rng.shuffle(self._recordings)
        return self._recordings.pop()


def _takes(texts: Sequence[str], casts: Sequence[Cast], n: int, rng: random.Random) -> Iterator[Take]:
    x, y = rng.random(), rng.random()
    skipped = 0
    place = 0
    while n > 0 and skipped < len(texts):
        text = texts[place % len(texts)]
        place += 1
        able = [cast for cast in casts if cast.can_say(text)]
        if not able:  # [[phonemes]] where no engine reads them
            skipped += 1
            continue
        kind = "[[" in text
        cast = min(able, key=lambda cast: ((cast.counts[kind] + 1) / cast.weight, rng.random()))
        cast.counts[kind] += 1
        yield cast.take(text, (x + STEP_X * place) % 1.0, (y + STEP_Y * place) % 1.0)
        n, skipped = n - 1, 0
