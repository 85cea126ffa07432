"""A person's own recordings of the word: read, judged one by one and against each other, cut to the word.

Recordings of real rooms have noise before and after the word that is louder than what `ingest.trim` takes for
silence, and a detector learns where the word ends from where the clip ends; so the word is looked for between
the level of the room and that of the voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from edge.backbone import HARDENED
from edge.errors import UsageError, WavError
from edge.events import RATE_HZ, STEP
from edge.features import Features
from edge.files import sha256_of
from synth.acoustics import Sound
from synth.decode import decode
from synth.ingest import FRAME, MIN_S, Fault, check_clip, printable, trim

FEWEST = 3
LONGEST_WORD_S = 2.0  # 16 embeddings and what the first of them sees
KEEP_S = 0.03
GAP_S = 0.3  # the hush before the "ch" of "hey chip" is half of it
BELOW_DB, PART = 38.0, 0.4  # the word is what is less far under its loudest frame, or this part over the room
CONTRAST_DB = 8.0  # what is no louder at its loudest is hum or hiss
VOICED, VOICED_FRAMES = 0.4, 4  # 40 ms of a vowel; hiss reaches 0.25
UNLIKE = 0.46  # one voice saying one word: 0.35 at most; saying another word of another length: from 0.57
REMEDIES = {
    "clipped": "record it again with less gain, or from further away",
    "silence": "is the right microphone on?",
    "DC offset": "the microphone or its adapter is at fault",
    "too short": "record it again, the whole word",
    "too long": "cut it to the word",
    "no word": "record it again, closer to the microphone",
    "no voice": "record it again, closer to the microphone; a whisper is not enough",
}
FORCEABLE = ("clipped", "too long", "no voice", "no word", "DC offset")


@dataclass(frozen=True)
class Recording:
    """One recording of the word."""

    path: Path
    """as it was named"""
    sha256: str
    """of the file"""
    whole: Sound
    """[n], 16 kHz, as it is"""
    word: Sound
    """[n], 16 kHz, the word alone"""


def read_recordings(paths: Sequence[Path], *, force: bool = False) -> list[Recording]:
    """The recordings, each fit to learn from and all of them of one word. With `force` only what cannot be
    read or holds nothing is refused. Raises UsageError, which names every file that is at fault."""
    if len(paths) < FEWEST:
        raise UsageError(f"{len(paths)} recordings are too few: say the word {FEWEST} times or more, each "
                         "time into a file of its own")
    found: list[Recording] = []
    problems: list[str] = []
    for path in paths:
        try:
            one = _read(path, force=force)
        except WavError as error:
            problems.append(str(error))
            continue
        if isinstance(one, Fault):
            remedy = REMEDIES[one.kind] + (", or --force" if one.kind in FORCEABLE else "")
            problems.append(f"{printable(path)}: {one.kind}: {one.detail} ({remedy})")
        elif twin := next((r for r in found if np.array_equal(r.whole, one.whole)), None):
            problems.append(f"{printable(path)}: the same recording as {printable(twin.path)} (say it again)")
        else:
            found.append(one)
    if not problems and not force:
        problems = _unlike(found)
    if len(problems) == 1:
        raise UsageError(problems[0])
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise UsageError(f"{len(problems)} problems with the recordings{lines}")
    return found


def _read(path: Path, *, force: bool) -> Recording | Fault:
    """Raises WavError where it cannot be read."""
    decoded = decode(path, at_most_s=31.0)
    fault = check_clip(decoded.samples, decoded.clipped)
    word = np.zeros(0, np.float32)
    if fault is None or (force and fault.kind in FORCEABLE):
        word = only_word(decoded.samples)
        fault = fault or _judge(word)
    if fault and not (force and fault.kind in FORCEABLE):
        return fault
    return Recording(path, sha256_of(path.read_bytes()), decoded.samples, word)


def _judge(word: Sound) -> Fault | None:
    """Why what was found is no word."""
    duration_s = len(word) / RATE_HZ
    if not len(word):
        return Fault("no word", f"nothing is {CONTRAST_DB:.0f} dB louder than its background")
    if duration_s < MIN_S:
        return Fault("too short", f"{duration_s:.2f} s of sound, under {MIN_S} s")
    if duration_s > LONGEST_WORD_S:
        return Fault("too long", f"{duration_s:.1f} s of sound without a pause, over {LONGEST_WORD_S} s")
    if (voiced := voiced_frames(word)) < VOICED_FRAMES:
        return Fault("no voice", f"{voiced * 10} ms of it sound like a voice, under {VOICED_FRAMES * 10} ms")
    return None


def only_word(sound: Sound) -> Sound:
    """The loudest stretch of `sound` [n] without a pause of over 0.3 s, and a little around it; [0] where
    nothing stands out from the background."""
    sound = trim(sound)
    frames = len(sound) // FRAME
    if frames < 2:
        return sound[:0]
    framed = _flattened(sound)[: frames * FRAME].reshape(frames, FRAME)
    energy = np.square(framed, dtype=np.float64).mean(axis=1)
    level_db = 10 * np.log10(uniform_filter1d(energy, 3) + 1e-12)
    room_db, top_db = float(np.quantile(level_db, 0.1)), float(level_db.max())
    if top_db - room_db < CONTRAST_DB:
        return sound[:0]
    on = np.flatnonzero(level_db >= max(top_db - BELOW_DB, room_db + PART * (top_db - room_db)))
    stretches = np.split(on, np.flatnonzero(np.diff(on) * FRAME > GAP_S * RATE_HZ) + 1)
    best = max(stretches, key=lambda stretch: float(energy[stretch].sum()))
    keep = round(KEEP_S * RATE_HZ)
    return sound[max(0, int(best[0]) * FRAME - keep) : (int(best[-1]) + 1) * FRAME + keep]


def voiced_frames(sound: Sound) -> int:
    """How many frames, 10 ms apart, repeat themselves 60 to 400 times a second, as vowels do."""
    size, hop = RATE_HZ // 25, RATE_HZ // 100
    if len(sound) < size:
        return 0
    frames = np.lib.stride_tricks.sliding_window_view(_flattened(sound).astype(np.float64), size)[::hop]
    window = np.hanning(size)
    power = np.abs(np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, 2048)) ** 2
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)
    same = np.fft.irfft(power)[:, : RATE_HZ // 60]
    loud = same[:, 0] > same[:, 0].max() * 10**-2.5
    likeness = same / (same[:, :1] + 1e-12) / (own[: RATE_HZ // 60] / own[0])
    return int(np.sum(loud & (likeness[:, RATE_HZ // 400 :].max(axis=1) > VOICED)))


def _flattened(sound: Sound) -> Sound:
    """With the slope of speech taken out, which is that of hum and rumble, too."""
    return np.append(sound[:1], sound[1:] - np.float32(0.97) * sound[:-1])


def _unlike(recordings: Sequence[Recording]) -> list[str]:
    """The recordings that are not of the word that most of them are of, in words."""
    apart = distances([r.word for r in recordings])
    group = max((_near(apart, k) for k in range(len(recordings))), key=len)
    if len(group) * 2 <= len(recordings):
        names = ", ".join(printable(r.path) for r in recordings)
        return [f"{names}: no two sound like the same word (record one word each time, or --force)"]
    return [
        f"{printable(recordings[k].path)}: sounds like another word than the others: it is "
        f"{apart[k, sorted(group)].min():.2f} away from the nearest of them, over {UNLIKE} (record it again, "
        "or leave it out, or --force)"
        for k in range(len(recordings)) if k not in group
    ]  # fmt: skip


def _near(apart: NDArray[np.float64], start: int) -> set[int]:
    """Those that can be reached from `start` by small steps."""
    found, fresh = {start}, {start}
    while fresh:
        fresh = {int(k) for one in fresh for k in np.flatnonzero(apart[one] <= UNLIKE)} - found
        found |= fresh
    return found


def distances(words: Sequence[Sound]) -> NDArray[np.float64]:
    """How far apart words [K, K] are: the mean distance (one minus the cosine) of their embeddings along the
    best alignment (dynamic time warping; Sakoe and Chiba, 1978). What all have in common is taken out first:
    the room, and that somebody speaks."""
    features = Features(HARDENED)
    rows = [_rows(word, features) for word in words]
    mean = np.concatenate([whole for whole, _ in rows]).mean(axis=0)
    centred = [spoken - mean for _, spoken in rows]
    units = [one / (np.linalg.norm(one, axis=1, keepdims=True) + 1e-9) for one in centred]
    return np.array([[_warped(a, b) for b in units] for a in units])


def _rows(word: Sound, features: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The embeddings [T, 96] of a word in silence, and those of the word alone."""
    lead, tail = 6 * STEP, 3 * STEP
    sound = np.zeros(lead + len(word) + tail, np.float32)
    sound[lead : lead + len(word)] = word / (np.abs(word).max() + 1e-6) * 0.5
    sound += np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32) * np.float32(1e-4)
    features.reset()
    rows = features.step(sound[: len(sound) // STEP * STEP])[:, -1]
    return rows, rows[lead // STEP + 1 : lead // STEP + 4 - (-len(word) // STEP)]


def _warped(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The mean over the cheapest way through the table of distances."""
    table = 1 - (a @ b.T).astype(np.float64)
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    steps = np.zeros(cost.shape)
    cost[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            before = min(((i, j), (i, j + 1), (i + 1, j)), key=lambda at: cost[at])
            cost[i + 1, j + 1] = cost[before] + table[i, j]
            steps[i + 1, j + 1] = steps[before] + 1
    return float(cost[-1, -1] / steps[-1, -1])
