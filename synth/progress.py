"""What a person sees while they wait: a bar for every stage on a terminal, a line for each elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A line to the person who waits."""
    console.print(text, markup=False)


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with how many more are done."""
    started, done = time.monotonic(), 0
    if not sys.stderr.isatty():

        def count(n: int = 1) -> None:
            nonlocal done
            done += n

        yield count
    else:
        what_column = TextColumn("{task.description:<34}")
        columns = (what_column, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(what, total=total)

            def advance(n: int = 1) -> None:
                nonlocal done
                done += n
                progress.advance(task, n)

            yield advance
    say(f"  {what:<34} {done:>7,} in {time.monotonic() - started:5.1f} s")
