"""However a program ends, its lights are out: at once where Python can do it, else by `heychip lights --off`.

In a program of its own, on mock pins that write what becomes of them to a file.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import gpiozero
import lamps
import pytest

from edge.camera import Camera
from edge.cli import main
from edge.commands import lights as command
from edge.errors import DeviceError
from edge.events import Frame
from edge.lights import open_lights
from edge.lights.lit_camera import LitCamera
from edge.lights_config import LightsConfig

ALL = {17, 27, 22, 5, 13}
TOML = """
[lights]
rgb = [17, 27, 22]
leds = { heard = 5 }
privacy = 13
fade_s = 0
"""
BOTH = pytest.mark.parametrize("active_high", [True, False], ids=["to ground", "common anode"])


class Lit:
    """A program that has lit everything."""

    def __init__(self, folder: Path, how: str, *, active_high: bool) -> None:
        self.notes, self.config, self._high = folder / "pins", folder / "heychip.toml", active_high
        self.config.write_text(TOML + f"active_high = {str(active_high).lower()}\n")
        self.program = subprocess.Popen(
            [sys.executable, lamps.__file__, self.notes, self.config, how],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.program.stdout
        assert self.program.stdout.readline() == b"lit\n"

    @property
    def on(self) -> set[int]:
        """The pins of the lights that are on."""
        return lamps.lit(self.notes, active_high=self._high)

    def ended(self) -> int:
        """How it ended."""
        return self.program.wait(30)


@BOTH
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("exception", 1),
        ("exception without with", 1),
        ("sys.exit", 3),
        ("sys.exit without with", 3),
        ("thread", 0),
    ],
)
def test_e10_python_ends(tmp_path: Path, how: str, code: int, active_high: bool) -> None:
    """E10: an exception, in the main thread or another, or an end of its own: all lights are out."""
    lit = Lit(tmp_path, how, active_high=active_high)
    assert lit.ended() == code
    assert lit.on == set()


@BOTH
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_e10_asked_to_end(tmp_path: Path, name: str, active_high: bool) -> None:
    """E10: asked to end by the service manager or the keyboard: lit before, out afterwards."""
    lit = Lit(tmp_path, "signal", active_high=active_high)
    assert lit.on == ALL
    lit.program.send_signal(getattr(signal, name))
    assert lit.ended() == 0
    assert lit.on == set()


@BOTH
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "os._exit"])
def test_e10_killed(tmp_path: Path, name: str, active_high: bool) -> None:
    """E10: killed, a program leaves its lights on; what the service runs after it puts them out, even where
    the rest of its configuration has mistakes."""
    lit = Lit(tmp_path, "os._exit" if name == "os._exit" else "signal", active_high=active_high)
    if name != "os._exit":
        lit.program.send_signal(getattr(signal, name))
    assert lit.ended() != 0
    assert lit.on == ALL
    lit.config.write_text(lit.config.read_text() + "[speech]\nnonsense = true\n")
    before = gpiozero.Device.pin_factory
    lamps.noted_pins(lit.notes)
    try:
        assert main(["lights", "--off", "--config", str(lit.config)]) == 0
    finally:
        gpiozero.Device.pin_factory = before
    assert lit.on == set()


def test_the_service_puts_them_out() -> None:
    """The unit runs exactly that, with its own configuration, and a failure of it is no failure of the
    service."""
    unit = (Path(__file__).parents[2] / "systemd" / "heychip.service").read_text().splitlines()
    run = next(line for line in unit if line.startswith("ExecStart="))
    stop = next(line for line in unit if line.startswith("ExecStopPost="))
    assert stop.startswith("ExecStopPost=-")
    program, _, config = run.removeprefix("ExecStart=").removesuffix(" --json").partition(" run ")
    assert stop == f"ExecStopPost=-{program} lights --off {config}"


def test_each_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`heychip lights` shows each light, says which, and leaves all of them out."""
    (tmp_path / "heychip.toml").write_text(TOML)
    monkeypatch.setattr(command, "EACH_S", 0.001)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    lamps.noted_pins(tmp_path / "pins")
    assert main(["lights", "--config", str(tmp_path / "heychip.toml")]) == 0
    shown = ["red", "green", "blue", "white", "heard", "from sad to joyful", "the camera's light"]
    assert capsys.readouterr().out.splitlines() == shown
    notes = (tmp_path / "pins").read_text()
    assert all(f'"pin": {pin}, "function": "output", "state": 1.0' in notes for pin in ALL)
    assert lamps.lit(tmp_path / "pins") == set()


def test_nothing_to_put_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without lights, `--off` says nothing and is fine; a file that is none, or wrong lights, are exit 3."""
    file = tmp_path / "heychip.toml"
    file.write_text("[listen]\n")
    assert main(["lights", "--off", "--config", str(file)]) == 0
    assert capsys.readouterr().err == ""
    for wrong in ("lights = 3", "[lights]\nprivacy = 99"):
        file.write_text(wrong)
        assert main(["lights", "--off", "--config", str(file)]) == 3
    assert main(["lights", "--off", "--config", str(tmp_path / "gone.toml")]) == 3


class Watched:
    """A camera that notes when it is opened and closed."""

    name, ended = "watched", False

    def __init__(self, story: list[str], *, broken: bool = False) -> None:
        self._story = story
        story.append("opened")
        if broken:
            raise DeviceError("busy")

    def capture(self) -> Frame:
        """The last one there is, and it fails."""
        self.ended = True
        raise DeviceError("no picture")

    def close(self) -> None:
        """Noted."""
        self._story.append("closed")


def test_e10_the_camera_s_light() -> None:
    """E10: the light is on before the camera is opened, and out when it is closed or could not be opened."""
    story: list[str] = []

    def opened(**options: bool) -> Camera:
        switch = {True: "light", False: "dark"}
        return LitCamera(lambda: Watched(story, **options), lambda on: story.append(switch[on]))

    camera = opened()
    with pytest.raises(DeviceError):
        camera.capture()
    assert camera.ended
    camera.close()
    assert story == ["light", "opened", "closed", "dark"]
    story.clear()
    with pytest.raises(DeviceError, match="busy"):
        opened(broken=True)
    assert story == ["light", "opened", "dark"]


def test_no_light_no_camera() -> None:
    """Where the camera's light cannot be had any more, the camera is not opened."""
    story: list[str] = []
    lights = open_lights(LightsConfig())
    lights.close()
    with pytest.raises(DeviceError, match="cannot be switched on"):
        LitCamera(lambda: Watched(story), lights.privacy)
    assert story == []
