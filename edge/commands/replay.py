"""`heychip replay`: the pipeline of the daemon over recordings."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from edge.errors import UsageError, WavError

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
    parser.add_argument("--json", action="store_true", help="out of habit; replay prints JSON anyhow")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 2 where any of the recordings could not be read; the others are still replayed."""
    models, recordings = split(args.models or [DEFAULT_BUNDLE], args.files)
    if not recordings:
        raise UsageError("replay: no recordings given; name one or more .wav files")
    from edge.bundle import load_bundle
    from edge.listener import Listener
    from edge.replay import replay

    listener = Listener([load_bundle(model) for model in models], offset=args.offset)
    code = 0
    for path in recordings:
        try:
            row = replay(listener, path, trace=args.trace, realtime=args.realtime, channel=args.channel)
        except WavError as error:
            print(f"heychip: {error}", file=sys.stderr)
            code = error.exit_code
            continue
        print(json.dumps(row), flush=True)
    return code


def split(models: list[str], files: list[str]) -> tuple[list[str], list[str]]:
    """`--models A B x.wav` takes everything that follows; what ends in .wav is a recording all the same."""
    swallowed = [m for m in models if m.lower().endswith((".wav", ".wave"))]
    kept = [m for m in models if m not in swallowed] or [DEFAULT_BUNDLE]
    return kept, swallowed + files
