"""`heychip-synth`: the desktop's command line."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from edge import __version__
from edge.cli import Parser
from edge.errors import HeychipError

COMMANDS = ("make", "enroll", "evaluate", "voices", "negatives", "see")


def parser() -> argparse.ArgumentParser:
    """All subcommands."""
    about = "Makes hotword detectors from text alone or from three recordings, and teaches the eyes."
    top = Parser(prog="heychip-synth", description=about)
    top.add_argument("--version", action="version", version=f"heychip {__version__}")
    top.add_argument("--verbose", action="store_true", help="say more on standard error")
    subparsers = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"synth.commands.{name}").add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 where all went well, else that of the error; 130 after Ctrl-C."""
    args = parser().parse_args(argv)
    level = logging.INFO if args.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(name)s %(message)s")
    try:
        return int(args.main(args))
    except HeychipError as error:
        print(f"heychip-synth: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nheychip-synth: stopped; the same command goes on where it was", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
