"""One TOML file becomes frozen dataclasses, or one ConfigError that tells all of its mistakes.

Relative paths are resolved against the folder of the file, whatever folder the program was started in.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from edge import config_check as check
from edge.buttons_config import ButtonConfig, read_buttons
from edge.errors import ConfigError
from edge.lights_config import LightsConfig, light_problem, pin_problems
from edge.memory_config import MemoryConfig
from edge.mood_config import MoodConfig
from edge.mqtt_config import MqttConfig, mqtt_problems
from edge.photos_config import PhotosConfig
from edge.prior_config import PriorConfig
from edge.rule_config import MOOD, RuleConfig, doubles, read_rules, unknown, without

log = logging.getLogger(__name__)

PLACES = (Path("heychip.toml"), Path("/etc/heychip/heychip.toml"))
BUILT_IN = '[[rules]]\nheard = "*"\nsay = "greeting"\n\n[[rules]]\nseen = "*"\nsay = "seen"\n'


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
    """whether the backbone rests while nothing stirs; the same is heard, at most 160 ms later"""


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

    backend: str = check.key("auto", check.choice("auto", "espeak", "piper", "wav", "silent"))
    voice: str = check.key("en", check.text(empty=False))
    """of espeak-ng"""
    piper: str = check.key("", check.text(), place="file")
    """a voice of Piper, NAME.onnx with its NAME.onnx.json; "" is the one of the extra [piper]"""
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
class Config:
    """The whole file. `path` is where it was read, `warnings` what is allowed but unwise."""

    microphone: MicrophoneConfig = MicrophoneConfig()
    listen: ListenConfig = ListenConfig()
    camera: CameraConfig = CameraConfig()
    speech: SpeechConfig = SpeechConfig()
    events: EventsConfig = EventsConfig()
    memory: MemoryConfig = MemoryConfig()  # noqa: RUF009 - frozen, too
    mood: MoodConfig = MoodConfig()  # noqa: RUF009 - frozen, too
    photos: PhotosConfig = PhotosConfig()  # noqa: RUF009 - frozen, too
    lights: LightsConfig = LightsConfig()  # noqa: RUF009 - frozen, too
    mqtt: MqttConfig = MqttConfig()  # noqa: RUF009 - frozen, too
    prior: PriorConfig = PriorConfig()  # noqa: RUF009 - frozen, too
    log: LogConfig = LogConfig()
    buttons: tuple[ButtonConfig, ...] = ()
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
            parts[name] = read_rules(table, base, problems)
        elif name == "buttons":
            parts[name] = read_buttons(table, problems)
        elif name not in SECTIONS:
            hint = check.nearest(name, [*SECTIONS, "buttons", "rules"])
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
    problems += pin_problems(config.lights, config.buttons) + mqtt_problems(config.mqtt)
    problems += [f"listen.bundles: {name} stands there twice" for name in _doubles(config.listen.bundles)]
    problems += [f'rules: two rules have the name "{name}"' for name in doubles(rules)]
    return problems + _undoable(config)


def _undoable(config: Config) -> list[str]:
    """Rules that ask for what nothing here can do. What only waits (for a thing to be seen, say) may stand
    there until there is a camera."""
    rules = config.rules
    problems = unknown(rules, "button", [n for b in config.buttons for n in b.presses], "no [[buttons]] has")
    if config.camera.backend == "off":
        problems += without(rules, "photo", "the camera is off; set [camera] backend")
    elif not config.photos.folder:
        problems += without(rules, "photo", "there is no place for it; set [photos] folder")
    if not config.mqtt.host:
        problems += without(rules, "mqtt", "there is no broker; set [mqtt] host")
    for i, rule in enumerate(rules, 1):
        follows = rule.light is not None and rule.light.colour == MOOD and config.lights.rgb
        if rule.light and not follows and (wrong := light_problem(config.lights, rule.light.colour)):
            problems.append(f'rules number {i}: light: found "{rule.light.colour}", {wrong}')
    return problems


def _doubles(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if name and count > 1]


def check_words(
    config: Config, words: Sequence[str], labels: Sequence[str] | None = None, *, moods: bool | None = None
) -> list[str]:
    """The rules that wait for a word which no bundle hears or, where `labels` are given, for a thing that no
    model of the camera knows, and where it has none for faces (`moods` is false), for a mood or a face: what
    only the start of the program can tell."""
    problems = unknown(config.rules, "heard", words) + unknown(config.rules, "seen", labels)
    if moods is False:
        why = 'no model of the camera looks for faces; set [camera] model = ["faces"]'
        problems += without(config.rules, "mood", why) + without(config.rules, "face", why)
    return problems
