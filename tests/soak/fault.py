"""A kind of fault, one time that it happens, and what changes are put together from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.soak.rig import Rig

Change = Callable[["Rig", "Fault"], None]
Sign = Callable[["Rig", "Fault"], bool]
T = TypeVar("T")
BACK_S = 10.0  # the promise: hearing again within this time after the cause is gone


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
    well: Sign = lambda *_: True
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

    def pick(self, *choices: T, salt: int = 1) -> T:
        """One of the choices, by the fault's number; another `salt` chooses anew."""
        return choices[min(int(self.number * salt % 1 * len(choices)), len(choices) - 1)]


def nothing(_rig: Rig, _fault: Fault) -> None:
    """No change."""


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(rig: Rig, fault: Fault) -> None:
        for one in changes:
            one(rig, fault)

    return change
