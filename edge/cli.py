"""`heychip`: the command line. Each command is a file in edge/commands, imported when it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

from edge import __version__, logs
from edge.errors import HeychipError

COMMANDS = ("run", "replay", "look", "listen", "say", "devices", "lights", "models", "memory", "doctor",
            "bench")
INTERRUPTED = 130  # 128 + SIGINT, as shells tell it
BROKEN_PIPE = 141  # 128 + SIGPIPE


class Parser(argparse.ArgumentParser):
    """Takes options before, between and behind the files of a command. A plain one takes the first files that
    stand together, and refuses what comes after the next option."""

    _inside = False

    def parse_known_args(  # type: ignore[override]  # its overloads tell kinds of namespaces apart
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As ever; the namespace tells in `command_line` all that a command was given, in its order."""
        # Behind a -- there may be names that look like options, which two passes would take for such.
        if args is None or self._inside or self._subparsers or "--" in args:
            found, rest = super().parse_known_args(args, namespace)
        else:
            self._inside = True  # for it calls this one, twice
            try:
                found, rest = self.parse_known_intermixed_args(args, namespace)
            finally:
                self._inside = False
        found.command_line = list(args or ())
        return found, rest


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of these commands; their modules import nothing heavy until they run."""
    parser = Parser(
        prog="heychip",
        description="Hears a word, sees a thing, speaks back.",
        epilog="Exit codes: 0 fine, 2 usage, 3 configuration, 4 device, 5 model.",
    )
    parser.add_argument("--version", action="version", version=f"heychip {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name in commands:
        import_module(f"edge.commands.{name}").add(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    logs.setup("warning")
    named = [argv[0]] if argv and argv[0] in COMMANDS else COMMANDS
    try:
        args = build_parser(named).parse_args(argv)
        with logs.own_stderr() if args.command == "run" else nullcontext():
            code = int(import_module(f"edge.commands.{args.command}").main(args))
        sys.stdout.flush()
    except HeychipError as error:
        print(f"heychip: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not raise again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


if __name__ == "__main__":
    sys.exit(main())
