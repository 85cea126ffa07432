"""The demo's second half: pictures of things and faces go by, and the daemon says what it makes of each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.daemon import Event, events, sounds
from edge.phrases import SHIPPED, Phrases

PICTURES = Path(__file__).parent / "pictures"
LABELS = ("espresso", "tiger cat", "palace")


@dataclass(frozen=True)
class Picture:
    """One that is shown, and what is to be said of it."""

    file: str
    event: str
    """seen or mood"""
    what: str
    """the label or the mood"""


SHOW = (
    Picture("astronaut", "mood", "joy"),
    Picture("espresso", "seen", "espresso"),
    Picture("hopper", "mood", "sad"),
    Picture("cat", "seen", "tiger cat"),
    Picture("newton", "mood", "sad"),
    Picture("palace", "seen", "palace"),
    Picture("astronaut", "mood", "joy"),
)

CONFIG = """# Written by the demo: a folder for a camera, and nothing to listen to.
[listen]
bundles = []

[camera]
backend = "folder"
folder = "show"
once = true
interval_s = 0.2
model = ["things", "faces"]
steady_frames = 3  # and a picture is shown for as many

[mood]
frames = 3  # of the moving average; a person before a real camera stays longer, and it is 10
dwell_s = 0.2

[speech]
backend = "wav"
folder = "spoken"

[log]
level = "warning"

[[rules]]
mood = "joy"
say = "joy"

[[rules]]
mood = "sad"
say = "sad"
""" + "".join(f'\n[[rules]]\nseen = "{label}"\ntext = "I can see {{label}}."\n' for label in LABELS)


def show(out: Path) -> bool:
    """Runs the half in the folder `out`, prints what happens; whether every picture was told, in order."""
    folder = out / "show"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, picture in enumerate(SHOW, 1):
        shutil.copy(PICTURES / f"{picture.file}.jpg", folder / f"{number}-{picture.file}.jpg")
    (out / "eyes.toml").write_text(CONFIG)
    right = verdict(list(events(out / "eyes.toml", ("seen", "mood", "said"))))
    sheet = _sheet(out)
    print(f"   sheet   {sheet or 'none'}", flush=True)
    return right and sheet is not None


def verdict(told: list[Event]) -> bool:
    """Counts, prints and judges."""
    said = [one for one in told if one["event"] == "said"]
    right = [_fits(one, picture) for one, picture in zip(said, SHOW, strict=False)]
    noticed = _in_order(told)
    print(f"\n   saw     {noticed} of {len(SHOW)} pictures as they are, in their order"
          f"\n   said    {sum(right)} right answers of {len(SHOW)}, {len(said)} lines in all")
    return noticed == sum(right) == len(said) == len(SHOW)


def _in_order(told: list[Event]) -> int:
    """How many of SHOW come in the events, each after the one before."""
    rest, found = iter(told), 0
    for picture in SHOW:
        key = "label" if picture.event == "seen" else "mood"
        if any(one["event"] == picture.event and one[key] == picture.what for one in rest):
            found += 1
    return found


def _fits(said: Event, picture: Picture) -> bool:
    """Whether a line is an answer to the picture, and sounds."""
    if picture.event == "seen":
        return said["text"] == f"I can see {picture.what}." and sounds(said)
    lines = Phrases(SHIPPED / f"{picture.what}.txt", allowed=("faces", "joy", "name", "count")).lines
    return said["text"] in lines and sounds(said)


def _sheet(out: Path) -> Path | None:
    """The pictures with what is seen in them drawn on them, all on one sheet."""
    files = [str(PICTURES / f"{name}.jpg") for name in dict.fromkeys(picture.file for picture in SHOW)]
    command = [sys.executable, "-m", "edge.cli", "look", "--model", "things", "--model", "faces",
               "--annotate", str(out / "looked"), *files]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    sheet = out / "looked" / "sheet.jpg"
    if done.returncode or not sheet.is_file():
        print(done.stderr, file=sys.stderr)
        return None
    return sheet.replace(out / "sheet.jpg")
