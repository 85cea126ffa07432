"""docs/cost.md made anew: its tables and pictures, not its prose.

    python -m tests.bench.cost_page --measure            ten minutes; writes docs/cost.json, then the page
    python -m tests.bench.cost_page --measure peers run  the same for some of the figures
    python -m tests.bench.cost_page                      the page from docs/cost.json

The page has blocks, from `<!-- begin NAME -->` to `<!-- end NAME -->`; only what is between them is written.
Measure on an idle machine; the peers have to be there (`make bench-peers`).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.errors import HeychipError, UsageError
from edge.files import write_whole
from tests.bench.cost_blocks import blocks
from tests.bench.cost_measure import HOURS, MEMBERS, STREAMS, parts
from tests.bench.cost_plots import pictures

DOCS = Path(__file__).parents[2] / "docs"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.cost_page", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--measure", nargs="*", metavar="PART",
                     help="measure first: all, or some of bench paced peers peers_paced replay run offline "
                          "arithmetic")
    top.add_argument("--seconds", type=float, default=20.0, help="of each measurement of heychip bench")
    top.add_argument("--hours", type=float, nargs="+", default=list(HOURS), help="of recordings offline")
    top.add_argument("--members", type=int, nargs="+", default=list(MEMBERS))
    top.add_argument("--streams", type=int, nargs="+", default=list(STREAMS))
    top.add_argument("--peers", nargs=argparse.REMAINDER, default=[],
                     help="the rest is for tests.bench.peers: --audio DIR --seconds 40 --rounds 9")
    top.add_argument("--docs", type=Path, default=DOCS, help=argparse.SUPPRESS)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    args = parser().parse_args(argv)
    kept, page = args.docs / "cost.json", args.docs / "cost.md"
    try:
        found = json.loads(kept.read_text()) if kept.exists() else {}
        if args.measure is not None:
            found |= measured(args)
            write_whole(kept, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
        write_whole(page, filled(page.read_text(), blocks(found)).encode())
        for name, data in pictures(found).items():
            write_whole(args.docs / name, data)
    except (HeychipError, OSError, ValueError) as error:
        print(f"cost_page: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    return 0


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """The parts that were asked for. Raises UsageError."""
    known = parts(seconds=args.seconds, hours=args.hours, members=args.members, streams=args.streams,
                  peers=args.peers)
    if unknown := set(args.measure) - set(known):
        raise UsageError(f"--measure {' '.join(sorted(unknown))}: there are {', '.join(known)}")
    found = {}
    for name in args.measure or known:
        print(f"cost_page: {name}", file=sys.stderr, flush=True)
        found[name] = known[name]()
    return found


def filled(page: str, new: Mapping[str, str]) -> str:
    """The page with every block replaced. UsageError where one of either is without its partner."""
    there = set(re.findall(r"<!-- begin (\w+) -->", page))
    if there != set(new):
        odd = ", ".join(sorted(there ^ set(new)))
        raise UsageError(f"docs/cost.md and cost_blocks.py do not have the same blocks: {odd}")
    for name, text in new.items():
        begin, end = (f"<!-- {which} {name} -->" for which in ("begin", "end"))
        head, _, rest = page.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise UsageError(f"docs/cost.md has no {end}")
        page = f"{head}{begin}\n{text.strip()}\n{end}{tail}"
    return page


if __name__ == "__main__":
    sys.exit(main())
