"""Real speech and noise to reject: what packages have put on this machine, and folders that the user names.

Every source is cut into three by its files' names: most to train on, some to choose thresholds with, some to
report with. Which file goes where depends on its name alone, so adding a folder moves nothing.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import WavError
from synth.acoustics import Sound
from synth.ingest import find_audio, load_audio

log = logging.getLogger(__name__)

WAYS = ("train", "choose", "report")
SHARES = (0.5, 0.25, 0.25)


@dataclass(frozen=True)
class Source:
    """One body of recordings in which nobody says the phrase."""

    name: str
    kind: str
    """speech or noise"""
    folder: Path
    licence: str
    package: str = ""
    """what to install to have it"""


SOURCES = (
    Source("asterisk-en", "speech", Path("/usr/share/asterisk/sounds/en_US_f_Allison"), "CC-BY-SA-3.0",
           "asterisk-core-sounds-en-g722"),
    Source("asterisk-es", "speech", Path("/usr/share/asterisk/sounds/es_MX_f_Allison"), "CC-BY-SA-3.0",
           "asterisk-core-sounds-es-g722"),
    Source("asterisk-fr", "speech", Path("/usr/share/asterisk/sounds/fr_CA_f_June"), "CC-BY-SA-3.0",
           "asterisk-core-sounds-fr-g722"),
    Source("asterisk-it", "speech", Path("/usr/share/asterisk/sounds/it_IT_m_Carlo"), "CC-BY-SA-3.0",
           "asterisk-core-sounds-it-g722"),
    Source("asterisk-ru", "speech", Path("/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU"), "CC-BY-3.0",
           "asterisk-core-sounds-ru-g722"),
    Source("asterisk-moh", "noise", Path("/usr/share/asterisk/moh"), "CC-BY-SA-3.0",
           "asterisk-moh-opsound-g722"),
)


def installed(folders: Sequence[Path] = ()) -> list[Source]:
    """The packages that are there, then the user's own `folders`, taken for speech, the harder case."""
    own = [Source(f"folder {folder.name}", "speech", folder, "the user's own") for folder in folders]
    return [source for source in SOURCES if source.folder.is_dir()] + own


def way_of(name: str) -> str:
    """train, choose or report, for one file's name."""
    point = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:4], "big") / 2**32
    return WAYS[0] if point < SHARES[0] else WAYS[1] if point < SHARES[0] + SHARES[1] else WAYS[2]


def recordings(source: Source, way: str, hours: float) -> Iterator[Sound]:
    """The recordings of one way [n] at 16 kHz, at most so many hours of them; what does not decode is
    counted by `find_audio` and passed over."""
    left_s = hours * 3600
    for path in find_audio(source.folder).files:
        if left_s <= 0:
            return
        if way_of(str(path.relative_to(source.folder))) != way or not path.stat().st_size:
            continue  # a package may hold a file of 0 bytes for a word that nobody spoke
        try:
            sound = load_audio(path)
        except WavError as error:
            log.warning("event=unreadable file=%s why=%r", path, str(error))
            continue
        left_s -= len(sound) / 16_000
        yield sound
