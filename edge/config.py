"""One TOML file becomes frozen dataclasses, or one ConfigError that tells all of its mistakes.

Relative paths are resolved against the folder of the file, whatever folder the program was started in.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from edge import config_check as check
from edge.errors import ConfigError
from edge.memory_config import MemoryConfig
from edge.mood_config import MoodConfig
from edge.phrases import SHIPPED, Phrases, wrong_placeholders

log = logging.getLogger(__name__)

PLACES = (Path("heychip.toml"), Path("/etc/heychip/heychip.toml"))
BUILT_IN = '[[rules]]\nheard = "*"\nsay = "greeting"\n\n[[rules]]\nseen = "*"\nsay = "seen"\n'
PLACEHOLDERS = {"heard": ("word", "member", "score"), "seen": ("label", "score")}


@dataclass(frozen=True)
class MicrophoneConfig:
    """[microphone]"""

    backend: str = check.key("auto", check.choice("auto", "sounddevice", "pyaudio", "recording"))
    device: str = check.key("", check.text())
    """a part of the device's name, CARD=id, its usb-... socket, pulse:source, or nothing for the default"""
    files: tuple[str, ...] = check.key((), check.texts, place="file")
    """the wav files that are the microphone where the backend is "recording" """
    channel: int = check.key(0, check.whole(0, 31))
    pace: float = check.key(1.0, check.number(0, 1000))
    """times real time; 0 is as fast as a recording can be read"""
    optional: bool = check.key(False, check.flag)


@dataclass(frozen=True)
class ListenConfig:
    """[listen]"""

    bundles: tuple[str, ...] = check.key(("hey_chip",), check.texts, place="name")
    refractory_s: float = check.key(1.0, check.number(0, 60))
    release: float = check.key(1.0, check.number(0, 20))
    """logits that a score must fall below its threshold before the word can be heard again"""
    offset: float = check.key(0.0, check.number(-20, 20))
    """logits added to every threshold: above 0 hears less, below 0 hears more"""
    lazy: bool = check.key(True, check.flag)
    """whether the backbone rests while nothing stirs; the same is heard, at most 80 ms later"""


@dataclass(frozen=True)
class CameraConfig:
    """[camera]"""

    backend: str = check.key("off", check.choice("off", "folder", "video", "picamera2", "v4l2"))
    folder: str = check.key("", check.text(), place="file")
    file: str = check.key("", check.text(), place="file")
    """the film where the backend is "video": a picture of it every `interval_s`"""
    once: bool = check.key(False, check.flag)
    """whether a folder or a film is shown once, and not for ever"""
    device: str = check.key("/dev/video0", check.text(empty=False))
    """where the backend is "v4l2"; /dev/v4l/by-id/… stays the same whatever is plugged in first"""
    rotate: int = check.key(0, check.choice(0, 90, 180, 270))
    """degrees clockwise that bring the pictures upright"""
    interval_s: float = check.key(1.0, check.number(0.05, 3600))
    model: str | tuple[str, ...] = check.key("things", check.name_or_names, place="name")
    """a vision bundle, or several: each looks at every picture"""
    steady_frames: int = check.key(3, check.whole(1, 100))
    min_score: float = check.key(0.3, check.number(0.01, 1))

    @property
    def models(self) -> tuple[str, ...]:
        """`model` as a list."""
        return (self.model,) if isinstance(self.model, str) else self.model


@dataclass(frozen=True)
class SpeechConfig:
    """[speech]"""

    backend: str = check.key("auto", check.choice("auto", "espeak", "wav", "silent"))
    voice: str = check.key("en", check.text(empty=False))
    speed_wpm: int = check.key(160, check.whole(80, 450))
    pitch: int = check.key(50, check.whole(0, 99))
    folder: str = check.key("", check.text(), place="file")
    tail_s: float = check.key(0.4, check.number(0, 5))
    """how long the ears stay closed after a line"""
    barge_in: str = check.key("subtract", check.choice("off", "raise", "subtract"))
    """whether we hear while we speak: not at all, with raised thresholds, or with our own voice subtracted"""
    preroll_s: float = check.key(0.0, check.number(0, 3))
    """silence before each line, for speakers that need time to wake up"""


@dataclass(frozen=True)
class EventsConfig:
    """[events]"""

    file: str = check.key("", check.text(), place="file")


@dataclass(frozen=True)
class LogConfig:
    """[log]"""

    level: str = check.key("info", check.choice("debug", "info", "warning", "error"))


@dataclass(frozen=True)
class RuleConfig:
    """[[rules]]: one trigger (heard or seen) and what follows (say or text, run)"""

    name: str = check.key("", check.text())
    heard: str = check.key("", check.text(empty=False))
    seen: str = check.key("", check.text(empty=False))
    say: str = check.key("", check.text(empty=False))
    """a phrase file, or the name of a shipped one"""
    text: str = check.key("", check.text(empty=False))
    run: tuple[str, ...] = check.key((), check.texts)
    every_s: float = check.key(0.0, check.number(0, 604_800))
    lines: tuple[str, ...] = ()
    """what `say` or `text` came to: the lines to choose from"""


@dataclass(frozen=True)
class Config:
    """The whole file. `path` is where it was read, `warnings` what is allowed but unwise."""

    microphone: MicrophoneConfig = MicrophoneConfig()
    listen: ListenConfig = ListenConfig()
    camera: CameraConfig = CameraConfig()
    speech: SpeechConfig = SpeechConfig()
    events: EventsConfig = EventsConfig()
    memory: MemoryConfig = MemoryConfig()  # noqa: RUF009 - frozen, too
    mood: MoodConfig = MoodConfig()  # noqa: RUF009 - frozen, too
    log: LogConfig = LogConfig()
    rules: tuple[RuleConfig, ...] = ()
    path: str = ""
    warnings: tuple[str, ...] = ()


SECTIONS: dict[str, type] = {f.name: type(f.default) for f in fields(Config) if is_dataclass(f.default)}
_ELSEWHERE = {name: section for section, cls in reversed(SECTIONS.items()) for name in check.keys_of(cls)}


def load_config(path: Path | str | None = None, *, defaults: bool = False) -> Config:
    """Read a file; without `path` the first of ./heychip.toml and /etc/heychip/heychip.toml, or, only where
    `defaults` asks for it, the built-in settings. Raises ConfigError with every mistake."""
    if path is None and defaults:
        return to_config(check.parse_toml(BUILT_IN, "built-in defaults"), Path.cwd(), "built-in defaults")
    file = Path(path) if path is not None else next((p for p in PLACES if p.exists()), None)
    if file is None:
        looked = " or ".join(str(p) for p in PLACES)
        raise ConfigError(looked, ["no such file; name one with --config FILE, or start with --defaults"])
    tables = check.read_toml(file)
    warnings = tuple(check.secrets_for_all(file, tables))
    for warning in warnings:
        log.warning("event=config_warning path=%s why=%r", file, warning)
    return replace(to_config(tables, file.absolute().parent, str(file)), warnings=warnings)


def to_config(tables: Mapping[str, object], base: Path, path: str) -> Config:
    """TOML tables to a Config; `base` is the folder of its relative paths. Raises ConfigError."""
    problems: list[str] = []
    parts: dict[str, Any] = {}
    for name, table in tables.items():
        if name == "rules":
            parts[name] = _rules(table, base, problems)
        elif name not in SECTIONS:
            hint = check.nearest(name, [*SECTIONS, "rules"])
            if not hint and name in _ELSEWHERE:
                hint = f", it belongs into [{_ELSEWHERE[name]}]"
            problems.append(f"{name}: unknown {'section' if isinstance(table, dict) else 'key'}{hint}")
        elif not isinstance(table, dict):
            problems.append(f"{name}: found {check.show(table)}, expected a section [{name}]")
        else:
            parts[name] = check.read_table(
                SECTIONS[name], table, where=f"{name}.", base=base, problems=problems, elsewhere=_ELSEWHERE
            )
    config = Config(**parts, path=path)
    problems += _together(config)
    if problems:
        raise ConfigError(path, problems)
    return config


def _together(config: Config) -> list[str]:
    """The mistakes that one key alone does not show."""
    microphone, camera, speech, rules = config.microphone, config.camera, config.speech, config.rules
    problems = [f"microphone.files: no such file: {f}" for f in microphone.files if not Path(f).is_file()]
    if microphone.backend == "recording" and not microphone.files:
        problems.append('microphone.files: expected at least one wav file where backend = "recording"')
    if camera.backend == "folder" and not Path(camera.folder or "/dev/null").is_dir():
        problems.append(f"camera.folder: no such folder: {camera.folder or '(none given)'}")
    if camera.backend == "video" and not Path(camera.file or "/dev").is_file():
        problems.append(f"camera.file: no such video: {camera.file or '(none given)'}")
    if speech.backend == "wav" and not speech.folder:
        problems.append('speech.folder: expected a folder for the recordings where backend = "wav"')
    if not config.listen.bundles and camera.backend == "off":
        problems.append("listen.bundles: empty, and the camera is off: there would be nothing to do")
    problems += config.mood.problems()
    problems += [f"listen.bundles: {name} stands there twice" for name in _doubles(config.listen.bundles)]
    return problems + [f'rules: two rules have the name "{name}"' for name in _doubles(r.name for r in rules)]


def _doubles(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if name and count > 1]


def _rules(tables: object, base: Path, problems: list[str]) -> tuple[RuleConfig, ...]:
    """All [[rules]], each with the lines that it may say."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"rules: found {check.show(tables)}, expected tables; begin each rule with [[rules]]")
        return ()
    return tuple(_rule(table, f"rules number {i}: ", base, problems) for i, table in enumerate(tables, 1))


def _rule(table: Mapping[str, object], where: str, base: Path, problems: list[str]) -> RuleConfig:
    before = len(problems)
    rule = check.read_table(RuleConfig, table, where=where, base=base, problems=problems)
    if len(problems) > before:
        return rule  # what follows would only repeat those mistakes in other words
    if bool(rule.heard) == bool(rule.seen):
        problems.append(f'{where}expected one trigger, heard = "…" or seen = "…"')
        return rule
    if rule.say and rule.text:
        problems.append(f"{where}expected say (a phrase file) or text (one line), found both")
    elif not (rule.say or rule.text or rule.run):
        problems.append(f"{where}nothing would follow; give say, text or run")
    allowed = PLACEHOLDERS["heard" if rule.heard else "seen"]
    problems += [f"{where}run: {wrong}" for wrong in wrong_placeholders(rule.run, allowed)]
    if not (rule.say or rule.text):
        return rule
    try:
        phrases = Phrases(_phrase_file(rule.say, base) if rule.say else [rule.text], allowed=allowed)
    except ConfigError as error:
        place = f"say: {error.path}" if rule.say else "text"
        problems += [f"{where}{place}: {wrong}" for wrong in error.problems]
        return rule
    return replace(rule, lines=phrases.lines)


def _phrase_file(say: str, base: Path) -> Path:
    """A shipped phrase file by its plain name (greeting, seen), else a path."""
    shipped = SHIPPED / f"{say}.txt"
    return shipped if "/" not in say and shipped.is_file() else Path(check.resolve(say, base, "file"))


def word_key(word: str) -> str:
    """A word as it is compared: hey_chip, Hey Chip and "hey  chip" are one."""
    return " ".join(re.sub(r"[_-]", " ", word).casefold().split())


def check_words(config: Config, words: Sequence[str], labels: Sequence[str] | None = None) -> list[str]:
    """The rules that wait for a word which no bundle hears or, where `labels` are given, for a thing that the
    classifier does not know: what only the start of the program can tell."""
    problems = []
    for i, rule in enumerate(config.rules, 1):
        for trigger, wanted, known in (("heard", rule.heard, words), ("seen", rule.seen, labels)):
            if known is None or wanted in {"", "*"} or word_key(wanted) in {word_key(k) for k in known}:
                continue
            some = f" (known: {', '.join(list(known)[:8]) or 'none'}{'…' if len(known) > 8 else ''})"
            hint = check.nearest(wanted, known) or some
            problems.append(f'rules number {i}: {trigger}: no model knows "{wanted}"{hint}')
    return problems
