"""The subcommands of `heychip-synth`, one file each: `add` describes it to argparse, `main` does it."""

from __future__ import annotations

import argparse

from edge.errors import UsageError


def check_counts(args: argparse.Namespace) -> None:
    """Refuses numbers of `--jobs` and `--seed` that mean nothing. Raises UsageError."""
    if args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least 1")
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed}: at least 0")
