"""`heychip-synth enroll`: a person's own recordings in, a bundle that hears that person out."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "enroll", help="make a bundle from three recordings of one person",
        description="Learns a word from three or more recordings of one person saying it, alone or beside "
                    "the members of a bundle that is there. Other speech to tell it from is listened to "
                    "once on a machine, for about a minute of two cores, or two where the bundle gives a "
                    "second look; then it takes seconds.",
    )  # fmt: skip
    parser.add_argument("recordings", nargs="+", type=Path, metavar="WAV",
                        help="a recording with the word in it, once; three or more, each of its own")
    parser.add_argument("--word", required=True, metavar="NAME", help="the word, as people write it")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the bundle's folder")
    parser.add_argument("--into", metavar="BUNDLE",
                        help="a bundle of the same word: the new one has its members, too")
    parser.add_argument("--negatives", action="append", type=Path, default=[], metavar="DIR",
                        help="a folder of speech in which nobody says the word; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="processes (default: all cores)")
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="the same seed gives the same bundle")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the other speech is kept")
    parser.add_argument("--force", action="store_true",
                        help="take recordings that are doubtful, and write a bundle that fails its own gates")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    from edge.errors import UsageError
    from edge.files import sha256_of
    from synth import progress
    from synth.commands import check_counts
    from synth.enroll import Order, enroll
    from synth.ingest import printable
    from synth.voices.cache import default_folder

    check_counts(args)
    for folder in args.negatives:
        if not folder.is_dir():
            raise UsageError(f"--negatives {printable(folder)}: no such folder")
    progress.say(f"learning “{printable(args.word)}” from {len(args.recordings)} recordings")
    folder = enroll(Order(tuple(args.recordings), args.word, args.out, args.into, tuple(args.negatives),
                          args.jobs, args.seed, args.cache or default_folder().parent, args.force))
    data = (folder / "manifest.json").read_bytes()
    calibration = json.loads(data)["calibration"]
    if args.json:
        print(json.dumps({"bundle": str(folder), "sha256": sha256_of(data), "calibration": calibration}))
        return 0
    alarms, rows = calibration["false_accepts"], calibration["misses"]
    misses = ", ".join(f"{row['misses']} of {row['of']} {name}" for name, row in rows.items())
    print(f"{folder}\n  misses: {misses} (each heard by a detector trained on the others)\n"
          f"  false accepts: {alarms['events']} in {alarms['hours']:.2f} h "
          f"(95 %: {alarms['ci95'][0]:g} to {alarms['ci95'][1]:g} /h)\n"
          f"  report: {folder / 'report.html'}\n  bundle sha256: {sha256_of(data)}")
    return 0
