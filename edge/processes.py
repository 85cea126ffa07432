"""Other programs: started from an argument list, in a process group of their own, ended with all of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

KILLED_S = 1.0  # after a kill, how long to wait for pipes that a runaway grandchild may hold


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    code: int
    """its exit status, negative where a signal ended it"""
    output: bytes
    complaint: str
    """the last line on its standard error"""


def environment() -> dict[str, str]:
    """Ours, without the sockets of the service manager: those are for the daemon alone."""
    ours = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    return {name: value for name, value in os.environ.items() if name not in ours}


def run_group(
    argv: Sequence[str],
    data: bytes | IO[bytes] = b"",
    *,
    timeout_s: float,
    started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> Finished:
    """Run a program to its end with `data` as standard input, either bytes or an open file.

    After `timeout_s` the whole process group is killed and TimeoutError raised. `started` is handed the
    process, so that another thread may kill it. Raises OSError where it cannot be started.
    """
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE if isinstance(data, bytes) else data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment(),
    )
    started(process)
    try:
        output, errors = process.communicate(data if isinstance(data, bytes) else None, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        end_group(process)
        raise TimeoutError(f"{argv[0]} was killed after {timeout_s:.0f} s") from error
    except BaseException:
        end_group(process)
        raise
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return Finished(process.returncode, output, lines[-1][:200] if lines else "")


def kill_group(group: int) -> None:
    """SIGKILL to every process of a group; a group that is gone is fine."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def group_lives(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it has become somebody else's
        return False
    return True


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs and its children, close its pipes and collect its status."""
    kill_group(process.pid)  # start_new_session makes the child the leader of a group with its own number
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what was still to be written has no reader any more
                continue
    try:
        process.wait(KILLED_S)
    except subprocess.TimeoutExpired:
        return  # asleep in the kernel, for instance on a broken sound card; nothing can end it
