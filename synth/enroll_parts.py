"""The bodies of recordings that a backdrop is made of: which there are on this machine, how much is taken of
each in each of the three ways, and what decides what comes of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.backbone import HARDENED, identity
from edge.files import write_whole
from synth import dataset, negatives, progress
from synth.acoustics import Sound
from synth.ingest import SUFFIXES, trim
from synth.negatives import WAYS, Source
from synth.sentences import sentences
from synth.shelf import Shelf, chunks
from synth.voices import Engine, Take
from synth.voices.cache import speak_all
from synth.voices.espeak import Espeak
from synth.voices.flite import Flite
from synth.voices.plan import plan, split

VERSION = "2"  # counts up when this room or the backdrop changes: what was kept before is then made anew
ENGINES = (Espeak, Flite)  # those that speak at once
SENTENCES = {"train": 200, "choose": 100, "report": 60}
HOURS = {"train": 0.6, "choose": 0.6, "report": 0.8}  # of real speech, all packages together
OWN_HOURS = {"train": 0.3, "choose": 0.3, "report": 0.3}  # of each folder that the user names
NOISE_HOURS = {"train": 0.1, "choose": 0.0, "report": 0.0}  # all packages together
COPIES = {"train": 1, "choose": 1, "report": 0}  # how often a stream is spoiled, besides being used as it is
TOGETHER = 8  # sentences in a stream
ROOMS = 24
SEED = 0  # the background is the same whatever the seed of the enrolment


@dataclass(frozen=True)
class Part:
    """One body of recordings in one way, before it is listened to."""

    name: str
    key: str
    """sha256 of all that decides what its features are"""
    per_stream: int
    copies: int
    read: Callable[[], list[Sound]]
    speed: float = 1.0
    """at which it is listened to"""

    def at(self, speed: float) -> Part:
        """The same at a speed. What is heard as it was said keeps its name, so that it is not made anew."""
        if speed == 1:
            return self
        return replace(self, name=f"{self.name}-at-{speed}", key=key_of(self.key, speed), speed=speed)

    def file(self, folder: Path) -> Path:
        """Where its features are kept."""
        safe = "".join(c if c.isalnum() or c in "-." else "_" for c in self.name)[:60]
        return folder / f"{safe}-{self.key}.npz"


@dataclass(frozen=True)
class Speaker:
    """Speaks takes when it is asked to; one that fails is an empty sound, so that places stay."""

    takes: list[Take]
    engines: list[Engine]
    cache: Path
    jobs: int

    def __call__(self) -> list[Sound]:
        with progress.bar("speaking sentences", len(self.takes)) as done:
            spoken = speak_all(self.takes, self.engines, jobs=self.jobs, progress=done, cache=self.cache)
            return [np.zeros(0, np.float32) if sound is None else trim(sound) for _, sound, _ in spoken]


@dataclass(frozen=True)
class Reader:
    """Reads recordings when it is asked to."""

    source: Source
    way: str
    hours: float
    cache: Path

    def __call__(self) -> list[Sound]:
        found = negatives.recordings(self.source, self.way, self.hours, self.cache / "recordings")
        return list(Shelf(chunks(found)))


def spoken(cache: Path, jobs: int) -> tuple[dict[str, list[str]], dict[str, list[Part]]]:
    """The sentences of each way, and who speaks them; nothing where no engine is here."""
    engines: list[Engine] = [engine for engine in (cls() for cls in ENGINES) if engine.available() is None]
    texts: dict[str, list[str]] = {way: [] for way in WAYS}
    parts: dict[str, list[Part]] = {way: [] for way in WAYS}
    if not engines:
        return texts, parts
    voices = split([voice for engine in engines for voice in engine.voices()], SEED)
    every = sentences(sum(SENTENCES.values()), SEED)
    for k, way in enumerate(WAYS):
        before = sum(SENTENCES[other] for other in WAYS[:k])
        takes = plan(every[before : before + SENTENCES[way]], engines, SENTENCES[way], SEED + k, voices[way])
        if takes:
            texts[way] = [take.text for take in takes]
            key = key_of("spoken", way, [take.key for take in takes])
            read = Speaker(takes, engines, cache / "clips", jobs)
            parts[way] = [Part(f"spoken-{way}", key, TOGETHER, COPIES[way], read)]
    return texts, parts


def recorded(sources: Sequence[Source], folder: Path, cache: Path) -> dict[str, list[Part]]:
    """A part for each source that has anything in a way. What is found in `sources` is kept in `folder`."""
    listed = {source.name: _listed(source, folder) for source in sources}
    parts: dict[str, list[Part]] = {way: [] for way in WAYS}
    for way, here in parts.items():
        full = [source for source in sources if listed[source.name][1][way]]
        for source in full:
            if source.package:
                hours = (HOURS if source.kind == "speech" else NOISE_HOURS)[way]
                hours /= sum(1 for other in full if other.package and other.kind == source.kind)
            else:
                hours = OWN_HOURS[way]
            if hours:
                key = key_of(listed[source.name][0], way, hours)
                read = Reader(source, way, hours, cache)
                here.append(Part(f"{source.name}-{way}", key, 1, COPIES[way], read))
    return parts


def _listed(source: Source, folder: Path) -> tuple[str, dict[str, int]]:
    """A key of all that lies in a source, and how many files of it each way has. To cut it into ways, every
    file is read, so that is done once, and remembered as long as no name, size or time changes."""
    facts = []
    for below, folders, names in os.walk(source.folder):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES:
                status = os.lstat(os.path.join(below, name))  # noqa: PTH118 - tens of thousands of them
                facts.append((below, name, status.st_size, status.st_mtime_ns))
    key = key_of(source, facts)
    file = folder / f"files-{key}.json"
    try:
        known = json.loads(file.read_bytes())
        return key, {way: int(known[way]) for way in WAYS}
    except (OSError, ValueError, KeyError, TypeError):  # not there yet, or broken
        counts = {way: len(files) for way, files in negatives.files_of(source).items()}
        write_whole(file, json.dumps(counts).encode())
        return key, counts


def key_of(*facts: object) -> str:
    """A name for what comes of these facts and of everything that is fixed."""
    fixed = (VERSION, dataset.VERSION, identity(HARDENED)["sha256"], COPIES, TOGETHER, ROOMS, SEED)
    return hashlib.sha256(repr((fixed, facts)).encode("utf-8", "backslashreplace")).hexdigest()[:20]
