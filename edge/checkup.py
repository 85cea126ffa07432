"""The checks of `heychip doctor`: each looks at one thing and never raises."""

from __future__ import annotations

import platform
import shutil
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge.bench.board import ROOT, machine, mood
from edge.config import PLACES, Config, load_config
from edge.errors import ConfigError, DeviceError, HeychipError, ModelError
from edge.status import OLD_S, read_status

OLDEST_PYTHON = (3, 11)
OLDEST_ONNXRUNTIME = (1, 18)
PICAMERA2 = "sudo apt-get install python3-picamera2, and a venv with --system-site-packages"
PYAV = "pip install 'heychip[video]'"
CAMERA_NEEDS = {"picamera2": ("picamera2", PICAMERA2), "v4l2": ("av", PYAV), "video": ("av", PYAV)}


@dataclass(frozen=True)
class Check:
    """What became of one check."""

    name: str
    state: str
    """ok, note (works, but something is missing that some need) or bad"""
    found: str
    remedy: str = ""
    code: int = 0
    """the exit code that a bad one asks for"""


def checkup(config_path: str | None = None) -> Iterator[Check]:
    """All checks, in the order in which a person would mend things."""
    from edge.checkup_pins import broker, pins

    config, told = _config(config_path)
    yield from _service()
    yield _machine()
    yield from _board()
    yield _onnxruntime()
    yield told
    yield from _sound(config)
    yield from _speech(config)
    yield _player()
    yield _camera(config)
    yield pins(config)
    yield from broker(config)
    yield from _bundles(config)
    yield _own_lines(config)


def _service() -> Iterator[Check]:
    """How the service is, where one runs; all else is about this machine."""
    told = read_status()
    if told is None:
        return
    since_s = time.monotonic() - float(told.get("since_monotonic_s", 0))
    found = f"{told.get('state')} for {since_s / 60:.0f} min, members {told.get('members')}, {_heard(told)}"
    if told["age_s"] > OLD_S:
        found = f"hangs: it said nothing for {told['age_s']:.0f} s"
        yield Check("service", "bad", found, "sudo systemctl restart heychip; journalctl -u heychip", 1)
    elif told.get("state") in ("DEAF", "WAITING"):
        yield Check("service", "note", found, "journalctl -u heychip tells what it waits for")
    else:
        yield Check("service", "ok", found)


def _heard(told: dict[str, Any]) -> str:
    last = told.get("last_heard")
    return f"heard {last.get('word')} at {last.get('at')}" if isinstance(last, dict) else "heard nothing yet"


def _machine() -> Check:
    bits = 8 * struct.calcsize("P")
    found = f"Python {platform.python_version()}, {bits} bit, {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "bad", found, "use Python 3.11 or later (Raspberry Pi OS Bookworm has it)", 1)
    if bits < 64:
        return Check("python", "bad", found, "install a 64-bit system; onnxruntime has no 32-bit build", 1)
    return Check("python", "ok", found)


def _board(root: Path = ROOT) -> Iterator[Check]:
    """On a Raspberry Pi: whether its firmware holds it back, or has."""
    found = machine(root)
    if not found.pi:
        return
    state = mood(root)
    warm = "" if state.temperature_c is None else f", {state.temperature_c:.0f} °C"
    held = f", {state.held_back}" if state.held_back else ""
    remedy = "give it the supply that is made for it, and air; `heychip bench` shows what it costs"
    bad = bool(state.throttled)
    yield Check("board", "note" if bad else "ok", f"{found.model}{warm}{held}", remedy if bad else "")


def _onnxruntime() -> Check:
    try:
        found = version("onnxruntime")
        import onnxruntime  # a broken build shows only when it is loaded
    except (PackageNotFoundError, ImportError) as error:
        return Check("onnxruntime", "bad", f"cannot be loaded: {error}", "pip install onnxruntime", 1)
    numbers = tuple(int(n) for n in found.split(".")[:2] if n.isdecimal())
    if numbers < OLDEST_ONNXRUNTIME or "CPUExecutionProvider" not in onnxruntime.get_available_providers():
        return Check("onnxruntime", "bad", found, "pip install --upgrade onnxruntime", 1)
    return Check("onnxruntime", "ok", found)


def _config(path: str | None) -> tuple[Config, Check]:
    """The configuration, or the built-in one where it is bad, so that the other checks go on."""
    defaults = load_config(defaults=True)
    if path is None and not any(place.exists() for place in PLACES):
        remedy = "write one (systemd/heychip.toml is an example), or run with --defaults"
        return defaults, Check("configuration", "note", f"no {' and no '.join(map(str, PLACES))}", remedy)
    try:
        config = load_config(path)
    except ConfigError as error:
        return defaults, Check("configuration", "bad", str(error), "mend the lines above", error.exit_code)
    if config.warnings:
        return config, Check("configuration", "note", "; ".join(config.warnings))
    return config, Check("configuration", "ok", config.path)


def _sound(config: Config) -> Iterator[Check]:
    code = DeviceError.exit_code
    if config.microphone.backend == "recording":
        yield Check("microphone", "ok", "not asked for (it is a recording)")
        return
    try:
        import sounddevice  # noqa: F401 - loads PortAudio
    except (ImportError, OSError) as error:
        remedy = "sudo apt-get install libportaudio2; pip install sounddevice"
        yield Check("PortAudio", "bad", f"cannot be loaded: {error}", remedy, code)
        return
    yield Check("PortAudio", "ok", "loaded")
    from edge.microphone import list_devices
    from edge.microphone.holders import holders

    try:
        inputs = [device.name for device in list_devices() if device.inputs]
    except DeviceError as error:
        yield Check("microphone", "bad", str(error), "see `arecord -l` for what the kernel knows", code)
        return
    if not inputs:
        yield Check("microphone", "bad", "none", "connect one; `arecord -l` lists what the kernel sees", code)
        return
    users = holders()
    found = ", ".join(inputs) + (f"; in use by {', '.join(users)}" if users else "")
    remedy = "end that program if the microphone cannot be opened" if users else ""
    yield Check("microphone", "note" if users else "ok", found, remedy)


def _speech(config: Config) -> Iterator[Check]:
    path, code = shutil.which("espeak-ng"), DeviceError.exit_code
    if path is None:
        yield Check("espeak-ng", "bad", "not installed", "sudo apt-get install espeak-ng", code)
        return
    yield Check("espeak-ng", "ok", path)
    from edge.speech import SpeechError, with_piper

    if with_piper(config.speech):
        from edge.speech.piper import Piper, voice_file

        try:
            Piper(config.speech).close()
            yield Check("piper", "ok", str(voice_file(config.speech.piper)))
        except SpeechError as error:
            yield Check("piper", "bad", str(error), "see [speech] piper in the configuration", code)


def _player() -> Check:
    from edge.speech import SpeechError
    from edge.speech.aloud import find_player

    try:
        return Check("player", "ok", " ".join(find_player(need_device=True)))
    except SpeechError as error:
        return Check("player", "note", str(error), 'without one, set [speech] backend to "wav" or "silent"')


def _camera(config: Config) -> Check:
    from edge.holders import camera_holders

    backend, code = config.camera.backend, DeviceError.exit_code
    if backend not in CAMERA_NEEDS:
        return Check("camera", "ok", f'not asked for (backend "{backend}")')
    module, remedy = CAMERA_NEEDS[backend]
    if find_spec(module) is None:
        return Check("camera", "bad", f"{module} is not installed for this Python", remedy, code)
    found = f"{module} is installed"
    if backend == "v4l2" and not Path(config.camera.device).exists():
        return Check("camera", "bad", f"{config.camera.device} is not there", "v4l2-ctl --list-devices", code)
    users = camera_holders() if backend != "video" else []
    if users:
        remedy = "end that program if the camera cannot be opened"
        return Check("camera", "note", f"{found}; in use by {', '.join(users)}", remedy)
    return Check("camera", "ok", found)


def _bundles(config: Config) -> Iterator[Check]:
    from edge.bundle import find_bundle, verify_bundle

    wanted = [*config.listen.bundles, *(config.camera.models if config.camera.backend != "off" else [])]
    for name in wanted:
        try:
            where = str(find_bundle(name))
            bad = [f"{check.file} {check.state}: {check.note}" for check in verify_bundle(name) if check.bad]
        except HeychipError as error:
            where, bad = name, [str(error)]
        remedy = "copy the whole folder again, or make it with heychip-synth" if bad else ""
        state = "bad" if bad else "ok"
        yield Check(f"bundle {name}", state, "; ".join(bad) or where, remedy, ModelError.exit_code)


def _own_lines(config: Config) -> Check:
    """Whether what it says would wake it."""
    from edge.own_lines import scored

    try:
        found = list(scored(config)) if config.listen.bundles else []
    except HeychipError as error:
        return Check("own voice", "note", f"its lines cannot be scored: {error}")
    if not found:
        return Check("own voice", "ok", "nothing to say, or nothing to hear it with")
    waking = [f"{line[:50]!r} ({own.score:+.1f})" for line, own in found if own.wakes]
    if not waking:
        line, own = max(found, key=lambda one: one[1].score)
        nearest = f"{line[:50]!r} ({own.score:+.1f}; from 0 on)"
        return Check("own voice", "ok", f"none of {len(found)} lines would wake it; nearest: {nearest}")
    remedy = "it is deaf while it says so and does not wake itself; word it otherwise to be heard then, too"
    told = f"{len(waking)} of {len(found)} lines would wake it: {', '.join(waking[:3])}"
    return Check("own voice", "note", told, remedy)
