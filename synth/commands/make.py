"""`heychip-synth make`: a phrase in, a bundle out."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from synth.presets import MEMBERS, PRESETS


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "make", help="make a bundle from the text of a phrase",
        description="Speaks the phrase in many voices, spoils it with noise and rooms, trains, calibrates, "
                    "reports. Ctrl-C is safe: the same command goes on where it was.",
    )
    parser.add_argument("phrase", metavar="PHRASE", help='such as "hey chip"')
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="the bundle's folder (default: models/<phrase>)")
    parser.add_argument("--preset", choices=list(PRESETS), default="standard",
                        help="how much work (default: standard)")
    parser.add_argument("--engine", action="append", metavar="NAME",
                        help="use only these voices; may be repeated")
    parser.add_argument("--spend", type=float, default=0.0, metavar="USD",
                        help="the most that voices may cost that are not free (--engine google; default: 0)")
    parser.add_argument("--members", choices=MEMBERS, default=MEMBERS[0],
                        help="all: each member hears all voices; per-voice: one a voice (default: all)")
    parser.add_argument("--negatives", action="append", type=Path, default=[], metavar="DIR",
                        help="a folder of speech in which nobody says the phrase; may be repeated")
    parser.add_argument("--lang", default="en-us", metavar="TAG",
                        help="language of the phrase (default: en-us)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="processes (default: all cores)")
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="the same seed gives the same bundle")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where finished work is kept")
    parser.add_argument("--force", action="store_true",
                        help="write the bundle even if it fails its own gates")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    from edge.errors import UsageError
    from edge.files import sha256_of
    from synth import progress
    from synth.commands import check_counts
    from synth.make import Order, make
    from synth.phrase import slug
    from synth.voices.cache import default_folder
    from synth.voices.google_cost import with_spend

    check_counts(args)
    for folder in args.negatives:
        if not folder.is_dir():
            raise UsageError(f"--negatives {folder}: no such folder")
    engines = with_spend(args.engine, args.spend)
    cache = args.cache or default_folder().parent
    out = args.out or Path("models") / slug(args.phrase)
    progress.say(f"making “{args.phrase}” with preset {args.preset}")
    order = Order(args.phrase, out, PRESETS[args.preset], engines,
                  tuple(args.negatives), args.lang, args.jobs, args.seed, cache, args.force,
                  args.members)
    folder = make(order)
    data = (folder / "manifest.json").read_bytes()
    calibration = json.loads(data)["calibration"]
    if args.json:
        print(json.dumps({"bundle": str(folder), "sha256": sha256_of(data), "calibration": calibration}))
    else:
        misses = ", ".join(f"{row['percent']:g} % {name}" for name, row in calibration["misses"].items())
        print(f"{folder}\n  misses: {misses} (held-out voices)\n"
              f"  false accepts: {calibration['false_accepts']['events']} in "
              f"{calibration['false_accepts']['hours']:.2f} h\n"
              f"  report: {folder / 'report.html'}\n  bundle sha256: {sha256_of(data)}")
    return 0
