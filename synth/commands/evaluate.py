"""`heychip-synth evaluate`: a bundle against recordings, in events, with 95 % intervals."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser("evaluate", help="measure a bundle on recordings")
    parser.add_argument("bundle", metavar="BUNDLE")
    parser.add_argument("--positives", type=Path, required=True, metavar="DIR",
                        help="recordings of the phrase, one each")
    parser.add_argument("--negatives", type=Path, required=True, action="append", metavar="DIR",
                        help="recordings without it; may be repeated")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="of the noise that is mixed in")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="processes (default: all cores)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    import numpy as np

    from edge.bundle import load_bundle
    from edge.errors import UsageError
    from synth import progress
    from synth.commands import check_counts
    from synth.evaluate import evaluate, stage, summary
    from synth.ingest import find_audio, load_audio

    check_counts(args)
    bundle = load_bundle(args.bundle).path
    with progress.bar("reading", 1 + len(args.negatives)) as done:
        clips = [(load_audio(p), p.parent.name) for p in find_audio(args.positives).files]
        done(1)
        negatives = []
        for folder in args.negatives:
            sounds = (load_audio(p) for p in find_audio(folder).files)
            negatives += [s / (np.abs(s).max() + 1e-6) * 0.5 for s in sounds if len(s) >= 32_000]
            done(1)
    if not clips or not negatives:
        raise UsageError(f"{len(clips)} recordings of the phrase and {len(negatives)} of other sound of "
                         "over 2 s: both are needed")
    positives = stage(clips, negatives[:60], args.seed)
    with progress.bar("streaming", len(positives) + len(negatives)) as done:
        found = evaluate(bundle, positives, negatives, args.jobs, done)
    figures = summary(found)
    if args.json:
        print(json.dumps({"bundle": str(bundle), **figures}))
    else:
        _print(figures)
    return 0


def _print(figures: dict[str, Any]) -> None:
    alarms = figures["false_accepts"]
    print(f"its own thresholds: {alarms['events']} false accepts in {alarms['hours']:.2f} h "
          f"= {alarms['per_hour']} /h (95 %: {alarms['ci95'][0]} to {alarms['ci95'][1]})")
    rows = {"its own": figures["misses"], **figures["at_false_accepts_per_hour"]}
    for name, row in rows.items():
        cells = "  ".join(f"{condition} {share['percent']:5.1f} % [{share['ci95'][0]}, {share['ci95'][1]}]"
                          for condition, share in row.items())
        where = "missed" if name == "its own" else f"missed at {name:>8} false accepts/h"
        print(f"  {where}:  {cells}")
