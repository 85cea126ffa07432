"""A fresh process that loads what listening needs and hears a little: start-up and memory.

    python -m edge.bench.start STREAMS BUNDLE...       prints one JSON object
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEARD_HOPS = 25  # two seconds
WAIT_S = 300.0


def start(bundles: Sequence[str], *, streams: int = 1) -> dict[str, Any] | None:
    """CPU seconds until so many listeners have heard two seconds, and MB resident then; None where that
    failed."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-m", "edge.bench.start", str(streams), *bundles]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=WAIT_S, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return found


def main(argv: Sequence[str]) -> int:
    """The child."""
    from edge.bench.board import resident_mb
    from edge.bench.sound import QUIET_DB, room
    from edge.bench.stages import listener
    from edge.bundle import load_bundle
    from edge.events import HOP_S, STEP

    streams, bundles = int(argv[0]), [load_bundle(Path(bundle)) for bundle in argv[1:]]
    ears = [listener(bundles) for _ in range(streams)]
    loaded_s = time.process_time()
    for hop in room(QUIET_DB, HEARD_HOPS * HOP_S).reshape(-1, STEP):
        for one in ears:
            one.step(hop)
    told = {"load_cpu_s": round(loaded_s, 3), "cpu_s": round(time.process_time(), 3),
            "resident_mb": resident_mb(), "peak_mb": resident_mb(peak=True)}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
