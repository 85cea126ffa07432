"""`heychip-synth evaluate`: bundles against recordings of people, in events, with 95 % intervals."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import UsageError

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from synth.evaluate import Evaluation


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "evaluate", help="measure bundles on recordings",
        description="Streams recordings of the phrase, clean and in noise, and hours of other sound through "
                    "the pipeline of the daemon; counts misses and false accepts. With sub-folders of "
                    "voices, or names such as anna-01.wav, each voice is a row of its own.")
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE",
                        help="folder, name or openWakeWord's .onnx; several are set side by side")
    parser.add_argument("--positives", type=Path, required=True, metavar="DIR",
                        help="recordings of the phrase, one each, with those in sub-folders")
    parser.add_argument("--negatives", type=Path, required=True, action="append", metavar="DIR",
                        help="recordings without it; may be repeated")
    parser.add_argument("--skip", type=Path, metavar="FILE",
                        help="names of recordings to leave out, one a line")
    parser.add_argument("--most", type=int, default=0, metavar="N",
                        help="only the first N recordings of the phrase")
    parser.add_argument("--report", type=Path, metavar="FILE.html",
                        help="write a page with curves and tables")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise that is mixed in")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="processes (default: all cores)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each bundle")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    from edge.bundle import load_bundle
    from edge.files import write_whole
    from synth.commands import check_counts
    from synth.evaluation_page import evaluation_html
    from synth.evaluation_text import evaluation_text
    from synth.ingest import printable
    from synth.trials import gather, measure, tell

    check_counts(args)
    if args.report is not None and not args.report.parent.is_dir():
        raise UsageError(f"--report {printable(args.report)}: there is no such folder to write it in")
    loaded = [load_bundle(bundle) for bundle in args.bundles]
    with tempfile.TemporaryDirectory(prefix="heychip-") as folder:
        trials = gather(args.positives, args.negatives, Path(folder), skip=_skipped(args.skip),
                        most=args.most, seed=args.seed)
        found, left_out = measure([bundle.path for bundle in loaded], trials, args.jobs)
    tell(left_out)
    told = _figures(loaded, found)
    for row, evaluation in zip(told, found, strict=True):
        row["left_out"] = [{"file": printable(f.path.name), "why": f.reason} for f in left_out]
        print(json.dumps(row) if args.json else evaluation_text(row, evaluation))
    if args.report is not None:
        write_whole(args.report, evaluation_html(told, found, len(left_out)).encode())
    return 0


def _skipped(file: Path | None) -> frozenset[str]:
    if file is None:
        return frozenset()
    try:
        return frozenset(file.read_text().splitlines()) - {""}
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--skip {file}: cannot be read ({error}); give a text file of names") from error


def _figures(bundles: Sequence[Bundle], found: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """What is told of each bundle."""
    from synth import progress
    from synth.details import against, details
    from synth.evaluate import summary
    from synth.ingest import printable

    names = [printable(bundle.path.resolve().name) for bundle in bundles]

    told: list[dict[str, Any]] = []
    with progress.bar("counting", len(found)) as done:
        for bundle, name, one in zip(bundles, names, found, strict=True):
            path = printable(bundle.path)
            members = [member.name for member in bundle.manifest.members]
            told.append({"bundle": path, "name": name if names.count(name) == 1 else path,
                         "word": bundle.manifest.word, **summary(one), **details(one, members)})
            if one is not found[0]:
                told[-1]["against_first"] = against(one, found[0])
            done(1)
    return told
