"""Real speech, music and noise to reject: what packages have put on this machine, and folders that the user
names.

Every source is cut into three: most to train on, some to choose thresholds with, some to report with. No
speaker is in two of them (`synth.sources` says who is who), so that what is reported is how strangers fare.

A user's folder with three or more sub-folders is taken for one sub-folder a speaker, as LibriSpeech has it:
they are dealt out, and one that is added later may move others. Any other folder is cut by the names of its
files: then adding a file moves nothing, but a speaker may be in all three.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from synth.ingest import SUFFIXES, find_audio
from synth.packs import Pcm, read_through
from synth.sources import WAY_WORDS as WAYS
from synth.sources import Source, sources

__all__ = ["SHARES", "WAYS", "Source", "files_of", "installed", "recordings", "remedy", "way_of"]

log = logging.getLogger(__name__)

SHARES = (0.5, 0.25, 0.25)
DEALT = ("train", "choose", "report", "train")  # to sub-folders in a row: none is left with nothing
FEWEST_SPEAKERS = 3


def installed(folders: Sequence[Path] = ()) -> list[Source]:
    """The sources that are there, then the user's own `folders`, taken for speech, the harder case."""
    own = [Source(f"folder {folder.name}", "speech", folder, "the user's own") for folder in folders]
    return [source for source in sources() if is_here(source)] + own


def is_here(source: Source) -> bool:
    """Whether there is any file of it."""
    below = (Path(folder, name) for folder, _, names in os.walk(source.folder) for name in names)
    audio = (path for path in below if path.suffix.lower() in SUFFIXES)
    return any(_wanted(source, path.relative_to(source.folder).as_posix()) for path in audio)


def remedy(source: Source) -> str:
    """How to have it."""
    return f"heychip-synth negatives install {source.name}"


def way_of(name: str) -> str:
    """train, choose or report, for one file's (or speaker's) name."""
    point = _point(name)
    return WAYS[0] if point < SHARES[0] else WAYS[1] if point < SHARES[0] + SHARES[1] else WAYS[2]


def files_of(source: Source) -> dict[str, list[Path]]:
    """The files of each way, each content once, in an order that mixes the speakers: whoever reads only an
    hour of them hears all. Raises UsageError if there is no such folder."""
    found = {path.relative_to(source.folder).as_posix(): path for path in find_audio(source.folder).files}
    names = sorted((name for name in found if _wanted(source, name)), key=_point)
    dealt = _dealt(names) if source.kind == "speech" and not (source.way or source.speaker) else {}
    ways: dict[str, list[Path]] = {way: [] for way in WAYS}
    for name in names:
        way = source.way or dealt.get(_top(name)) or _way(source, name)
        if found[name].stat().st_size:  # a package may hold a file of 0 bytes for a word that nobody spoke
            ways[way].append(found[name])
    return ways


def recordings(source: Source, way: str, hours: float, cache: Path | None = None) -> Iterator[Pcm]:
    """The recordings of one way [n] at 16 kHz, 16 bits, at most so many hours of them. What does not decode
    is told of and passed over; what took long to decode is kept in the folder `cache`, if there is one."""
    return read_through(cache, f"{source.name}-{way}", files_of(source)[way], hours)


def _wanted(source: Source, name: str) -> bool:
    return fnmatchcase(name, source.files) and not (source.without and fnmatchcase(name, source.without))


def _way(source: Source, name: str) -> str:
    """The speaker's way, or, where there is no telling who it is, that of the name."""
    key = source.key(name)
    return way_of(name) if key is None else source.ways.get(key) or way_of(key)


def _dealt(names: Iterable[str]) -> dict[str, str]:
    """The way of each sub-folder; nothing where there are too few to be speakers. Files beside them count as
    one more."""
    tops = sorted({_top(name) for name in names}, key=_point)
    if len([top for top in tops if top]) < FEWEST_SPEAKERS:
        return {}
    return {top: DEALT[k % len(DEALT)] for k, top in enumerate(tops)}


def _top(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


def _point(name: str) -> float:
    """0 to 1, by the name alone."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:4], "big") / 2**32
