"""`heychip models activate|rollback`: which bundle the daemon uses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

VERBS = ("activate", "rollback")


def add(whats: Any) -> None:
    """Describe both to argparse."""
    words = "check a bundle, try it, and put it into use"
    after = "; a running daemon takes it with `systemctl reload heychip`"
    activate = whats.add_parser("activate", help=words, description=words + after)
    activate.add_argument("bundle", metavar="BUNDLE", help="folder, name or .onnx file")
    activate.add_argument("--as", dest="name", default="", metavar="NAME",
                          help="the name that [listen] bundles has for it (default: its own)")
    activate.add_argument("--hears", type=Path, metavar="FILE",
                          help="a recording in which it must hear its word")
    back = whats.add_parser("rollback", help="go back to the bundle that was in use before",
                            description="Go back to the bundle that was in use before.")  # fmt: skip
    back.add_argument("name", metavar="NAME", help="as [listen] bundles has it")
    for name, parser in zip(VERBS, (activate, back), strict=True):
        parser.add_argument("--folder", type=Path, metavar="DIR",
                            help="the folder of models (default: $HEYCHIP_MODELS, or that of the service)")
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.set_defaults(what=name)


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised, and then all is as it was."""
    from edge import activate

    if args.what == "activate":
        place, margins = activate.activate(args.bundle, name=args.name, folder=args.folder, hears=args.hears)
    else:
        place, margins = activate.roll_back(args.name, args.folder), {}
    name = place.name.removesuffix(".onnx")
    if args.json:
        print(json.dumps({"name": name, "path": str(place), "margins": dict(margins)}))
        return 0
    tried = "".join(f"; {file}: {margin:+.2f}" for file, margin in margins.items())
    print(f"{name}: in use is now {place}{tried}")
    print("a running daemon takes it with: sudo systemctl reload heychip (or kill -HUP)")
    return 0
