"""arm64 under emulation: heychip installs from wheels alone, and hears there what it hears here.

Emulated times say nothing of a Pi's speed; what is compared is what comes out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machine import CACHE, REPOSITORY, Overlay, missing, source_tree

from demo.stage import write_recording

pytestmark = [
    pytest.mark.rig,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing("arm64", "chroot")), reason=f"needs {missing('arm64', 'chroot')}"),
]
GOLDEN = REPOSITORY / "models" / "hey_chip" / "golden.wav"
ENV = ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/root", "PYTHONDONTWRITEBYTECODE=1"]


@contextmanager
def bound(source: Path | str, place: Path) -> Iterator[None]:
    """A folder or a file of this machine, to be seen in the root."""
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()
    subprocess.run(["mount", "--bind", str(source), str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root of arm64 with its own pip, and wheels for it; /proc and /sys are not mounted, because ONNX
    Runtime takes this machine's for its own and crashes."""
    with ExitStack() as stack:
        root = stack.enter_context(Overlay(CACHE / "arm64", tmp_path_factory.mktemp("arm64"))).root
        stack.enter_context(bound(CACHE / "wheels" / "aarch64", root / "wheels"))
        stack.enter_context(bound("/dev/null", root / "dev" / "null"))
        stack.enter_context(bound("/dev/urandom", root / "dev" / "urandom"))
        yield root


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same root with heychip in it: its wheel and those of what it asks for; nothing is compiled."""
    source = source_tree(tmp_path_factory.mktemp("source"))
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
    ]
    build += ["--find-links", str(CACHE / "wheels" / "aarch64"), "-w", str(root / "opt"), str(source)]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = (root / "opt").glob("heychip-*-py3-none-any.whl")
    install = ["/opt/heychip/bin/pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    install += ["--no-index", "--find-links", "/wheels", "--only-binary=:all:", f"/opt/{wheel.name}"]
    subprocess.run(["chroot", str(root), *ENV, *install], check=True, timeout=3000)
    return root


def replayed(command: list[str], *files: Path | str) -> list[dict[str, Any]]:
    """What `heychip replay` says of recordings."""
    command = [*command, "replay", "--models", "hey_chip", "--trace", "--json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_arm64_hears_the_same(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the bundle's golden recording and the demo's, every event comes at the same time from the same
    member as here, and the margins differ by rounding alone."""
    machine = subprocess.run(
        ["chroot", str(installed), *ENV, "/usr/bin/uname", "-m"], capture_output=True, text=True, check=True
    )
    assert machine.stdout == "aarch64\n"
    (installed / "tmp" / "golden.wav").write_bytes(GOLDEN.read_bytes())
    write_recording(installed / "tmp" / "demo.wav")
    files = [installed / "tmp" / name for name in ("golden.wav", "demo.wav")]
    here = replayed([sys.executable, "-m", "edge.cli"], *files)
    inside = ["chroot", str(installed), *ENV, "/opt/heychip/bin/heychip"]
    there = replayed(inside, *(Path("/", file.relative_to(installed)) for file in files))
    assert [len(row["events"]) > 0 for row in here] == [True, True], (
        "nothing is heard, so this proves nothing"
    )
    for ours, theirs in zip(here, there, strict=True):
        told = [[(e["time_s"], e["word"], e["member"]) for e in row["events"]] for row in (ours, theirs)]
        assert told[0] == told[1]
        difference = np.abs(np.subtract(ours["margin"], theirs["margin"]))
        with capsys.disabled():
            print(
                f"\narm64: {Path(theirs['file']).name}: {len(told[0])} events the same, "
                f"{len(difference)} hops, margins differ by {difference.max():.2g} at most"
            )
        assert difference.max() < 0.01
