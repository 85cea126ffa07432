"""`heychip replay`: the pipeline of the daemon over recordings."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge.errors import UsageError, WavError

if TYPE_CHECKING:
    from edge.replay import Row

DEFAULT_BUNDLE = "hey_chip"


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "replay", help="run the listening pipeline over recordings",
        description="Prints one JSON object for every wav file, in the order given, each started afresh.",
    )
    parser.add_argument("--models", nargs="+", action="extend", metavar="BUNDLE",
                        help=f"bundle folders, names or .onnx files (default: {DEFAULT_BUNDLE})")
    parser.add_argument("--trace", action="store_true", help="print the margin at every hop, too")
    parser.add_argument("--realtime", action="store_true", help="at the pace of the clock")
    parser.add_argument("--channel", type=int, default=0, help="which channel of the recordings (from 0)")
    parser.add_argument("--offset", type=float, default=0.0, help="added to every threshold, a logit")
    parser.add_argument("--jobs", type=int, default=1, metavar="N",
                        help="recordings at a time, a process each")
    parser.add_argument("--json", action="store_true", help="out of habit; replay prints JSON anyhow")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 2 where any of the recordings could not be read; the others are still replayed."""
    models, recordings = split(args.models or [DEFAULT_BUNDLE], args.files, args.command_line)
    if not recordings:
        raise UsageError("replay: no recordings given; name one or more .wav files")
    if args.jobs < 1:
        raise UsageError(f"replay: --jobs {args.jobs}; expected 1 or more")
    if args.realtime and args.jobs > 1:
        raise UsageError("replay: --realtime goes with one recording at a time; leave out --jobs")
    code = 0
    for row in _rows(args, models, recordings):
        if isinstance(row, WavError):
            print(f"heychip: {row}", file=sys.stderr)
            code = row.exit_code
        else:
            print(json.dumps(row), flush=True)
    return code


def _rows(args: argparse.Namespace, models: list[str], recordings: list[str]) -> Iterator[Row]:
    """The answers in the order of the recordings. Raises ModelError."""
    from edge.replay import Replayer

    how = {"trace": args.trace, "realtime": args.realtime, "channel": args.channel}
    replayer = Replayer(models, args.offset, how)
    jobs = min(args.jobs, len(recordings))
    if jobs == 1:
        yield from map(replayer, recordings)
        return
    import multiprocessing

    from edge.replay import open_worker, work

    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, open_worker, (models, args.offset, how)) as pool:
        yield from pool.imap(work, recordings)


def split(models: list[str], files: list[str], given: list[str]) -> tuple[list[str], list[str]]:
    """`--models A B x.wav` takes everything that follows; what ends in .wav is a recording all the same, and
    recordings are in the order in which they were `given`."""
    swallowed = [m for m in models if m.lower().endswith((".wav", ".wave"))]
    kept = [m for m in models if m not in swallowed] or [DEFAULT_BUNDLE]
    recordings = swallowed + files
    unseen = [one for one in recordings if one not in given]  # --models=x.wav
    return kept, unseen + [one for one in given if one in recordings]
