"""What listening costs: heychip beside its peers, on the same sound, in the same run, on one core.

    python -m tests.bench.peers [--install] [--word alexa] [--audio DIR] [--rounds N] [--json]

Each program lives in a process of its own, pinned to one core, and listens in turns (A B C D A B C D ...) to
the same sound, 80 ms at a time through its own streaming code, as fast as it can. Counted is CPU time, all
threads and children included; a ratio is of two costs of one round. The sound is heard as it is, and with as
much of a quiet room behind each recording. `--install` downloads the peers with pip into heychip's cache,
without what they depend on; their models are CC-BY-NC-SA and stay there. A peer that is missing or fails is a
line that says why.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bench.board import machine, mood
from edge.bench.stages import VARIANTS
from edge.cli import INTERRUPTED
from edge.errors import HeychipError, UsageError
from edge.events import HOP_S, RATE_HZ
from tests.bench.child import Child, ChildError
from tests.bench.engines import NEEDS, OURS, word_file
from tests.bench.packages import CACHE, OPEN_WAKE_WORD, fetch
from tests.bench.peers_table import text
from tests.bench.streams import Streams, gather

SCHEMA = 1


@dataclass(frozen=True)
class System:
    """Something that is measured."""

    name: str
    """as the table calls it"""
    engine: str
    model: str
    """what the engine is opened with"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--install", action="store_true", help="download the peers that are not there yet")
    top.add_argument("--word", default="alexa", help="the peers': alexa (default), hey_jarvis, okay_nabu ..")
    top.add_argument("--bundle", nargs="+", action="extend", metavar="DIR",
                     help="ours, the first is what the others are compared with (default: hey_chip)")
    top.add_argument("--systems", nargs="+", choices=list(NEEDS), default=list(NEEDS), metavar="NAME",
                     help=f"which of {', '.join(NEEDS)} (default: all)")
    top.add_argument("--audio", type=Path, metavar="DIR", help="recordings (default: heychip's own few)")
    top.add_argument("--seconds", type=float, default=20.0, help="of recordings in a round (default: 20)")
    top.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    top.add_argument("--realtime", action="store_true",
                     help="80 ms of sound every 80 ms, as from a microphone: with cold caches; takes long")
    top.add_argument("--json", action="store_true", help="one JSON object")
    return top


def main(argv: Sequence[str] | None = None, cache: Path = CACHE) -> int:
    """Exit code 0 where ours was measured, else that of the error."""
    args = parser().parse_args(argv)
    try:
        if args.rounds < 1 or not 0 < args.seconds < float("inf"):
            raise UsageError("--rounds and --seconds must be above 0")
        streams = gather(args.audio, args.seconds)
        told = bench(systems_of(args, cache), streams, args.rounds, cache, install=args.install,
                     realtime=args.realtime)
    except (HeychipError, OSError) as error:
        print(f"peers: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    except KeyboardInterrupt:
        return INTERRUPTED
    told["word"] = args.word
    print(json.dumps(told, ensure_ascii=False) if args.json else text(told), flush=True)
    return 0 if told["complete"] else INTERRUPTED


def systems_of(args: argparse.Namespace, cache: Path) -> list[System]:
    """Ours first, in all its variants, then openWakeWord's detector in our runtime, then the peers."""
    bundles = args.bundle or ["hey_chip"]
    called = {variant: f", {variant}" if number else "" for number, variant in enumerate(VARIANTS)}
    ours = [System(f"{OURS} {Path(bundle).name}{name}", OURS, f"{bundle}|{variant}")
            for bundle in bundles for variant, name in called.items()]
    if OPEN_WAKE_WORD.is_here(cache):
        with contextlib.suppress(LookupError):  # where it has no such word, its own row says so
            same = f"{word_file(args.word, cache)}|{next(iter(VARIANTS))}"
            ours.append(System(f"{OURS}, openWakeWord's {args.word}", OURS, same))
    peers = [System(name, name, args.word) for name in NEEDS if name != OURS]
    return [system for system in (*ours, *peers) if system.engine in args.systems]


def bench(
    systems: Sequence[System], streams: Streams, rounds: int, cache: Path, *, install: bool, realtime: bool
) -> dict[str, Any]:
    """All systems, in turns, on all variants of the sound. Raises UsageError where none could be opened."""
    told: dict[str, Any] = {
        "schema": SCHEMA, "machine": asdict(machine()), "load": mood().load, "sound": streams.where,
        "files": list(streams.files), "realtime": realtime, "complete": False,
        "seconds": {name: round(len(sound) / RATE_HZ, 2) for name, sound in streams.sounds.items()},
    }
    with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
        files = {name: Path(temporary) / f"{k}.pcm" for k, name in enumerate(streams.sounds)}
        for name, file in files.items():
            streams.sounds[name].tofile(file)
        run = Run(systems, cache, install=install, realtime=realtime)
        try:
            for number in range(rounds):
                print(f"peers: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
                run.round(files)
            told["complete"] = True
        except KeyboardInterrupt:
            pass  # what was measured so far is shown
        finally:
            run.close()
    missing = [{"system": system.name, "why": why} for system, why in run.missing.items()]
    return told | {"systems": run.rows(), "missing": missing}


class Run:
    """The processes of one run, and what they answered."""

    def __init__(self, systems: Sequence[System], cache: Path, *, install: bool, realtime: bool) -> None:
        """Opens all of them. Raises UsageError where none can be."""
        self._children: dict[System, Child] = {}
        self._heard: dict[System, dict[str, list[dict[str, Any]]]] = {}
        self.missing: dict[System, str] = {}
        for system in systems:
            try:
                self._children[system] = opened(system, cache, install=install, realtime=realtime)
                self._heard[system] = {}
            except (ChildError, UsageError) as error:
                self.missing[system] = str(error)
            except BaseException:
                self.close()
                raise
        if not self._children:
            why = "; ".join(f"{system.name}: {why}" for system, why in self.missing.items())
            raise UsageError(f"nothing could be measured: {why}")

    def round(self, files: Mapping[str, Path]) -> None:
        """Every system that still lives hears every file once."""
        for name, file in files.items():
            for system, child in self._children.items():
                if system in self.missing:
                    continue
                try:
                    self._heard[system].setdefault(name, []).append(child.ask(file))
                except ChildError as error:
                    self.missing[system] = str(error)

    def close(self) -> None:
        """End the processes."""
        for child in self._children.values():
            child.close()

    def rows(self) -> list[dict[str, Any]]:
        """What each costs, and how many times the first of those that were measured."""
        heard = {system: one for system, one in self._heard.items() if system not in self.missing}
        if not heard:
            return []
        first = next(iter(heard.values()))
        names = [name for name in first if all(name in one for one in heard.values())]
        return [{"system": system.name, **self._children[system].started,
                 "at": {name: _compared(one[name], first[name]) for name in names}}
                for system, one in heard.items() if names]


def opened(system: System, cache: Path, *, install: bool, realtime: bool) -> Child:
    """The system in its process. UsageError where a package is not there, ChildError where it fails."""
    for package in NEEDS[system.engine]:
        if install:
            fetch(package, cache)
        elif not package.is_here(cache):
            raise UsageError(f"{package.name} {package.version} is not here (add --install)")
    return Child(system.engine, system.model, cache, realtime=realtime)


def _compared(answers: Sequence[dict[str, Any]], first: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The cost of a system, by itself and by that of the first in the same rounds."""
    rounds = min(len(answers), len(first))
    own, others = (np.array([100 * row["cpu_s"] / (row["hops"] * HOP_S) for row in rows[:rounds]])
                   for rows in (answers, first))
    return {"core_percent": _spread(own, 4), "times_first": _spread(own / others, 3),
            "heard_s": round(answers[0]["hops"] * HOP_S, 2), "rounds": rounds}


def _spread(values: NDArray[np.float64], digits: int) -> dict[str, float]:
    return {name: round(float(f(values)), digits)
            for name, f in (("median", np.median), ("lowest", np.min), ("highest", np.max))}


if __name__ == "__main__":
    sys.exit(main())
