"""`heychip-synth see`: pictures in folders, or glyphs in fonts, to a vision bundle."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "see", help="teach the eyes: a folder of pictures for each class, or glyphs",
        description="With DIR: a folder for each class, a few dozen pictures in each; a folder called "
                    "unknown may hold examples of everything else. With --glyphs: renders each glyph in "
                    "every font that has it and learns to read it in handwriting, without any handwriting.",
    )
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="a folder for each class")
    parser.add_argument("--glyphs", metavar="TEXT", help='the characters to read, such as "೦೧೨೩೪೫೬೭೮೯"')
    parser.add_argument("--fonts", action="append", metavar="DIR",
                        help="with --glyphs: a folder of fonts, or auto for all that are installed; may be "
                             "repeated (default: auto)")
    parser.add_argument("--judge", type=Path, metavar="DIR",
                        help="with --glyphs: real handwriting to judge by, a folder for each glyph")
    parser.add_argument("--steps", type=int, metavar="N",
                        help="with --glyphs: steps of training (default: 1500)")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="pictures that are looked at side by side (default: all cores)")
    parser.add_argument("--seed", type=int, default=0, metavar="N",
                        help="the same seed gives the same bundle")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    from edge.errors import UsageError
    from synth.commands import check_counts

    check_counts(args)
    if (args.folder is None) == (args.glyphs is None):
        raise UsageError("see: give a folder of pictures, or --glyphs" + " (not both)" * bool(args.folder))
    if args.glyphs is None and (args.fonts or args.judge or args.steps is not None):
        raise UsageError("see: --fonts, --judge and --steps go with --glyphs")
    out = _glyphs(args) if args.glyphs is not None else _pictures(args)
    _tell(out, as_json=args.json)
    return 0


def _pictures(args: argparse.Namespace) -> Path:
    from synth.vision.see import Lesson, see

    return see(Lesson(args.folder, args.out, args.seed, args.jobs))


def _glyphs(args: argparse.Namespace) -> Path:
    from edge.errors import UsageError
    from synth.vision.glyph_net import Recipe
    from synth.vision.glyphs import Copybook, glyphs_of, read_glyphs

    if args.steps is not None and args.steps < 1:
        raise UsageError(f"--steps {args.steps}: at least 1")
    recipe = Recipe() if args.steps is None else Recipe(steps=args.steps)
    return read_glyphs(Copybook(glyphs_of(args.glyphs), tuple(args.fonts or ["auto"]), args.out, args.seed,
                                args.judge, recipe))


def _tell(out: Path, *, as_json: bool) -> None:
    from edge.files import sha256_of

    data = (out / "manifest.json").read_bytes()
    calibration = json.loads(data)["calibration"]
    if as_json:
        print(json.dumps({"bundle": str(out), "sha256": sha256_of(data), "calibration": calibration},
                         ensure_ascii=False))
        return
    wrong = calibration.get("wrong") or calibration.get("handwriting", {}).get("wrong")
    told = f"  wrong: {wrong['misses']} of {wrong['of']} held-out pictures\n" if wrong else ""
    print(f"{out}\n{told}  report: {out / 'report.html'}\n  bundle sha256: {sha256_of(data)}\n"
          f"  try it: heychip look --model {out} PICTURE")
