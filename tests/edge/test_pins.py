"""The way to the pins: lgpio's pipe, its working directory, and what the configuration says of pins."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.config import load_config
from edge.errors import ConfigError

needs_lgpio = pytest.mark.skipif(find_spec("lgpio") is None, reason="lgpio has no wheel for this Python")

ASK = """
import json, os, sys
from edge.errors import DeviceError
from edge.pins import pin_factory
try:
    pin_factory()
    why = ""
except DeviceError as error:
    why = str(error)
print(json.dumps({"why": why, "cwd": os.getcwd(), "imported": "lgpio" in sys.modules,
                  "wd": os.environ.get("LG_WD", "")}))
"""


def ask(folder: Path, **env: str) -> dict[str, str]:
    """Ask for the pins in a program of its own, whose working directory is `folder`."""
    clean = {k: v for k, v in os.environ.items() if k not in ("GPIOZERO_PIN_FACTORY", "LG_WD")}
    here = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, env=clean | {"PYTHONPATH": here} | env,
                          capture_output=True, text=True, check=True)  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@needs_lgpio
@pytest.mark.parametrize("variable", ["LG_WD", "RUNTIME_DIRECTORY", "TMPDIR"])
def test_f9_lgpio_leaves_nothing(tmp_path: Path, variable: str) -> None:
    """F9: lgpio's pipe is made in a folder of its own, which is gone afterwards; nothing is left where we
    were started, and we are still there."""
    (started := tmp_path / "started").mkdir()
    (place := tmp_path / "place").mkdir()
    told = ask(started, **{variable: str(place)})
    assert told["imported"]
    assert told["cwd"] == str(started)
    assert told["wd"] == (str(place) if variable == "LG_WD" else "")
    assert list(started.iterdir()) == list(place.iterdir()) == []


@needs_lgpio
def test_f9_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """F9: where lgpio's folder is not there, another is taken, and lgpio can be imported all the same."""
    told = ask(tmp_path, LG_WD="/nonexistent/folder", RUNTIME_DIRECTORY="/nonexistent/too")
    assert told["imported"]
    assert told["wd"] == "/nonexistent/folder"
    assert ".lgd-nfy" not in told["why"]


@needs_lgpio
@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="there are pins here")
def test_no_pins_here(tmp_path: Path) -> None:
    """Where there are no pins, it is said why each way failed, and what to do."""
    told = ask(tmp_path)
    assert "lgpio" in told["why"]
    assert "python3-lgpio" in told["why"]


def test_without_gpiozero(tmp_path: Path) -> None:
    """Where gpiozero is not installed, the message names the remedy."""
    (tmp_path / "gpiozero.py").write_text("raise ImportError('No module named gpiozero')")
    here = str(Path(__file__).parents[2])
    told = ask(tmp_path, PYTHONPATH=f"{tmp_path}:{here}")
    assert "No module named gpiozero" in told["why"]
    assert "pip install heychip[pi]" in told["why"]


WRONG = """
[lights]
rgb = [17, 27, 22]
privacy = 27
leds = { heard = 5, ready = 5 }
[[buttons]]
name = "photo"
pin = 17
[[buttons]]
name = "bell"
pin = 23
hold_s = 1
[[buttons]]
name = "bell held"
pin = 24
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a configuration."""
    file = tmp_path / "heychip.toml"
    file.write_text('[[rules]]\nheard = "*"\ntext = "yes"\n' + text)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    return list(raised.value.problems)


def test_two_things_on_one_pin(tmp_path: Path) -> None:
    """Every pin that two things want is told with both names; so are two presses of one name."""
    assert problems(tmp_path, WRONG) == [
        'buttons: two presses have the name "bell held"',
        "lights.leds.ready: pin 5 is taken by lights.leds.heard",
        "lights.privacy: pin 27 is taken by lights.rgb green",
        'the button "photo": pin 17 is taken by lights.rgb red',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lights]\nrgb = [17, 27]", "lights.rgb: found a list of 2, expected three pins"),
        ("[lights]\nrgb = [17, 27, 99]", "found a list of 3, expected a whole number from 0 to 27"),
        ("[lights]\nprivacy = true", "lights.privacy: found true, expected a whole number"),
        ("[lights]\nleds = { red = 5 }", 'expected names of your own; "red" is a colour'),
        ("[lights]\nsad = 'blu'", 'expected a colour: "#rrggbb" or one of'),
        ("[lights]\nsad = 'blu'", 'did you mean "blue"?'),
        ("[lights]\nbalance = [1, 2, 3]", "expected a number from 0 to 1"),
        ("[lights]\nbutton = 3", "lights.button: unknown key"),
        ("[[buttons]]\nname = 'photo'", "buttons number 1: pin: missing"),
        ("[[buttons]]\npin = 3", "buttons number 1: name: missing"),
        ("[[buttons]]\nname = 'photo'\npin = '3'", "buttons number 1: pin: found the text"),
        ("[buttons]\nphoto = 3", "found a table, expected tables; begin each button with [[buttons]]"),
        ("[button]\nphoto = 3", 'button: unknown section, did you mean "buttons"?'),
    ],
)
def test_mistakes(tmp_path: Path, text: str, expected: str) -> None:
    """Each mistake is told with what was found and what was expected."""
    assert expected in "\n".join(problems(tmp_path, text))
