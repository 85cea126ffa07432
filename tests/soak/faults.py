"""What goes wrong in the soak: one row for each kind of fault, and a day's plan of them from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tests.soak.rig import Rig

Change = Callable[["Rig", "Fault"], None]
BACK_S = 10.0  # the promise: hearing again within this time after the cause is gone
RATES_HZ = (48_000, 48_000, 16_000, 44_100)


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    rows: str
    """the rows of the fault table"""
    begin: Change
    end: Change
    shortest_s: float
    longest_s: float
    deaf: bool = True
    """whether words said meanwhile may be lost"""
    limit_s: float = BACK_S
    """from the end of the cause until all is well"""
    well: Callable[[Rig, Fault], bool] = lambda *_: True
    """what must be so besides hearing"""
    hangs: bool = False
    """whether signs of life may stop meanwhile, because that is what it is about"""
    late: bool = False
    """whether what is heard meanwhile may have been said long before"""
    weight: float = 1.0


@dataclass
class Fault:
    """One time that something goes wrong."""

    kind: str
    start_s: float
    length_s: float
    number: float
    """0..1, to choose among variants"""
    ended_s: float | None = None
    """when the cause was gone"""
    back_s: float | None = None
    """how long after that all was well"""
    restarts: int = 0
    notes: dict[str, float] = field(default_factory=dict)


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
    """What we say is over, and the gate open."""
    return not rig.gate_closed


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
    "[listen\n", "[lissen]\nlazy = true\n", "[listen]\nrefractory_s = 'long'\n", "[speech]\ntail_s = -1\n",
    "[[rules]]\nheard = 'hey nobody'\ntext = 'x'\n", "\0", "[listen]\nbundles = ['no_such_bundle']\n",
)  # fmt: skip


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


KINDS: dict[str, Kind] = {
    "unplug and replug": Kind("D2, D1, D4", unplug, plug, 0.3, 60, weight=4),
    "absent for minutes": Kind("D1, D3", unplug, plug, 100, 300, weight=0.7),
    "library raises": Kind("D2", read_fails, nothing, 0.1, 0.1),
    "callbacks stop": Kind("D6", mute, nothing, 0.1, 0.1, weight=2, limit_s=40),
    "overflow burst": Kind("D5", lose_blocks(0.5), lose_blocks(0.0), 2, 8, weight=2),
    "NaN and infinity": Kind("D9, B11", treat(no_numbers), treat(None), 0.2, 3, weight=2),
    "zeros": Kind("D7", treat(lambda _, x: x * 0), treat(None), 5, 150),
    "stuck value": Kind("D7", treat(lambda _, x: x * 0 + np.float32(0.123)), treat(None), 5, 100),
    "DC offset": Kind("D7", treat(lambda _, x: x + np.float32(0.2)), treat(None), 20, 120),
    "clipping": Kind("D8", treat(lambda _, x: np.clip(x * 40, -1, 1)), treat(None), 5, 60),
    "clock drift": Kind("D10", drift, true_rate, 30, 180, deaf=False),
    "wrong rate": Kind("D16", wrong_rate, nothing, 0.1, 0.1, limit_s=90, weight=0.5),
    "one sample a block": Kind("D10", blocks(0.0), usual_blocks, 0.2, 0.6, deaf=False, weight=0.5),
    "blocks of 1 s": Kind("D10", blocks(1.0), usual_blocks, 20, 90, deaf=False),
    "blocks of 10 s": Kind("D10, D6", blocks(10.0), usual_blocks, 15, 40, limit_s=40, late=True, weight=0.5),
    "ears stall": Kind("D11", stall(2, 15), nothing, 15.5, 16.5, hangs=True, late=True, weight=2),
    "ears hang": Kind("D15", both(NOTE_RESTARTS, stall(40, 44)), nothing, 46, 50, well=restarted,
                      hangs=True, late=True, limit_s=30, weight=0.5),
    "ears fail": Kind("D15", both(NOTE_RESTARTS, read_raises), nothing, 0.1, 0.1, well=restarted, limit_s=20),
    "voice fails": Kind("D15", both(NOTE_RESTARTS, says("raises")), says("well"), 3, 3, well=restarted,
                        limit_s=30, weight=0.5),
    "eyes fail": Kind("D15", both(NOTE_RESTARTS, sees("raises")), nothing, 3, 3, well=restarted,
                      limit_s=20, weight=0.5),
    "nobody reads": Kind("D15", both(NOTE_RESTARTS, nobody_reads), nothing, 6, 6, well=restarted,
                         limit_s=30, weight=0.5),
    "SIGTERM": Kind("F6", both(NOTE_RESTARTS, signalled("SIGTERM")), nothing, 0.1, 0.1, well=restarted,
                    limit_s=20),
    "SIGHUP, good": Kind("C9", both(NOTE_RELOADS, config(*GOOD), signalled("SIGHUP")), nothing, 0.1, 0.1,
                         well=reloaded, weight=2),
    "SIGHUP, broken": Kind("C1 to C9", both(NOTE_REFUSED, config(*BROKEN), signalled("SIGHUP")), config(""),
                           3, 5, deaf=False, well=refused, weight=2),
    "SIGHUP, bundle is garbage": Kind("B1, B2", both(NOTE_REFUSED, garbage, signalled("SIGHUP")), mended,
                                      3, 5, deaf=False, well=refused),
    "speech fails": Kind("F1", says("fails"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "speech is slow": Kind("F1", says("slow"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "speech hangs": Kind("F1", says("hangs"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "command hangs or forks": Kind("F5", command("sleep 900", "(sleep 900 &); (sleep 900 &); exit 0",
                                                 "trap '' TERM; while :; do sleep 1; done"),
                                   usual_command, 30, 120, deaf=False),
    "command fails": Kind("F5", command("exit 3", "kill -9 $$"), usual_command, 30, 120, deaf=False),
    "events: disk full": Kind("E9, F7", file("full"), file("well"), 30, 300, deaf=False),
    "events: not writable": Kind("F9", file("folder"), file("well"), 30, 300, deaf=False),
    "wall clock jumps": Kind("F8", clock_jumps, nothing, 5, 30, deaf=False),
    "camera absent": Kind("E1", both(NOTE_PICTURES, sees("absent")), both(sees("well"), NOTE_PICTURES), 5,
                          60, deaf=False, well=pictured, limit_s=70),
    "camera frozen": Kind("E5, E2", sees("frozen"), both(sees("well"), NOTE_PICTURES), 1, 3, deaf=False,
                          well=pictured, limit_s=70),
    "camera hangs": Kind("E3, D15", both(NOTE_RESTARTS, sees("hangs")), sees("well"), 44, 50,
                         well=restarted, limit_s=40, weight=0.5),
    "service manager gone": Kind("F10", manager(False), manager(True), 5, 60, deaf=False, well=alive,
                                 hangs=True),
}  # fmt: skip


def plan(
    count: int, length_s: float, seed: int, *, first_s: float = 20.0, longest_s: float = float("inf")
) -> list[Fault]:
    """`count` faults, spread over the day; every kind comes once before any comes twice. None lasts longer than
    `longest_s` unless its kind has to."""
    rng = np.random.default_rng(seed + 1)
    names = [name for name, kind in KINDS.items() if kind.shortest_s < 60 or longest_s > 60]
    weights = np.array([KINDS[name].weight for name in names])
    order = list(rng.permutation(names))
    order += list(rng.choice(names, max(0, count - len(names)), p=weights / weights.sum()))
    order = order[:count]
    rng.shuffle(order)
    times = np.sort(rng.uniform(first_s, 0.97 * length_s - 30, count))
    return [
        Fault(str(name), float(at), _length_s(KINDS[name], longest_s, float(rng.random())),
              float(rng.random()))
        for name, at in zip(order, times, strict=True)
    ]  # fmt: skip


def _length_s(kind: Kind, longest_s: float, number: float) -> float:
    longest_s = max(kind.shortest_s, min(kind.longest_s, longest_s))
    return kind.shortest_s + number * (longest_s - kind.shortest_s)
