"""Prints the table: `python -m tests.rig.unplug [--repeat N] [--backend NAME] [--jobs N] [EVENT ...]`."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.rig.unplug.rows import ROWS
from tests.rig.unplug.stage import Result, play


def main() -> int:
    """Exit code 1 where a row is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.unplug", description=__doc__)
    parser.add_argument("events", nargs="*", metavar="EVENT", help=", ".join(ROWS))
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--backend", default="sounddevice", choices=["sounddevice", "pyaudio"])
    parser.add_argument("--jobs", type=int, default=3, help="events at once, each with a server of its own")
    parser.add_argument("--story", action="store_true", help="all that was told, on standard error")
    args = parser.parse_args()
    names = args.events or list(ROWS)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:
        runs = [(name, i) for i in range(args.repeat) for name in names]
        futures = {
            (name, i): pool.submit(play, *ROWS[name], Path(folder) / f"{name}{i}", args.backend)
            for name, i in runs
        }
        found = {name: [futures[name, i].result() for i in range(args.repeat)] for name in names}
    print("| event | what was noticed | what the daemon did | hearing again after (median, most) |")
    print("|---|---|---|---|")
    for results in found.values():
        print(row(results))
    wrong = [r for results in found.values() for r in results if r.problems or r.slow]
    for result in [r for results in found.values() for r in results] if args.story else wrong:
        bad = "; ".join(result.problems + result.slow) or "as it should be"
        print(f"\n{result.title}, {result.backend}: {bad}\n{result.story}", file=sys.stderr)
    return bool(wrong)


def row(results: list[Result]) -> str:
    """One line of the table."""
    heard = [r.heard_s for r in results if r.heard_s is not None]
    exits = [r.exits[0][0] for r in results if r.exits]
    count = f"{len(exits)} of {len(results)}"
    ended = f"ended after {max(exits):.1f} s at most ({count})" if exits else "stayed up"
    noticed = [why[:60] for why in max((r.why for r in results), key=len)]
    again = f"{statistics.median(heard):.1f} s, {max(heard):.1f} s" if heard else "never"
    return f"| {results[0].title} | {'; '.join(noticed) or 'nothing'} | {ended} | {again} |"


if __name__ == "__main__":
    sys.exit(main())
