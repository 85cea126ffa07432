"""What each kind of fault does to the microphone and the ears' thread; the table of kinds is in faults.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.errors import DeviceError
from tests.soak.card import Card, Samples, Treat
from tests.soak.fault import Change, Fault

if TYPE_CHECKING:
    from tests.soak.rig import Rig

RATES_HZ = (48_000, 48_000, 16_000, 44_100)


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
    rig.room.rate_hz = fault.pick(*RATES_HZ, salt=7)


def read_fails(rig: Rig, _fault: Fault) -> None:
    """The library raises once."""
    rig.room.read_fails = DeviceError("the sound system failed")


def read_raises(rig: Rig, _fault: Fault) -> None:
    """A mistake in the ears' thread."""
    rig.room.read_fails = RuntimeError("a mistake in the ears")


def mute(rig: Rig, fault: Fault) -> None:
    """Callbacks stop, and only opening it once, twice or more often helps."""
    rig.card.mute_until_opens = rig.room.opens + fault.pick(1, 1, 2, 3, 5)


def lose_blocks(share: float) -> Change:
    """Overflows."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.card.lost_share = share

    return change


def treat(how: Treat | None) -> Change:
    """What happens to the samples."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.card.treat = how

    return change


def no_numbers(card: Card, x: Samples) -> Samples:
    """Some samples are none."""
    x = x.copy()
    x[:: max(1, len(x) // 3)] = card.rng.choice([np.nan, np.inf, -np.inf])
    return x


def drift(rig: Rig, fault: Fault) -> None:
    """The crystal is off by up to 1 %."""
    rig.card.true_hz = round(rig.room.rate_hz * (0.99 + 0.02 * fault.number))


def true_rate(rig: Rig, _fault: Fault) -> None:
    """As it should be."""
    rig.card.true_hz = 0


def wrong_rate(rig: Rig, _fault: Fault) -> None:
    """The device gives another rate than it says, until it is opened anew."""
    rig.card.wrong = rig.room.open


def blocks(seconds: float) -> Change:
    """The library cuts otherwise; 0 is one sample at a time."""

    def change(rig: Rig, _fault: Fault) -> None:
        rig.card.piece_s = seconds

    return change


def usual_blocks(rig: Rig, _fault: Fault) -> None:
    """As it was."""
    rig.card.piece_s = rig.card.usual_piece_s


def stall(shortest_s: float, longest_s: float) -> Change:
    """The ears' thread gets no time."""

    def change(rig: Rig, fault: Fault) -> None:
        rig.room.stall_s = shortest_s + fault.number * (longest_s - shortest_s)

    return change
