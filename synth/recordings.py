"""Recordings to measure with: found in folders, read whole, and grouped by who speaks in them.

Unlike `ingest`, which takes in what will be trained on, nothing here is judged, trimmed or left out for
being a second copy: a measurement is of all that a person has put into the folder. An independent scorer that
finds, reads and mixes recordings in this way comes to the same counts (`tests/synth/test_judge.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ
from edge.wav import read_wav
from synth.acoustics import Sound
from synth.decode import AGAIN, EXTRA, OPTIONS, RAW
from synth.ingest import FRAME, QUIET_DB, SUFFIXES, printable

WAV = (".wav", ".wave")
USUAL = (*WAV, ".flac", ".ogg", ".oga", ".aif", ".aiff", ".au", ".caf")
_PERSON = re.compile(r"(?:speaker|spk|voice|subject|person|talker|user|child|woman|man|female|male)"
                     r"[-_ .]?[a-z0-9]+(?=[-_ .]|$)", re.IGNORECASE)
_TAKE = re.compile(r"(.*?[^-_ .])[-_ .]+(?:take|clip|rec|utt|sample)?[-_ .]?\d+", re.IGNORECASE)


def audio_files(root: Path | str) -> list[Path]:
    """All audio files below `root`, by their suffixes, in the order of their paths; links are followed.
    Raises UsageError where there is no such folder."""
    root = Path(root)
    if not root.is_dir():
        raise UsageError(f"{printable(root)}: no such folder; name one that holds recordings")
    return sorted(_walk(root, frozenset()))


def _walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    """`above` are the folders that we are in: a link back to one of them would never end."""
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {here})
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield Path(entry.path)


def read_mono(path: Path) -> Sound:
    """A whole recording as float32 [n] at 16 kHz, its channels averaged: who measures wants what everybody's
    tools make of the file. Raises WavError."""
    sound, rate_hz = _usual(path) or (_wav(path) if path.suffix.lower() in WAV else _coded(path))
    if not len(sound):
        raise WavError(path, "no samples", AGAIN)
    if not np.isfinite(sound).all():
        raise WavError(path, "it decodes to NaN or infinity", AGAIN)
    if rate_hz != RATE_HZ:
        common = gcd(rate_hz, RATE_HZ)
        sound = resample_poly(sound, RATE_HZ // common, rate_hz // common)
    return np.asarray(sound, np.float32)


def _usual(path: Path) -> tuple[Sound, int] | None:
    """By libsndfile, which most tools read with: FFmpeg gives a few hundredths of a second more of some short
    Ogg files. None where it is not installed, or for what it does not read."""
    if path.suffix.lower() not in USUAL:
        return None
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: its library is missing
        return None
    try:
        sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, MemoryError, ValueError) as error:
        reason = str(getattr(error, "error_string", error))
        raise WavError(path, f"cannot be decoded: {reason}", AGAIN) from error
    return np.asarray(sound.mean(axis=1), np.float32), int(rate_hz)


def _wav(path: Path) -> tuple[Sound, int]:
    recording = read_wav(path)
    return np.asarray(recording.samples.mean(axis=1), np.float32), recording.rate_hz


def _coded(path: Path) -> tuple[Sound, int]:
    """Through FFmpeg's decoders; an open file and not its name, which FFmpeg might take for an address."""
    try:
        import av
    except ImportError as error:
        raise UsageError(f"PyAV is needed to read anything but wav: {EXTRA}") from error
    raw = RAW.get(path.suffix.lower())
    rates_hz: set[int] = set()
    parts = [np.zeros(0, np.float32)]
    try:
        with (
            path.open("rb") as file,
            av.open(file, format=raw, metadata_errors="replace", options=OPTIONS) as container,
        ):
            if not container.streams.audio:
                raise WavError(path, "there is no sound in it", AGAIN)
            to_float = av.AudioResampler(format="fltp")  # integers by their full scale
            for decoded in container.decode(container.streams.audio[0]):
                for frame in to_float.resample(decoded):
                    rates_hz.add(frame.sample_rate)
                    parts.append(frame.to_ndarray().mean(axis=0))
    except (av.FFmpegError, OSError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WavError(path, f"cannot be decoded: {reason}".lower(), AGAIN) from error
    if len(rates_hz) > 1:
        raise WavError(path, f"changes its rate on the way ({sorted(rates_hz)} Hz)", AGAIN)
    return np.concatenate(parts), rates_hz.pop() if rates_hz else RATE_HZ


def end_of_speech(sound: Sound) -> int:
    """The sample at which the last 10 ms end that are within 40 dB of the loudest: where latency counts from.
    The end of the recording where its background is louder than that."""
    frames = len(sound) // FRAME
    if not frames:
        return len(sound)
    energy = np.square(sound[: frames * FRAME].reshape(frames, FRAME), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 10 ** (QUIET_DB / 10))
    last = int(loud[-1]) if len(loud) else frames - 1
    return len(sound) if last == frames - 1 else (last + 1) * FRAME


def voices(files: Sequence[Path], root: Path) -> list[str]:
    """Whose voice each file is, by where it lies (`women/anna/3.wav` is "women/anna") and, where the names of
    a folder tell several people apart, by its name (`anna-03.wav`, `speaker_2_hello.wav`)."""
    names = {file: _speaker(file.stem) for file in files}
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent, []).append(file)
    told = {folder: _tell_apart([file.stem for file in inside]) for folder, inside in by_folder.items()}
    found = []
    for file in files:
        parts = [printable(part) for part in file.parent.relative_to(root).parts]
        parts += [printable(names[file] or "others")] if told[file.parent] else []
        found.append("/".join(parts) or printable(root.resolve().name))
    return found


def _speaker(stem: str) -> str:
    """Who speaks, by the name of a file, or nothing: what precedes the number of the take."""
    if person := _PERSON.match(stem):
        return person[0]
    take = _TAKE.fullmatch(stem)
    return take[1] if take else ""


def _tell_apart(stems: Sequence[str]) -> bool:
    """Whether names stand for people: each file a name of its own is no such thing, unless they say so."""
    people = {_speaker(stem) for stem in stems} - {""}
    said = all(_PERSON.match(stem) for stem in stems)
    return len(people) > 1 and (said or 3 * len(people) <= 2 * len(stems))


def above(voice: str) -> list[str]:
    """The groups that a voice belongs to: "women/anna" is one of "women", too."""
    parts = voice.split("/")
    return ["/".join(parts[: k + 1]) for k in range(len(parts))]
