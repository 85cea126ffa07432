"""`heychip bench`: what listening costs here, room by room, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.bench.clock import Meter
    from edge.bench.sound import Sound
    from edge.bundle import Bundle

DEFAULT_BUNDLE = "hey_chip"
SCHEMA = 1
MOST = 4096


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "bench",
        help="measure what listening and looking cost on this machine",
        description="CPU time of every room for a step of 80 ms, memory, start-up, and of a picture. Ctrl-C "
        "ends it early and shows what there is by then.",
    )
    parser.add_argument("--models", nargs="+", action="extend", metavar="BUNDLE", help="default: hey_chip")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default: 5)")
    parser.add_argument("--members", type=counts, metavar="N,N,...",
                        help="how the cost grows with the members of the first bundle: 1,8,64,189")
    parser.add_argument("--streams", type=counts, metavar="N,N,...",
                        help="how it grows with streams in one process: 1,2,4,8,16,32")
    parser.add_argument("--sound", default="golden", metavar="WHAT",
                        help="golden (the bundle's own recording, the default), noise, quiet, or a wav file")
    parser.add_argument("--realtime", action="store_true",
                        help="a step every 80 ms, as from a microphone; of the whole listener alone")
    parser.add_argument("--eyes", nargs="*", metavar="BUNDLE",
                        help="what looks at pictures (default: things faces; without a name: none)")
    parser.add_argument("--picture", action="append", default=[], metavar="FILE",
                        help="what it looks at; repeat it (default: noise; faces cost more)")
    parser.add_argument("--interval", type=float, default=1.0, metavar="S",
                        help="seconds between two pictures, as [camera] interval_s (default: 1)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(main=main)


def counts(text: str) -> tuple[int, ...]:
    """`1,8,64` as numbers, for argparse."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(1 <= one <= MOST for one in found) or len(set(found)) != len(found):
        wanted = f"different numbers from 1 to {MOST}, such as 1,8,64"
        raise argparse.ArgumentTypeError(f"{text!r} are not {wanted}")
    return found


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 130 after Ctrl-C. Raises UsageError, ModelError."""
    from edge import __version__
    from edge.bench import board, page
    from edge.bench.clock import Meter
    from edge.bench.sound import sound_of
    from edge.bundle import load_bundle
    from edge.cli import INTERRUPTED
    from edge.errors import UsageError

    if not 0 < args.seconds < float("inf"):
        raise UsageError(f"bench: --seconds is {args.seconds:g}, expected more than 0")
    if not 0 < args.interval < float("inf"):
        raise UsageError(f"bench: --interval is {args.interval:g}, expected more than 0")
    bundles = [load_bundle(name) for name in args.models or [DEFAULT_BUNDLE]]
    sound = sound_of(args.sound, bundles)
    told: dict[str, Any] = {
        "schema": SCHEMA, "heychip": __version__, "machine": asdict(board.machine()),
        "bundles": [{"bundle": one.path.name, "word": one.manifest.word, "members": len(one.manifest.members),
                     "backbone": one.manifest.backbone} for one in bundles],
        "sound": sound.name, "step_ms": 80, "realtime": args.realtime, "seconds": args.seconds,
        "stages": [], "eyes": [], "members": [], "streams": [], "start": None,
        "board": {"before": asdict(board.mood()), "after": None}, "complete": False,
    }
    meter = Meter(args.seconds, realtime=args.realtime)
    try:
        for key, measured in _parts(args, meter, bundles, sound):
            told[key] = measured()
            if meter.stopped:
                break
        else:
            told["complete"] = True
    except KeyboardInterrupt:
        pass  # what was measured so far is shown
    told["board"]["after"] = asdict(board.mood())
    if args.json:
        print(json.dumps(told, ensure_ascii=False), flush=True)
    else:
        print(page.text(told, colour=sys.stdout.isatty()), flush=True)
    return 0 if told["complete"] else INTERRUPTED


def _parts(
    args: argparse.Namespace, meter: Meter, bundles: Sequence[Bundle], sound: Sound
) -> list[tuple[str, Callable[[], Any]]]:
    """What is measured, in order: the key of the result, and what gives it."""
    from edge.bench import growth
    from edge.bench.clock import summary
    from edge.bench.eyes import BUNDLES, eyes
    from edge.bench.stages import listeners_of, rooms_of
    from edge.bench.start import start

    def stages() -> list[dict[str, Any]]:
        steps = listeners_of(bundles, sound)
        if not args.realtime:  # in life the rooms follow each other at once, so none can be paced alone
            steps = rooms_of(bundles, sound) | steps
        costs = meter.run("every room", steps)
        return [{"stage": name, **summary(cost)} for name, cost in costs.items()]

    parts: list[tuple[str, Callable[[], Any]]] = [
        ("stages", stages), ("start", lambda: start([str(bundle.path) for bundle in bundles]))
    ]
    models = BUNDLES if args.eyes is None else args.eyes
    if models and not args.realtime:  # its steps are hops
        parts.append(("eyes", lambda: eyes(meter, models, args.picture, args.interval)))
    if args.members:
        parts.append(("members", lambda: growth.members(meter, bundles[0], args.members, sound)))
    if args.streams:
        parts.append(("streams", lambda: growth.streams(meter, bundles, args.streams, sound)))
    return parts
