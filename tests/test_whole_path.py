"""The main job, whole: a detector is trained here and now, and hears a voice that it has never heard."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from demo.stage import write_recording
from edge.bundle import load_bundle
from edge.files import sha256_of
from edge.listener import Listener
from edge.replay import replay
from synth.make import Order, make
from synth.presets import PRESETS
from synth.voices import open_engines

needs_voices = pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("flite")), reason="espeak-ng and flite are not installed")
SMALL = dataclasses.replace(PRESETS["quick"], sentences=200, rooms=12)
TINY = dataclasses.replace(SMALL, engines=("espeak-ng", "flite"), phrases=60, copies=2, near_misses=40,
                           sentences=60, speech_hours=0.02, rooms=2, steps=40)


@pytest.mark.slow
@needs_voices
def test_a_quick_detector_hears_a_held_out_voice(tmp_path):
    """Trained in a minute or two, it hears most calls of an engine it never met, soon, and little else."""
    if "kokoro" not in {engine.name for engine in open_engines(None)}:
        pytest.skip("the neural voices are not here: heychip-synth voices install kokoro")
    bundle = make(Order("hey chip", tmp_path / "bundle", SMALL, cache=tmp_path / "cache", force=True))
    lines = write_recording(tmp_path / "recording.wav")
    row = replay(Listener([load_bundle(bundle)]), tmp_path / "recording.wav")
    heard = [event["time_s"] for event in row["events"]]
    late = [[t - line.end_s for t in heard if -0.3 < t - line.end_s < 1.0] for line in lines if line.phrase]
    hits = sorted(times[0] for times in late if times)
    assert len(hits) >= 4, f"heard {len(hits)} of {len(late)}"
    assert len(heard) - len(hits) <= 1
    assert hits[len(hits) // 2] < 0.25


MAKE = """
import dataclasses, sys
from pathlib import Path
from synth.make import Order, make
from synth.presets import PRESETS
preset = dataclasses.replace(PRESETS["quick"], **{changes})
make(Order("hey chip", Path(sys.argv[1]), preset, cache=Path(sys.argv[2]), force=True, seed=3))
"""


@pytest.mark.slow
@needs_voices
def test_interrupted_and_resumed_is_the_same_bundle(tmp_path):
    """Ctrl-C in the middle loses nothing, and the same seed gives the same bundle hash."""
    changes = {f.name: getattr(TINY, f.name) for f in dataclasses.fields(TINY) if f.name != "name"}
    script = MAKE.replace("{changes}", repr(changes))

    def start(out: str, cache: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", script, str(tmp_path / out), str(tmp_path / cache)],
                                stderr=subprocess.DEVNULL, start_new_session=True)

    first = start("a", "cache")
    _wait_for(lambda: len(list((tmp_path / "cache").rglob("*.npz"))) >= 3, first)
    os.killpg(first.pid, signal.SIGINT)
    assert first.wait(60) != 0
    assert not (tmp_path / "a").exists()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.npz")}
    assert start("a", "cache").wait(300) == 0
    assert all(p.stat().st_mtime_ns == at for p, at in kept.items() if p.exists())
    assert start("b", "other").wait(300) == 0
    hashes = [sha256_of((tmp_path / name / "manifest.json").read_bytes()) for name in "ab"]
    assert hashes[0] == hashes[1]
    listed = json.loads((tmp_path / "a" / "manifest.json").read_text())["files"]
    assert all(sha256_of((tmp_path / "a" / name).read_bytes()) == digest for name, digest in listed.items())


def _wait_for(condition, process, most_s: float = 240) -> None:
    end_s = time.monotonic() + most_s
    while not condition():
        assert process.poll() is None, f"ended with {process.returncode} before it could be interrupted"
        assert time.monotonic() < end_s, "nothing happened"
        time.sleep(0.05)
