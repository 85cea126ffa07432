"""A process that holds one listening program and says what it costs, on one core and with its children.

    python -m tests.bench.worker ENGINE MODEL CACHE [--realtime]

Then a line on standard input is a file of int16 samples at 16 kHz to listen to; its answer is a JSON object
on standard output: `cpu_s` and the `hops` that were heard, or `error`. The first answer comes when the
program is loaded.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

STEP, RATE_HZ = 1280, 16_000
REALTIME = "--realtime"
FIRST_HOPS = 25  # two seconds, heard before it counts as started
MOST_CPU_S = 6.0  # of one answer: what is slower than real time hears only the first part
WARM_UP_HOPS = 125  # ten more, so that every program has its windows full


def cpu_s() -> float:
    """CPU seconds of this process, all its threads, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(argv: Sequence[str]) -> NoReturn:
    """Until standard input ends."""
    if hasattr(os, "sched_setaffinity"):  # before anything can start threads: they count the cores first
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a program prints is no answer

    def answer(row: dict[str, Any]) -> None:
        print(json.dumps(row), file=answers, flush=True)

    try:
        answer(_serve_first(argv))
        for line in sys.stdin:
            answer(_listened(Path(line.strip()), realtime=REALTIME in argv))
    except Exception as error:  # whatever a stranger's code raises is an answer
        answer({"error": f"{type(error).__name__}: {str(error).strip()[:300]}"})
        os._exit(1)
    os._exit(0)  # a stranger's threads may still wait for sound, and Python would wait for them


def _serve_first(argv: Sequence[str]) -> dict[str, Any]:
    """Opens the engine, lets it hear a quiet room, and says what that took."""
    global _engine  # noqa: PLW0603 - this process is that engine
    import numpy as np

    from edge.bench.board import resident_mb
    from tests.bench.engines import open_engine

    engine, model, cache = argv[:3]
    _engine = open_engine(engine, model, Path(cache))
    noise = np.random.RandomState(0).standard_normal(((FIRST_HOPS + WARM_UP_HOPS), STEP))
    quiet = np.round(noise * 10).astype(np.int16)  # about -70 dB of full scale
    _engine(quiet[:FIRST_HOPS])
    started_s = cpu_s()
    _heard(quiet[FIRST_HOPS:])
    return {"start_cpu_s": round(started_s, 3), "resident_mb": resident_mb(),
            "peak_mb": resident_mb(peak=True)}


_engine: Any = None


def _listened(file: Path, *, realtime: bool) -> dict[str, Any]:
    import numpy as np

    hops = np.fromfile(file, np.int16).reshape(-1, STEP)
    return _paced(hops) if realtime else _heard(hops)


def _heard(hops: Any) -> dict[str, Any]:
    """Listens to as much of it as `MOST_CPU_S` allow, by the second or two."""
    heard, before = 0, cpu_s()
    while heard < len(hops) and cpu_s() - before < MOST_CPU_S:
        _engine(hops[heard : heard + FIRST_HOPS])
        heard += len(hops[heard : heard + FIRST_HOPS])
    return {"cpu_s": cpu_s() - before, "hops": heard}


def _paced(hops: Any) -> dict[str, Any]:
    """The same, a hop every 80 ms, as a microphone gives them; what it takes to wait is not counted."""
    due, spent, heard = time.monotonic(), 0.0, 0
    while heard < len(hops) and spent < MOST_CPU_S:
        due += STEP / RATE_HZ
        time.sleep(max(0.0, due - time.monotonic()))
        before = cpu_s()
        _engine(hops[heard : heard + 1])
        spent, heard = spent + cpu_s() - before, heard + 1
    return {"cpu_s": spent, "hops": heard}


if __name__ == "__main__":
    main(sys.argv[1:])
