"""`heychip doctor`: is everything here that is needed, and if not, what to do about it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this machine and the configuration",
        description="A line for each check, and what to do where it fails. The exit code is the first one's.",
    )
    parser.add_argument("--config", metavar="FILE", help="default: the file that `heychip run` would take")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0 where nothing is bad, else the code of the first that is."""
    from edge.checkup import checkup

    code = 0
    for check in checkup(args.config):
        if args.json:
            row = {"check": check.name, "state": check.state, "found": check.found, "remedy": check.remedy}
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            print(f"{MARKS[check.state]}  {check.name}: {check.found}", flush=True)
            if check.remedy:
                print(f"      -> {check.remedy}", flush=True)
        if check.state == "bad" and not code:
            code = check.code
    if code:
        print("heychip: not everything is well; see BAD above", file=sys.stderr)
    else:
        print("heychip: `heychip bench` tells what listening costs here", file=sys.stderr)
    return code
