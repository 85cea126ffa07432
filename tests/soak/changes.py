"""What each kind of fault does to the rig, and when it is over; the table of kinds is in faults.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tests.soak.fault import Change, Fault

if TYPE_CHECKING:
    from tests.soak.rig import Rig

RATES_HZ = (48_000, 48_000, 16_000, 44_100)


def pick(fault: Fault, *choices: object) -> object:
    """One of the choices, by the fault's number."""
    return choices[min(int(fault.number * len(choices)), len(choices) - 1)]


def nothing(_rig: Rig, _fault: Fault) -> None:
    """No change."""


# The microphone


def unplug(rig: Rig, fault: Fault) -> None:
    """The stream ends, and the device is not there."""
    rig.room.present = False
    if rig.room.open and fault.number < 0.7:
        rig.room.open.unplug()
    elif rig.room.open:  # the library says nothing; the next read does
        rig.room.open._gone = True


def plug(rig: Rig, fault: Fault) -> None:
    """It is back, perhaps at another port, at another rate."""
    rig.room.present = True
    rig.room.rate_hz = int(pick(Fault("", 0, 0, (fault.number * 7) % 1), *RATES_HZ))  # type: ignore[call-overload]


def read_fails(rig: Rig, _fault: Fault) -> None:
    """The library raises once."""
    from edge.errors import DeviceError

    rig.room.read_fails = DeviceError("the sound system failed")


def mute(rig: Rig, fault: Fault) -> None:
    """Callbacks stop, and only opening it once, twice or more often helps."""
    rig.mute_until_opens = rig.room.opens + int(pick(fault, 1, 1, 2, 3, 5))  # type: ignore[call-overload]


def lose_blocks(share: float) -> Change:
    """Overflows."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.lost_share = share

    return change


def treat(how: Callable[[Rig, np.ndarray], np.ndarray] | None) -> Change:
    """What happens to the samples."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.treat = how

    return change


def no_numbers(rig: Rig, x: np.ndarray) -> np.ndarray:
    """Some samples are none."""
    x = x.copy()
    x[:: max(1, len(x) // 3)] = rig.rng.choice([np.nan, np.inf, -np.inf])
    return x


def drift(rig: Rig, fault: Fault) -> None:
    """The crystal is off by up to 1 %."""
    rig.true_hz = round(rig.room.rate_hz * (0.99 + 0.02 * fault.number))


def true_rate(rig: Rig, _fault: Fault) -> None:
    """As it should be."""
    rig.true_hz = 0


def wrong_rate(rig: Rig, _fault: Fault) -> None:
    """The device gives another rate than it says, until it is opened anew."""
    rig.wrong = rig.room.open


def blocks(*seconds: float) -> Change:
    """The library cuts otherwise; 0 is one sample at a time."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.piece_s = float(pick(fault, *seconds))  # type: ignore[arg-type]

    return change


def usual_blocks(rig: Rig, _fault: Fault) -> None:
    """As it was."""
    rig.piece_s = rig.usual_piece_s


def stall(shortest_s: float, longest_s: float) -> Change:
    """The ears' thread gets no time."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.room.stall_s = shortest_s + fault.number * (longest_s - shortest_s)

    return change


# The process


def read_raises(rig: Rig, _fault: Fault) -> None:
    """A mistake in the ears' thread."""
    rig.room.read_fails = RuntimeError("a mistake in the ears")


def says(mode: str) -> Change:
    """A line that the voice has trouble with."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.room.speech = mode
        rig.offer("a line")

    return change


def sees(mode: str) -> Change:
    """The camera."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.room.camera = mode

    return change


def nobody_reads(rig: Rig, _fault: Fault) -> None:
    """Standard output is closed at its other end."""
    rig.out.broken = True
    rig.offer("a line that is told of")


def signalled(name: str) -> Change:
    """A signal to the process."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.signal(name)

    return change


def remember(key: str, count: Callable[[Rig], float]) -> Change:
    """Note a counter, for `grown`."""

    def change(rig: Rig, fault: Fault) -> None:
        fault.notes[key] = count(rig)

    return change


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(rig: Rig, fault: Fault) -> None:
        for one in changes:
            one(rig, fault)

    return change


def restarted(rig: Rig, fault: Fault) -> bool:
    """The process has ended and begun again."""
    return rig.restarts > fault.notes["restarts"]


def reloaded(rig: Rig, fault: Fault) -> bool:
    """The new configuration is in use."""
    return rig.reloads > fault.notes["reloads"]


def refused(rig: Rig, fault: Fault) -> bool:
    """The new configuration was refused, and the old one goes on."""
    return rig.journal.events["reload_refused"] > fault.notes["refused"]


def pictured(rig: Rig, fault: Fault) -> bool:
    """There are pictures again."""
    return rig.room.pictures > fault.notes["pictures"]


def alive(rig: Rig, fault: Fault) -> bool:
    """The service manager gets signs of life again."""
    return rig.manager.words["WATCHDOG"] > fault.notes["signs"]


def quiet(rig: Rig, _fault: Fault) -> bool:
    """What we say is over."""
    return not rig.speaks


NOTE_RESTARTS = remember("restarts", lambda rig: rig.restarts)
NOTE_RELOADS = remember("reloads", lambda rig: rig.reloads)
NOTE_REFUSED = remember("refused", lambda rig: rig.journal.events["reload_refused"])
NOTE_PICTURES = remember("pictures", lambda rig: rig.room.pictures)
NOTE_SIGNS = remember("signs", lambda rig: rig.manager.words["WATCHDOG"])


def config(*texts: str) -> Change:
    """What stands in the file."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.write_config(str(pick(fault, *texts)))

    return change


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


def garbage(rig: Rig, fault: Fault) -> None:
    """A copy of the bundle was cut off, or is a web page."""
    rig.spoil_bundle(bytes(pick(fault, b"", b"<!DOCTYPE html>", rig.bundle_data[:1000])))  # type: ignore[call-overload]


def mended(rig: Rig, _fault: Fault) -> None:
    """The bundle is whole again."""
    rig.spoil_bundle(rig.bundle_data)


# Commands, files, clock, service manager


def command(*scripts: str) -> Change:
    """What the rule's command does; it is started at once."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.write_command(str(pick(fault, *scripts)))
        rig.start_command()

    return change


def usual_command(rig: Rig, _fault: Fault) -> None:
    """As it was."""
    rig.write_command("exit 0")


def file(how: str) -> Change:
    """The file of events."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.event_file(how)

    return change


def clock_jumps(rig: Rig, fault: Fault) -> None:
    """The time of day is set."""
    rig.wall_offset_s += float(pick(fault, 1.0, -1.0)) * 3.15e8  # type: ignore[arg-type]


def manager(there: bool) -> Change:
    """The service manager's socket."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.manager.appear() if there else rig.manager.vanish()
        if there:
            NOTE_SIGNS(rig, fault)

    return change
