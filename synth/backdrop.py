"""What a personal detector has to tell the word from: other speech, synthetic and real, as features on disk.

The same for every word and every person, so it is made once on a machine, in under a minute, and kept under
the cache directory: a file for each body of recordings and each of the three ways (to train on, to choose
thresholds with, to report with). A file is named after all that decides what is in it.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, identity
from edge.errors import UsageError
from edge.events import HOP_S
from edge.files import write_whole
from synth import dataset, negatives, progress
from synth.acoustics import Sound, room_impulses
from synth.augment import Scenery
from synth.dataset import Examples, Job, World, joined, run_jobs, stream_jobs
from synth.examples import chunks
from synth.ingest import trim
from synth.material import seconds
from synth.negatives import WAYS, Source
from synth.sentences import matcher, sentences
from synth.voices import Engine, Take
from synth.voices.cache import speak_all
from synth.voices.espeak import Espeak
from synth.voices.flite import Flite
from synth.voices.plan import plan, split

VERSION = "1"  # counts up when this room changes: what was kept before is then made anew
ENGINES = (Espeak, Flite)  # those that speak at once
SENTENCES = {"train": 300, "choose": 100, "report": 0}
HOURS = {"train": 1.0, "choose": 0.6, "report": 0.6}  # of real speech, all packages together
OWN_HOURS = {"train": 0.5, "choose": 0.3, "report": 0.3}  # of each folder that the user names
NOISE_HOURS = {"train": 0.1, "choose": 0.0, "report": 0.0}  # all packages together
COPIES = {"train": 1, "choose": 1, "report": 0}  # how often a stream is spoiled, besides being used as it is
TOGETHER = 8  # sentences in a stream
ROOMS = 24
KEPT_S = 90.0  # of each body of recordings: what the word is put between and under
SEED = 0  # the background is the same whatever the seed of the enrolment

Keep = Callable[[int], None]


@dataclass(frozen=True)
class Backdrop:
    """The features of everything that is not the word, and what to put the word into."""

    ways: dict[str, Examples]
    """train, choose and report"""
    scenery: Scenery
    sources: list[Source]

    def hours(self, way: str) -> float:
        """Of the streams that thresholds may be found on or false accepts counted on."""
        return float(self.ways[way].natural.sum()) * HOP_S / 3600


@dataclass(frozen=True)
class Part:
    """One body of recordings in one way, before it is listened to."""

    name: str
    key: str
    """sha256 of all that decides what its features are"""
    per_stream: int
    copies: int
    read: Callable[[], list[Sound]]


def backdrop(folders: Sequence[Path], word: str, *, jobs: int, cache: Path) -> Backdrop:
    """Reads what is kept and makes what is not. Sentences with the word in them are left out. Raises
    UsageError where there is no speech at all."""
    sources = negatives.installed(folders)
    folder = cache / "backdrop"
    texts, spoken = _spoken(cache, jobs)
    parts = {way: [*spoken[way], *_recorded(sources, way, cache)] for way in WAYS}
    rooms = _rooms(folder)
    missing = [part for way in WAYS for part in parts[way] if not _file(folder, part).exists()]
    if missing:
        progress.say("  the first enrolment on this machine listens to other speech, once")
        with progress.bar("listening to other speech", len(missing)) as done:
            for part in missing:
                _make(part, rooms, folder, jobs)
                done(1)
    contains = matcher(word)
    heard, sounds = {}, {}
    for way in WAYS:
        found = [_read(_file(folder, part)) for part in parts[way]]
        examples = [one for one, _ in found]
        if spoken[way]:
            examples[0] = _without(examples[0], [k for k, text in enumerate(texts[way]) if contains(text)])
        heard[way] = joined(examples)
        sounds[way] = dict(zip((part.name for part in parts[way]), (kept for _, kept in found), strict=True))
    _check(heard)
    noisy = {f"{source.name}-train" for source in sources if source.kind == "noise"}
    talk = [sound for name, kept in sounds["train"].items() if name not in noisy for sound in kept]
    noise = [sound for name, kept in sounds["train"].items() if name in noisy for sound in kept]
    return Backdrop(heard, Scenery(rooms, talk, noise), sources)


def _check(heard: dict[str, Examples]) -> None:
    remedy = ("apt-get install espeak-ng flite, heychip-synth negatives install, or name a folder with "
              "--negatives")
    for way in ("train", "choose"):
        if not heard[way].natural.any():
            raise UsageError(f"there is no other speech here to {way} with: {remedy}")


def _spoken(cache: Path, jobs: int) -> tuple[dict[str, list[str]], dict[str, list[Part]]]:
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
            key = _key("spoken", way, [take.key for take in takes])
            read = _Speaker(takes, engines, cache / "clips", jobs)
            parts[way] = [Part(f"spoken-{way}", key, TOGETHER, COPIES[way], read)]
    return texts, parts


@dataclass(frozen=True)
class _Speaker:
    """Speaks takes when it is asked to; one that fails is an empty sound, so that places stay."""

    takes: list[Take]
    engines: list[Engine]
    cache: Path
    jobs: int

    def __call__(self) -> list[Sound]:
        with progress.bar("speaking sentences", len(self.takes)) as done:
            spoken = speak_all(self.takes, self.engines, jobs=self.jobs, progress=done, cache=self.cache)
            return [np.zeros(0, np.float32) if sound is None else trim(sound) for _, sound, _ in spoken]


def _recorded(sources: Sequence[Source], way: str, cache: Path) -> list[Part]:
    """A part for each source that has anything in this way."""
    files = {source.name: negatives.files_of(source)[way] for source in sources}
    counts = {kind: sum(1 for s in sources if s.kind == kind and s.package and files[s.name])
              for kind in ("speech", "noise")}  # fmt: skip
    parts = []
    for source in sources:
        hours = OWN_HOURS[way] if not source.package else (
            (HOURS if source.kind == "speech" else NOISE_HOURS)[way] / max(1, counts[source.kind]))
        if not files[source.name] or not hours:
            continue
        facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files[source.name]]
        key = _key(source.name, way, facts, hours)
        parts.append(Part(f"{source.name}-{way}", key, 1, COPIES[way], _Reader(source, way, hours, cache)))
    return parts


@dataclass(frozen=True)
class _Reader:
    """Reads recordings when it is asked to."""

    source: Source
    way: str
    hours: float
    cache: Path

    def __call__(self) -> list[Sound]:
        found = negatives.recordings(self.source, self.way, self.hours, self.cache / "recordings")
        return chunks(list(found))


def _key(*facts: object) -> str:
    text = repr((VERSION, dataset.VERSION, identity(HARDENED)["sha256"], COPIES, ROOMS, SEED, facts))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:20]


def _file(folder: Path, part: Part) -> Path:
    safe = "".join(c if c.isalnum() or c in "-." else "_" for c in part.name)[:60]
    return folder / f"{safe}-{part.key}.npz"


def listen(jobs: Sequence[Job], world: World, folder: Path, workers: int, done: Keep) -> Examples:
    """Scenes to features: the one place where an enrolment makes any. What is half done is kept in `folder`
    until all of it is."""
    found = run_jobs(jobs, world, folder, workers, done)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _make(part: Part, rooms: Sequence[Sound], folder: Path, workers: int) -> None:
    """One part through the pipeline of the daemon, to its file."""
    sounds = part.read()
    places = range(len(sounds))
    rows = [tuple(places[k : k + part.per_stream]) for k in range(0, len(sounds), part.per_stream)]
    jobs = stream_jobs(rows, part.copies, SEED)
    world = World.of(sounds, Scenery(rooms, [s for s in sounds if len(s)], []))
    examples = listen(jobs, world, folder / part.key, workers, lambda _: None)
    kept = _kept(sounds)
    arrays = {field.name: getattr(examples, field.name) for field in fields(Examples)}
    pcm = np.concatenate([np.zeros(0, np.int16), *kept])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, pcm=pcm, lengths=np.array([len(s) for s in kept], np.int64))
    write_whole(_file(folder, part), buffer.getvalue())


def _kept(sounds: Iterable[Sound]) -> list[NDArray[np.int16]]:
    """The first minute and a half of them, as 16 bits at half of full scale."""
    kept: list[NDArray[np.int16]] = []
    for sound in sounds:
        if seconds(kept) >= KEPT_S:  # type: ignore[arg-type]
            break
        if len(sound):
            kept.append(np.round(sound / (np.abs(sound).max() + 1e-6) * 16_384).astype(np.int16))
    return kept


def _read(path: Path) -> tuple[Examples, list[Sound]]:
    """The features of a part, and what was kept of its sound. A file that is broken is removed."""
    try:
        with np.load(path, allow_pickle=False) as file:
            examples = Examples(**{field.name: file[field.name] for field in fields(Examples)})
            pcm, lengths = file["pcm"].astype(np.float32) / np.float32(32_768), file["lengths"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise UsageError(f"{path}: is broken ({error}) and was removed; run the same again") from error
    return examples, np.split(pcm, np.cumsum(lengths)[:-1]) if len(lengths) else []


def _without(examples: Examples, texts: Sequence[int]) -> Examples:
    """`examples` of sentences without the streams in which any of these is said."""
    streams = {text // TOGETHER * TOGETHER for text in texts}
    keep = ~np.isin(examples.clip, list(streams))
    return replace(examples, **{field.name: getattr(examples, field.name)[keep]
                                for field in fields(Examples) if field.name != "rows"})  # fmt: skip


def _rooms(folder: Path) -> list[Sound]:
    """The impulse responses of the rooms, kept: to simulate them takes as long as to import what does it."""
    path = folder / f"rooms-{_key('rooms')}.npz"
    if not path.exists():
        buffer = io.BytesIO()
        rooms = room_impulses(ROOMS, SEED)
        named: dict[str, Any] = {str(k): room for k, room in enumerate(rooms)}
        np.savez(buffer, **named)
        write_whole(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as file:
        return [file[str(k)] for k in range(ROOMS)]
