"""The figures of docs/cost.md: the product's own commands, run and measured from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from edge.bundle import load_bundle
from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.manifest import BACKBONES
from tests.bench import arithmetic
from tests.bench.streams import AS_IT_IS, OWN, gather

ROOT = Path(__file__).parents[2]
BUNDLE = "hey_chip"
MEMBERS = (1, 2, 4, 8, 16, 32, 64, 128, 189, 256, 512)
STREAMS = (1, 2, 4, 8, 16, 32)
HOURS = (0.05, 0.25, 0.5, 1.0)
PACED = ("heychip", "openWakeWord", "pyopen-wakeword", "pymicro-wakeword")  # the other cannot keep up
PACED_S = 6.0  # of recordings in a round at the pace of the clock
SETTLED_S = 5.0  # until the daemon has loaded what it needs and listens


def parts(*, seconds: float, hours: Sequence[float], members: Sequence[int], streams: Sequence[int],
          peers: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """What there is to measure, by its key in cost.json. `peers` are more arguments for the peers' benchmark.
    Each raises UsageError where one of our own commands fails."""
    lists = [",".join(map(str, one)) for one in (members, streams)]
    ours = ("edge.cli", "bench", "--json", "--models", BUNDLE, "--seconds", f"{seconds:g}")
    paced = ("--realtime", "--seconds", f"{PACED_S:g}", "--rounds", "3", "--systems", *PACED)
    return {
        "bench": lambda: told_by(*ours, "--members", lists[0], "--streams", lists[1]),
        "paced": lambda: told_by(*ours, "--realtime"),
        "peers": lambda: told_by("tests.bench.peers", "--json", *peers),
        "peers_paced": lambda: told_by("tests.bench.peers", "--json", *peers, *paced),
        "replay": lambda: command("replay", str(ROOT / "models" / BUNDLE / "golden.wav")),
        "run": daemon,
        "offline": lambda: [offline(length) for length in hours],
        "arithmetic": _arithmetic,
    }


def _arithmetic() -> dict[str, Any]:
    bundle = load_bundle(BUNDLE)
    backbone = (files("edge") / "data" / f"{BACKBONES[bundle.manifest.backbone]}.onnx").read_bytes()
    return arithmetic.told(bundle, backbone)


def command(*arguments: str) -> dict[str, float]:
    """`heychip …` as a process: CPU seconds with its children's, seconds by the clock, MB at its peak.
    UsageError where it fails."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "-m", "edge.cli", *arguments], env=_environment(),
                                   stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise UsageError(f"heychip {arguments[0]} failed: {said.read().decode(errors='replace')[-300:]}")
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 3), "clock_s": round(time.monotonic() - started, 3),
            "peak_mb": round(used.ru_maxrss / 1024, 1)}


def offline(hours: float) -> dict[str, float]:
    """`heychip replay` of a recording of this length: our own few recordings, again and again."""
    sound = gather(None, 600.0).sounds[AS_IT_IS]
    with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
        file = Path(temporary) / "long.wav"
        with wave.open(str(file), "wb") as out:  # a piece at a time: our memory would count as the child's
            out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            for start in range(0, int(hours * 3600 * RATE_HZ), len(sound)):
                left = int(hours * 3600 * RATE_HZ) - start
                out.writeframes(sound[:left].astype("<i2").tobytes())
        return {"hours": hours, **command("replay", "--models", BUNDLE, str(file))}


def daemon() -> dict[str, float | None]:
    """`heychip run` that only listens, at the pace of the clock: MB resident once it has settled."""
    with tempfile.TemporaryDirectory(prefix="heychip-") as temporary:
        config = Path(temporary) / "listen.toml"
        recordings = json.dumps([str(path) for path in OWN])
        config.write_text(f'[microphone]\nbackend = "recording"\nfiles = {recordings}\n'
                          f'[listen]\nbundles = ["{BUNDLE}"]\n[speech]\nbackend = "silent"\n')
        command_line = [sys.executable, "-m", "edge.cli", "run", "--config", str(config)]
        process = subprocess.Popen(command_line, env=_environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            time.sleep(SETTLED_S)
            if process.poll() is not None:
                raise UsageError(f"heychip run ended by itself with status {process.returncode}")
            status = Path(f"/proc/{process.pid}/status").read_text()
            rows = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            return {"resident_mb": round(int(rows["VmRSS"].split()[0]) / 1024, 1),
                    "threads": int(rows["Threads"])}
        except FileNotFoundError:  # no Linux
            return {"resident_mb": None, "threads": None}
        finally:
            process.terminate()
            process.wait(timeout=60)


def told_by(module: str, *arguments: str) -> Any:
    """The object that a benchmark prints with --json. UsageError where it fails."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=_environment(),
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{module} {' '.join(arguments)} ended with status {done.returncode}")
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    """Ours, with one thread for numpy's products."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1"}
