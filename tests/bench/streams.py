"""What the peers listen to: recordings as they are, and with as much of a quiet room behind each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ, STEP

ROOT = Path(__file__).parents[2]
OWN = (ROOT / "models" / "hey_chip" / "golden.wav", *sorted((ROOT / "demo" / "clips").glob("*.wav")))
ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".m4a", ".opus", ".g722")
FEWEST = 6  # recordings that share the time, so that none speaks for all
QUIET_DB = -70.0  # of full scale, white: a room with nobody in it and a fair microphone
AS_IT_IS, HALF_SILENCE = "as it is", "half silence"


@dataclass(frozen=True)
class Streams:
    """The same recordings twice, as int16 [n] of whole hops at 16 kHz."""

    files: tuple[str, ...]
    """their names, in the order of the stream"""
    where: str
    """in words"""
    sounds: Mapping[str, NDArray[np.int16]]
    """by variant"""


def gather(folder: Path | None, seconds: float) -> Streams:
    """Recordings from all over a folder, about `seconds` of them. UsageError where none can be read."""
    if folder is None:
        paths, where = list(OWN), "models/hey_chip/golden.wav and demo/clips"
    else:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
        where = folder.name
    longest = round(max(2.0, seconds / FEWEST) * RATE_HZ)
    heard: list[NDArray[np.float32]] = []
    files: list[str] = []
    for path in _spread(paths):
        if sum(map(len, heard)) >= seconds * RATE_HZ:
            break
        try:
            heard.append(_read(path)[:longest])
            files.append(path.name)
        except WavError as error:
            print(f"peers: {error}", file=sys.stderr)
    if not sum(map(len, heard)):
        raise UsageError(f"--audio {folder}: no recording in it can be read ({', '.join(ENDINGS)})")
    noise = np.random.RandomState(0)
    both = [part for sound in heard for part in (sound, _quiet(noise, len(sound)))]
    most = round(seconds * RATE_HZ)
    sounds = {AS_IT_IS: _hops(heard, most), HALF_SILENCE: _hops(both, 2 * most)}
    count = f"{len(files)} recording" + ("" if len(files) == 1 else "s")
    name = f"{count} of {where} (at most {longest / RATE_HZ:.1f} s of each)"
    return Streams(tuple(files), name, sounds)


def _spread(paths: Sequence[Path]) -> list[Path]:
    """Every path once, those that come first from all over the list."""
    order = np.random.RandomState(0).permutation(len(paths))
    return [paths[k] for k in order]


def _read(path: Path) -> NDArray[np.float32]:
    if path.suffix.lower() == ".wav":
        from edge.replay import samples_of

        return samples_of(path)
    from synth.decode import load_audio

    return load_audio(path)


def _quiet(noise: np.random.RandomState, count: int) -> NDArray[np.float32]:
    return (noise.standard_normal(count) * 10 ** (QUIET_DB / 20)).astype(np.float32)


def _hops(parts: Sequence[NDArray[np.float32]], most: int) -> NDArray[np.int16]:
    sound = np.concatenate(parts)[:most]
    whole = sound[: max(1, len(sound) // STEP) * STEP]
    whole = np.concatenate([whole, np.zeros(-len(whole) % STEP, np.float32)])
    return np.clip(np.round(whole * 32768), -32768, 32767).astype(np.int16)
