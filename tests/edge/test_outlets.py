"""Rules at work in the daemon: lights and buttons on mock pins, messages, photos, the greeting."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_rig import RECORDED, Run, room
from gpiozero import Device
from lamps import lit, mock_pins

from edge.buttons_config import ButtonConfig
from edge.config import CameraConfig, Config
from edge.errors import DeviceError
from edge.events import Face, Frame, Seen
from edge.fakes import FakeCamera, FakeClassifier, FakeListener, FakeSpeech, QuietRoom
from edge.lights_config import LightsConfig
from edge.mood import Moods, Steady
from edge.mood_config import MoodConfig
from edge.mqtt_config import MqttConfig
from edge.parts import Eye
from edge.photos_config import PhotosConfig
from edge.rule_config import LightConfig, MessageConfig, RuleConfig
from edge.rules import Light

LIGHTS = LightsConfig(rgb=(17, 27, 22), leds=(("ready", 5),), privacy=24, fade_s=0.0)
CAMERA = CameraConfig(backend="folder", interval_s=0.05)
RED, DARK = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def pins() -> Iterator[Any]:
    """Pins that know PWM, all free again afterwards."""
    yield mock_pins()
    Device.pin_factory.reset()
    Device.pin_factory = None


def shown() -> tuple[float, ...]:
    """Red, green and blue."""
    return tuple(float(Device.pin_factory.pin(number).state) for number in (17, 27, 22))


def say(text: str, **trigger: Any) -> RuleConfig:
    """A rule that says something."""
    return RuleConfig(**trigger, text=text, lines=(text,))


def eye(*labels: str) -> Eye:
    """Sees each of these for three pictures, then nothing."""
    rest = iter([label for label in labels for _ in range(3)])
    return Eye(lambda: FakeCamera(lambda: next(rest, "")), FakeClassifier(), Steady(3))


def test_the_greeting_comes_first() -> None:
    """At the start, before anything that is heard; a recording waits until it is known how long it takes."""
    rules = (say("good day", start=True), say("yes", heard="*"))
    run = Run(room(6), config=Config(microphone=RECORDED, rules=rules), listener=FakeListener([0.5, 2.0]))
    assert run.go() == 0
    said = [(row["text"], row["time_s"]) for row in run.rows if row["event"] == "said"]
    assert said == [("good day", 0.0), ("yes", 2.0)]
    assert run.times("gated") == [0.5]


def test_it_greets_once_and_not_at_every_reload() -> None:
    """A daemon that goes on with another configuration has not started again."""
    config = Config(microphone=RECORDED, rules=(say("good day", start=True),))
    run = Run(room(1), config=config, greets=False)
    assert run.go() == 0
    assert run.times("said") == []


def test_a_button_is_answered() -> None:
    """A press on a pin is told, and its rules act: a line of one, a light of the other."""
    red = RuleConfig(button="*", light=LightConfig("red"))
    rules = (say("{name} for the {count}. time", button="shutter"), red)
    buttons = (ButtonConfig("shutter", 23, bounce_s=0.0),)
    config = Config(rules=rules, buttons=buttons, lights=LIGHTS)
    run = Run(QuietRoom, config=config, speech=FakeSpeech("espeak"))
    found: list[tuple[float, ...]] = []

    def press() -> bool:
        pin = Device.pin_factory.pin(23)
        if not run.times("button"):
            pin.drive_low()
            pin.drive_high()
            time.sleep(0.1)
        found.append(shown())
        return bool(run.times("said")) and RED in found

    assert run.until(press) == 0
    assert [row["button"] for row in run.rows if row["event"] == "button"][:1] == ["shutter"]
    assert run.speech.lines[0] == "shutter for the 1. time"  # type: ignore[attr-defined]
    assert [row["colour"] for row in run.rows if row["event"] == "light"][:1] == ["red"]
    assert RED in found
    assert not any(shown())


def test_the_light_follows_the_mood_until_a_rule_sets_it() -> None:
    """Joy moves the light. A colour for a time passes; one without stays, whatever the mood is, until a rule
    says "mood"; plain lights touch neither."""
    config = Config(microphone=RECORDED, lights=dataclasses.replace(LIGHTS, sad="#000000", joyful="#ffffff"))
    run = Run(room(0.1), config=config)
    outlets, now = run.daemon._outlets, [0.0]
    outlets._now_s = lambda: now[0]

    def after(seconds: float, *actions: Light | float) -> tuple[float, ...]:
        now[0] += seconds
        for action in actions:
            if isinstance(action, Light):
                outlets.do(action)
            else:
                outlets.glow(action)
        outlets.step()
        return shown()

    assert after(0.0, 1.0) == (1.0, 1.0, 1.0)
    assert after(1.0, Light("red", 2.0)) == RED
    assert after(1.9, 0.0) == RED
    assert after(0.2) == DARK
    assert after(0.1, Light("red", None)) == RED
    assert after(9.0, 1.0) == RED
    assert after(0.1, Light("mood", None)) == (1.0, 1.0, 1.0)
    assert after(0.1, Light("ready", None)) == (1.0, 1.0, 1.0)
    assert Device.pin_factory.pin(5).state
    assert after(0.1, 0.0) == DARK
    assert after(0.1, 1.0, Light("off", None)) == DARK
    assert not Device.pin_factory.pin(5).state
    assert run.go() == 0


def test_the_cameras_light_is_on_while_it_is_open() -> None:
    """It burns when the first picture is taken, and is out when the daemon has ended."""
    burns: list[bool] = []

    def shoot() -> str:
        burns.append(bool(Device.pin_factory.pin(24).state))
        return "cup"

    seeing = Eye(lambda: FakeCamera(shoot), FakeClassifier(), Steady(3))
    run = Run(QuietRoom, config=Config(camera=CAMERA, lights=LIGHTS), eye=seeing)
    assert run.until(lambda: len(burns) > 3) == 0
    assert set(burns) == {True}
    assert not Device.pin_factory.pin(24).state


def test_e10_a_crash_puts_the_lights_out() -> None:
    """E10: a room that fails ends the process with 1, and all lights are out."""
    burns: list[bool] = []

    def shoot() -> str:
        burns.append(bool(Device.pin_factory.pin(24).state))
        raise RuntimeError("a bug in a camera")

    rules = (RuleConfig(start=True, light=LightConfig("ready")),)
    seeing = Eye(lambda: FakeCamera(shoot), FakeClassifier(), Steady(3))
    run = Run(room(60), config=Config(camera=CAMERA, lights=LIGHTS, rules=rules), eye=seeing)
    assert run.go() == 1
    assert burns == [True]
    assert not any(Device.pin_factory.pin(number).state for number in (5, 17, 22, 24, 27))


def test_e10_a_light_that_cannot_be_switched_on_keeps_the_camera_shut() -> None:
    """E10: no camera runs unseen: where its light fails it is not opened, and the ears go on."""
    opened: list[bool] = []

    def camera() -> FakeCamera:
        opened.append(True)
        return FakeCamera(lambda: "cup")

    run = Run(room(3), config=Config(camera=CAMERA, lights=LIGHTS, microphone=RECORDED),
              eye=Eye(camera, FakeClassifier(), Steady(3)), listener=FakeListener([1.04]))  # fmt: skip

    def broken(on: bool) -> None:
        if on:
            raise DeviceError("the camera's light: its pin is gone")

    run.daemon._outlets.lights._pins.privacy = broken  # type: ignore[method-assign]
    assert run.go() == 0
    assert run.times("heard") == [1.04]
    assert opened == []


def test_lights_that_are_not_there_end_the_start() -> None:
    """A pin that is taken twice, or pins that cannot be had, are told when the daemon is made, with no light
    left on and no pin kept."""
    config = Config(microphone=RECORDED, lights=LIGHTS, buttons=(ButtonConfig("b", 17),))
    with pytest.raises(DeviceError, match='button "b"'):
        Run(room(0.1), config=config)
    Run(room(0.1), config=dataclasses.replace(config, buttons=())).go()


def test_f12_a_broker_that_is_away() -> None:
    """F12: messages for a broker that nobody runs are told, and cost no word that is heard; the daemon ends
    in time, with what could not be sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rule = RuleConfig(heard="*", mqtt=MessageConfig("chip/{word}", "{score}"), text="yes", lines=("yes",))
    config = Config(microphone=RECORDED, mqtt=MqttConfig(host="127.0.0.1", port=port), rules=(rule,))
    run = Run(room(20), config=config, listener=FakeListener([1.04, 9.04, 17.04]))
    assert run.go() == 0
    assert run.times("heard") == run.times("mqtt") == run.times("said") == [1.04, 9.04, 17.04]
    assert {row["topic"] for row in run.rows if row["event"] == "mqtt"} == {"chip/hey chip"}
    assert run.exits == []


def test_what_is_asked_for_through_the_broker() -> None:
    """A line is spoken as text, whatever it looks like; a light that is none is no matter."""
    run = Run(room(3), config=Config(microphone=RECORDED, lights=LIGHTS))
    run.daemon._outlets.command("say", "@/etc/passwd.wav {word}")
    run.daemon._outlets.command("light", "no such colour")
    run.daemon._outlets.command("light", "red")
    assert run.go() == 0
    assert run.speech.lines == ["@/etc/passwd.wav {word}"]  # type: ignore[attr-defined]


class FakeFaces:
    """Sees what it is told: a list of the joy of each face, or None for darkness."""

    def __init__(self, pictures: list[list[float] | None]) -> None:
        self._pictures = iter(pictures)

    def classify(self, frame: Frame) -> Seen:
        """The next of them, at the end the last one."""
        joys = next(self._pictures, [])
        faces = tuple(Face((0.0, 0.0, 9.0, 9.0), 0.9, joy) for joy in joys or ())
        return Seen("face" if faces else "", 0.9 if faces else 0.0, frame.source, (), faces, joys is None)


def test_terra_in_short(tmp_path: Path) -> None:
    """The whole of it: greeted at the start; joy past 0.85 and below 0.10 speaks, once at each edge; the
    light follows; the picture in which joy was seen is saved, plain and annotated; all of it is told."""
    finder = FakeFaces([[0.5]] * 3 + [[0.9]] * 5 + [[0.05, 0.07]] * 12 + [[0.5]] * 5)
    moods = Moods(MoodConfig(frames=3, dwell_s=0.0, frozen_frames=0))
    seeing = Eye(lambda: FakeCamera(lambda: "camera"), finder, Steady(99), faces=finder, moods=moods)
    rules = (
        say("good day", start=True),
        dataclasses.replace(say("joy of {joy}", mood="joy"), photo=True),
        say("sad, {faces} of you", mood="sad"),
        say("calm", mood="calm"),
        RuleConfig(mood="nobody", light=LightConfig("off")),
    )
    photos = PhotosConfig(folder=str(tmp_path / "p"))
    config = Config(camera=CAMERA, rules=rules, lights=LIGHTS, photos=photos)
    run = Run(QuietRoom, config=config, eye=seeing, speech=FakeSpeech("espeak"))
    colours: list[tuple[float, ...]] = []

    def over() -> bool:
        colours.append(shown())
        return "light" in run.out.getvalue() and '"photo"' in run.out.getvalue()

    assert run.until(over) == 0
    felt = [(row["mood"], row["faces"]) for row in run.rows if row["event"] == "mood"]
    assert felt == [("calm", 1), ("joy", 1), ("calm", 2), ("sad", 2), ("calm", 1), ("nobody", 0)]
    lines = run.speech.lines  # type: ignore[attr-defined]
    assert lines[0] == "good day"
    assert [line for line in lines if "joy" in line] == ["joy of 0.90"]
    assert [line for line in lines if "sad" in line] == ["sad, 2 of you"]
    (photo,) = [row for row in run.rows if row["event"] == "photo"]
    assert {Path(photo["file"]), Path(photo["annotated"])} == set((tmp_path / "p").iterdir())
    assert any(red > blue for red, _, blue in colours)
    assert any(blue > red for red, _, blue in colours)


def test_a_button_takes_a_picture_of_now(tmp_path: Path) -> None:
    """Also where the eyes look but once an hour: they hurry."""
    rule = RuleConfig(button="shutter", photo=True)
    config = Config(
        camera=dataclasses.replace(CAMERA, interval_s=3600.0),
        buttons=(ButtonConfig("shutter", 23, bounce_s=0.0),),
        photos=PhotosConfig(folder=str(tmp_path), annotated=False),
        rules=(rule,),
    )
    shots: list[int] = []
    seeing = Eye(lambda: FakeCamera(lambda: f"{shots.append(1)}"), FakeClassifier(), Steady(3))
    run = Run(QuietRoom, config=config, eye=seeing)

    def press() -> bool:
        if shots and not run.times("button"):
            Device.pin_factory.pin(23).drive_low()
            time.sleep(0.1)
        return bool(run.times("photo"))

    assert run.until(press) == 0
    assert len(shots) == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_e9_a_full_disk_costs_only_the_photos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """E9: where no photo can be saved, the ears hear all, eyes see all, and one line says so."""
    (tmp_path / "file").touch()
    rules = (dataclasses.replace(say("{label}", seen="*"), photo=True), say("yes", heard="*"))
    config = Config(camera=CAMERA, rules=rules, photos=PhotosConfig(folder=str(tmp_path / "file" / "p")))
    run = Run(QuietRoom, config=config, eye=eye("cup", "cat", "dog"), speech=FakeSpeech("espeak"),
              listener=FakeListener([0.08, 1.2]))  # fmt: skip
    assert run.until(lambda: len(run.times("seen")) == 3 and len(run.times("heard")) == 2) == 0
    assert run.times("photo") == []
    assert len([line for line in caplog.messages if "photo_not_saved" in line]) == 1


PRIVATE = """
import sys, threading
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from lamps import noted_pins
noted_pins(Path(sys.argv[1]))
from edge.config import CameraConfig, Config, RuleConfig
from edge.daemon import Daemon
from edge.eventlog import EventLog
from edge.fakes import *
from edge.lights_config import LightsConfig
from edge.mood import Steady
from edge.parts import Eye, Parts
from edge.rule_config import LightConfig
from edge.signals import Signals
signals = Signals()
signals.catch()
eye = Eye(lambda: FakeCamera(lambda: print("open", flush=True) or "cup"), FakeClassifier(), Steady())
config = Config(camera=CameraConfig(backend="folder", interval_s=0.05),
                lights=LightsConfig(privacy=24, leds=(("a", 5),)),
                rules=(RuleConfig(start=True, light=LightConfig("a")),))
sys.exit(Daemon(config, Parts(FakeSpeech(), None, eye), tell=EventLog(), signals=signals).run())
"""


@pytest.mark.parametrize("times", [1, 2])
def test_f6_sigterm_puts_the_lights_out(tmp_path: Path, times: int) -> None:
    """F6: SIGTERM, once or twice, while the camera is open: exit 0, the camera's light and all others out."""
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-c", PRIVATE, str(tmp_path / "pins"), str(root), str(Path(__file__).parent)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert any("open" in line for line in lines)
        assert 24 in lit(tmp_path / "pins")
        for _ in range(times):
            process.send_signal(signal.SIGTERM)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        assert process.wait(20) == 0
        assert lit(tmp_path / "pins") == set()
    finally:
        process.kill()
        process.wait()


def test_the_next_configuration_has_the_same_pins() -> None:
    """After a reload the new daemon takes the lights and buttons that the old one gave back."""
    config = Config(microphone=RECORDED, lights=LIGHTS, buttons=(ButtonConfig("b", 23),))
    for _ in range(3):
        assert Run(room(0.1), config=config).go() == 0
