"""What each kind of fault does to all but the ears: voice, camera, process, files, commands, clock, service
manager; the table of kinds is in faults.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.fault import Change, Fault
from tests.soak.signs import NOTE_SIGNS

if TYPE_CHECKING:
    from tests.soak.rig import Rig

GOOD = ("", "[listen]\nrefractory_s = 0.9\n", "[speech]\ntail_s = 0.5\n", "[log]\nlevel = 'info'\n")
BROKEN = (
    "[listen\n",
    "[lissen]\nlazy = true\n",
    "[listen]\nrefractory_s = 'long'\n",
    "[speech]\ntail_s = -1\n",
    "[[rules]]\nheard = 'hey nobody'\ntext = 'x'\n",
    "\0",
    "[listen]\nbundles = ['no_such_bundle']\n",
)


def says(mode: str) -> Change:
    """A line that the voice has trouble with."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.room.speech = mode
        rig.lives.offer("a line")

    return change


def sees(mode: str) -> Change:
    """The camera."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.room.camera = mode

    return change


def nobody_reads(rig: Rig, _fault: Fault) -> None:
    """Standard output is closed at its other end."""
    rig.out.broken = True
    rig.lives.offer("a line that is told of")


def signalled(name: str) -> Change:
    """A signal to the process."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.signal(name)

    return change


def config(*texts: str) -> Change:
    """What stands in the file."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.files.write_config(fault.pick(*texts))

    return change


def garbage(rig: Rig, fault: Fault) -> None:
    """A copy of the bundle was cut off, or is a web page."""
    rig.files.spoil_bundle(fault.pick(b"", b"<!DOCTYPE html>", rig.files.bundle_data[:1000]))


def mended(rig: Rig, _fault: Fault) -> None:
    """The bundle is whole again."""
    rig.files.spoil_bundle(rig.files.bundle_data)


def command(*scripts: str) -> Change:
    """What the rule's command does; it is started at once."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.files.write_command(fault.pick(*scripts))
        rig.lives.start_command()

    return change


def usual_command(rig: Rig, _fault: Fault) -> None:
    """As it was."""
    rig.files.write_command("exit 0")


def events(how: str) -> Change:
    """The file of events."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.files.write_events(how)

    return change


def clock_jumps(rig: Rig, fault: Fault) -> None:
    """The time of day is set."""
    rig.wall_offset_s += fault.pick(1.0, -1.0) * 3.15e8


def manager(there: bool) -> Change:
    """The service manager's socket."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.manager.appear() if there else rig.manager.vanish()
        if there:
            NOTE_SIGNS(rig, fault)

    return change
