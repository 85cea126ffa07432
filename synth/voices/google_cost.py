"""What Google's voices cost, what they can do, and leave to spend: nothing is bought that was not allowed.

Prices in USD for a million characters, spaces included, and requests a minute for a project, both as Google
publishes them. A kind that is not in the table counts as the dearest and the slowest, so that estimates err
upwards.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import UsageError

from . import Take
from .process import VoiceError

PRICED = "2026-09"  # the month of the table
BOTH, SPEED, NEITHER = 2, 1, 0  # what a request may ask for: speed and pitch, speed alone, or nothing
NAME = re.compile(r"(?P<tag>[a-z]{2,3}-(?:[a-z]{2,4}|\d{3}))-(?P<kind>.+)-(?P<who>[^-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """One of Google's families of voices."""

    name: str
    """as we write it"""
    usd: float
    """for a million characters"""
    rpm: int
    """requests a minute"""
    takes: int
    """BOTH, SPEED or NEITHER"""


KINDS = {
    kind.name.lower(): kind
    for kind in (
        Kind("Standard", 4, 1000, BOTH),
        Kind("WaveNet", 4, 1000, BOTH),
        Kind("Neural2", 16, 1000, BOTH),
        Kind("Polyglot", 16, 1000, BOTH),
        Kind("Chirp-HD", 30, 200, NEITHER),
        Kind("Chirp3-HD", 30, 200, SPEED),
        Kind("Studio", 160, 500, SPEED),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of a voice such as en-GB-Neural2-A, from its name."""
    found = NAME.fullmatch(name)
    return _named(found["kind"] if found else "unknown")


@dataclass(frozen=True)
class Estimate:
    """What a list of takes will cost at most."""

    clips: int
    characters: dict[str, int]
    """by kind"""
    usd: float

    def __str__(self) -> str:
        rows = sorted(self.characters.items(), key=lambda row: -row[1] * _named(row[0]).usd)
        parts = ", ".join(f"{name} {count:,} at {_named(name).usd:g}" for name, count in rows)
        return (
            f"google: {self.clips:,} clips to buy, {sum(self.characters.values()):,} characters, "
            f"{self.usd:.2f} USD at the prices of {PRICED} (characters at USD a million: {parts}). "
            "Less if the account has characters left of those that are free in each month "
            "(Standard and WaveNet 4 million each, the others 1 million)"
        )


def estimate(takes: Sequence[Take]) -> Estimate:
    """Of takes that are all to be bought; the caller leaves out what is in the cache."""
    characters: Counter[str] = Counter()
    usd = 0.0
    for take in takes:
        kind = kind_of(take.voice.name)
        characters[kind.name] += len(take.text)
        usd += len(take.text) * kind.usd / 1e6
    return Estimate(len(takes), dict(characters), usd)


def consent(takes: Sequence[Take], allowed_usd: float) -> None:
    """Says what the takes will cost. Raises VoiceError where that is more than was allowed."""
    from synth import progress

    if not takes:
        return
    found = estimate(takes)
    if found.usd <= allowed_usd:
        progress.say(f"  {found}; --spend allows {allowed_usd:.2f}")
        return
    least = math.ceil(found.usd * 100) / 100
    raise VoiceError(
        f"{found}. That is more than --spend allows ({allowed_usd:.2f}), so nothing was bought; "
        f"to go on: --spend {least:.2f}"
    )


def with_spend(engines: Sequence[str] | None, usd: float) -> tuple[str, ...] | None:
    """The engines of the command line, google's with the most that it may spend. Raises UsageError."""
    if not (math.isfinite(usd) and usd >= 0):
        raise UsageError(f"--spend {usd:g}: an amount in USD, 0 or more")
    given = tuple(engines or ())
    named = [spec for spec in given if spec.partition("=")[0] == "google"]
    if usd and not named:
        raise UsageError(f"--spend {usd:g}: no engine was named that costs money; add --engine google")
    if usd:
        given = tuple(
            spec + ("," if "=" in spec else "=") + f"spend={usd}" if spec in named else spec for spec in given
        )
    return given or None


def _named(name: str) -> Kind:
    return KINDS.get(name.lower(), Kind(name, 160, 200, BOTH))
