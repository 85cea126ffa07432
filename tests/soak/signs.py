"""By what one knows that a fault is over: a counter that was noted and has grown since, or silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.soak.fault import Change, Fault, Sign

if TYPE_CHECKING:
    from tests.soak.rig import Rig

Count = Callable[["Rig"], float]


def note(key: str, count: Count) -> Change:
    """Note a counter, for `grown`."""

    def change(rig: Rig, fault: Fault) -> None:
        fault.notes[key] = count(rig)

    return change


def grown(key: str, count: Count) -> Sign:
    """Whether it has grown since."""

    def sign(rig: Rig, fault: Fault) -> bool:
        return count(rig) > fault.notes[key]

    return sign


def counted(key: str, count: Count) -> tuple[Change, Sign]:
    """Both."""
    return note(key, count), grown(key, count)


NOTE_RESTARTS, restarted = counted("restarts", lambda rig: rig.lives.restarts)
NOTE_RELOADS, reloaded = counted("reloads", lambda rig: rig.lives.reloads)
NOTE_REFUSED, refused = counted("refused", lambda rig: rig.journal.events["reload_refused"])
NOTE_PICTURES, pictured = counted("pictures", lambda rig: rig.room.pictures)
NOTE_SIGNS, alive = counted("signs", lambda rig: rig.manager.words["WATCHDOG"])


def quiet(rig: Rig, _fault: Fault) -> bool:
    """What we say is over."""
    return not rig.lookout.speaks
