"""An independent scorer and `heychip-synth evaluate` hear the same sound and come to the same counts."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from bundles import FLOAT, change_manifest, make_bundle, model
from onnx import helper

from edge.wav import read_wav
from synth.cli import main
from synth.mixtures import Pool, Talk, calls
from synth.recordings import audio_files, read_mono
from synth.streaming import Stage
from tests.shared import NEGATIVES, POSITIVES, SHARED, needs_shared

SCORER = SHARED / "tools" / "score.py"
pytestmark = [
    needs_shared,
    pytest.mark.skipif(not SCORER.is_file(), reason=f"no independent scorer at {SCORER}"),
]
CLIPS, STREAMS = 10, 6


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    """It shares no line with ours."""
    pytest.importorskip("soundfile")
    spec = importlib.util.spec_from_file_location("judge", SCORER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten calls in two sub-folders, with a file that is no recording among them, and six streams."""
    root = tmp_path_factory.mktemp("recordings")
    calls_, talk = root / "calls", root / "talk"
    for k, file in enumerate(sorted((POSITIVES / "computer").iterdir())[:CLIPS]):
        _link(file, calls_ / ("b" if k < CLIPS // 2 else "a") / file.name)
    for file in sorted(NEGATIVES.rglob("*.ogg"))[:: 519 // STREAMS][:STREAMS]:
        _link(file, talk / file.name)
    (calls_ / "a" / "000.wav").write_bytes(b"no recording")
    return calls_, talk


def _link(file: Path, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(file.resolve())


@pytest.fixture(scope="module")
def bundle(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three members with weights by chance, whose thresholds lie where half of the calls are missed."""
    weights = {"w": np.random.default_rng(5).normal(0, 0.02, (16 * 96, 3)).astype(np.float32)}
    nodes = [helper.make_node("Flatten", ["embeddings"], ["flat"]),
             helper.make_node("MatMul", ["flat", "w"], ["logits"])]
    onnx = model(nodes, weights, outputs=[("logits", FLOAT, [1, 3])]).SerializeToString()
    folder = make_bundle(tmp_path_factory.mktemp("bundles"), 3, onnx_bytes=onnx)
    stage = Stage([folder])
    clips = [file for file in audio_files(folders[0]) if file.suffix == ".flac"]
    sounds = [call.sound() for call in calls(clips, None, Pool(folder, 0))]
    heard = [stage.answers(sound)[0].members.max(axis=0) for sound in sounds]

    def raised(manifest: dict) -> None:
        for member, by in zip(manifest["members"], np.quantile(heard, 0.7, axis=0), strict=True):
            member["threshold"] += float(by)

    return change_manifest(folder, raised)


def test_files_are_found_and_read_as_the_judge_does(scorer: ModuleType, folders: tuple[Path, Path]) -> None:
    """The same files in the same order, with the same samples, also of compressed ones at another rate."""
    for folder in folders:
        assert audio_files(folder) == scorer.audio_files(folder)
    for file in (*sorted(folders[0].rglob("*.flac"))[:2], *sorted(folders[1].iterdir())):
        assert np.array_equal(read_mono(file), scorer.read_mono(file))


@pytest.mark.parametrize("snr_db", [None, 10.0])
def test_mixtures_are_the_judges(
    scorer: ModuleType, folders: tuple[Path, Path], tmp_path: Path, snr_db: float | None
) -> None:
    """Every sample of a call is what the scorer writes into its wav file: levels, noises and chance."""
    import soundfile

    talk = audio_files(folders[1])
    chosen = np.random.default_rng(7).choice(len(talk), len(talk), replace=False)
    theirs = [sound / (np.abs(sound).max() + 1e-6) for sound in (scorer.read_mono(talk[k]) for k in chosen)]
    clips = sorted(folders[0].rglob("*.flac"))[:4]
    for k, call in enumerate(calls(clips, snr_db, Pool.of(talk, tmp_path))):
        noise = None if snr_db is None else "pink" if k % 2 else "babble"
        sound = scorer.positive(call.path, noise, snr_db or 0.0, theirs, k)
        soundfile.write(tmp_path / "x.wav", sound, 16_000, subtype="PCM_16")
        assert np.array_equal(call.sound(), read_wav(tmp_path / "x.wav").samples[:, 0])


def test_streams_are_the_judges(scorer: ModuleType, folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Every sample of a stream of other sound, too."""
    import soundfile

    file = audio_files(folders[1])[0]
    sound = scorer.read_mono(file)
    soundfile.write(tmp_path / "x.wav", sound / (np.abs(sound).max() + 1e-6) * 0.5, 16_000, subtype="PCM_16")
    assert np.array_equal(Talk(file).sound(), read_wav(tmp_path / "x.wav").samples[:, 0])


def test_counts_are_the_judges(
    folders: tuple[Path, Path], bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Misses at every rate and at the own thresholds, clean and at 10 dB, and false accepts are the same."""
    pytest.importorskip("soundfile")
    where = ["--positives", str(folders[0]), "--negatives", str(folders[1])]
    command = [sys.executable, str(SCORER), "--bundle", str(bundle), *where,
               "--heychip", shlex.join([sys.executable, "-m", "edge.cli"])]
    judged = subprocess.run(command, capture_output=True, text=True, check=True)
    judge = json.loads(judged.stdout)
    assert main(["evaluate", str(bundle), *where, "--jobs", "1", "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert judge["clips"] == CLIPS == ours["misses"]["clean"]["of"]
    assert judge["negative_hours"] == round(ours["false_accepts"]["hours"], 2)
    assert judge["default"]["false_alarms_per_hour"] == ours["false_accepts"]["per_hour"] > 0
    names = {"clean": "clean", "noisy": "10 dB"}
    found = {rate: {theirs: row[our]["percent"] for theirs, our in names.items()}
             for rate, row in {**ours["at_false_accepts_per_hour"], "own": ours["misses"]}.items()}
    rows = {**judge["at"], "own": judge["default"]}
    assert found == {rate: {name: row[name]["miss"] for name in names} for rate, row in rows.items()}
    assert len({miss for row in found.values() for miss in row.values()} - {0.0, 100.0}) > 1
