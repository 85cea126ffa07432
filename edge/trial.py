"""The first load of a model file, in a child process: what kills the child would have killed the daemon.

A malformed model can make ONNX Runtime crash, eat all memory or never come back. So a file that was not tried
before, with this version of ONNX Runtime, is run in a process of its own that may take 5 s of CPU and 1 GB.
What came of it is kept by sha256 in a cache; without a place for the cache, every start tries again.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from edge.files import sha256_of, sweep, write_whole

CPU_S = 5
MEMORY_BYTES = 2**30  # above what numpy and onnxruntime take by themselves
WAIT_S = 60.0  # for the child as a whole: a Pi that swaps takes its time, and CPU_S holds anyway
MOST_KEPT = 500
_CHILD = (sys.executable, "-P", "-m", "edge.trial")  # -P: an `edge` in the working directory is not ours
_log = logging.getLogger(__name__)


def try_first(
    data: bytes, where: object, *, cpu_s: int = CPU_S, memory_bytes: int = MEMORY_BYTES,
    child: Sequence[str] = _CHILD,
) -> None:  # fmt: skip
    """Run a model in a child process unless that went well before. ModelError where it did not or does not.

    A file that failed stays quarantined: it is refused from the cache without being run again.
    """
    from edge.sessions import runtime

    key = f"{sha256_of(data)} onnxruntime {runtime(where).__version__}"
    kept = _read_cache()
    if key not in kept:
        reason, keep, _ = run_child(data, where, [*child, str(cpu_s), str(memory_bytes)])
        if not keep:
            raise ModelError(where, f"failed its trial: it {reason}", "start again to have it tried again")
        kept[key] = reason
        _write_cache(kept)
    if reason := kept[key]:
        remedy = f"replace the file; the trial is remembered in {cache_file() or 'no file'}"
        raise ModelError(where, f"is quarantined: tried in a process of its own, it {reason}", remedy)


def run_child(data: bytes, where: object, argv: list[str]) -> tuple[str, bool, dict[str, Any]]:
    """What went wrong ('' if nothing did), whether that is the file's own doing and worth remembering, and
    all that the child said. `argv` ends with the seconds of CPU and the bytes of memory that it may take."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(argv, input=data, capture_output=True, timeout=WAIT_S, env=env, check=False)
    except subprocess.TimeoutExpired:
        return f"did not come back within {WAIT_S:.0f} s", False, {}
    except OSError as error:
        raise ModelError(where, f"could not be tried in a process of its own: {error}") from error
    if done.returncode < 0:
        died = signal.Signals(-done.returncode).name
        words = {
            "SIGXCPU": f"took more than {argv[-2]} s of CPU time ({died})",
            "SIGKILL": f"was killed, perhaps because memory ran out ({died})",
        }
        return words.get(died, f"crashed ({died})"), died != "SIGKILL", {}
    try:
        answer = dict(json.loads(done.stdout))
        reason = answer["reason"]
    except (ValueError, KeyError, TypeError):
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        return f"ended with status {done.returncode} and said: {said[0][:200]}", False, {}
    return str(reason), True, answer


def cache_file() -> Path | None:
    """Where results are kept: $XDG_CACHE_HOME, systemd's $CACHE_DIRECTORY, ~/.cache, or nowhere."""
    if asked := os.environ.get("XDG_CACHE_HOME"):
        return Path(asked) / "heychip" / "tried.json"
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0]) / "tried.json"
    try:
        return Path.home() / ".cache" / "heychip" / "tried.json"
    except RuntimeError:  # a user without a home
        return None


def _read_cache() -> dict[str, str]:
    """Key to reason, '' for a file that did well. Without a sound cache every file is tried again."""
    place = cache_file()
    try:
        found = json.loads(place.read_bytes()) if place else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): reason for key, reason in found.items() if isinstance(reason, str)}


def _write_cache(kept: dict[str, str]) -> None:
    place = cache_file()
    if place is None:
        return
    newest = dict(list(kept.items())[-MOST_KEPT:])
    try:
        sweep(place)
        write_whole(place, json.dumps(newest, indent=1).encode())
    except OSError as error:
        _log.debug("event=trial_not_kept path=%s reason=%r", place, str(error))


def limit(cpu_s: int, memory_bytes: int) -> None:
    """From here on: so much more CPU and memory, no files, no core dump; the first to go if memory ends."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used.ru_utime + used.ru_stime) + 1 + cpu_s
    limits = {resource.RLIMIT_CPU: cpu, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0}
    proc = Path("/proc/self")
    if (proc / "statm").is_file():  # Linux
        pages = int((proc / "statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + memory_bytes
    for kind, most in limits.items():
        # A hardened service may forbid it or be stricter; then its own limits hold, and the parent's clock.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    with contextlib.suppress(OSError):
        (proc / "oom_score_adj").write_text("1000")


def _run(data: bytes) -> str:
    """Load a model and run it on zeros and on noise; '' if all is well, else what was not, after 'it …'."""
    import numpy as np

    from edge.sessions import explain, runtime, session

    try:
        opened = session(data, "model")
    except ModelError as error:
        return error.reason + (f"; {error.remedy}" if error.remedy else "")
    finite = False
    noise = np.random.default_rng(0)
    for round_ in range(3):
        feeds: dict[str, Any] = {}
        for one in opened.get_inputs():
            if one.type != "tensor(float)":
                return f"wants {one.type} as input, not tensor(float)"
            shape = [axis if isinstance(axis, int) else 1 for axis in one.shape]
            feeds[one.name] = (noise.standard_normal(shape) * 10 * (round_ > 0)).astype(np.float32)
        try:
            results = opened.run(None, feeds)
        except Exception as error:  # ONNX Runtime's exceptions have no common base but this one
            return explain(str(error), runtime("").__version__)[0]
        finite = finite or any(bool(np.isfinite(result).any()) for result in results if result.size)
    return "" if finite else "gave no finite number"


def main() -> int:
    """The child: a model on standard input, one line of JSON on standard output."""
    cpu_s, memory_bytes = (int(word) for word in sys.argv[1:3])
    data = sys.stdin.buffer.read()
    for heavy in ("numpy", "onnxruntime"):  # the limits are for the model, not for loading these
        importlib.import_module(heavy)
    limit(cpu_s, memory_bytes)
    try:
        reason = _run(data)
    except MemoryError:
        reason = "needs more memory than it may take"
    print(json.dumps({"reason": reason}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
