"""Activation: what is put into use, what is refused, and the way back."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bundles import FLOAT, change_manifest, make_bundle, model, open_wake_word
from onnx import helper
from tones import silence, tone, tone_bundle

from edge import activate
from edge.active import ACTIVE, KEPT, active, versions
from edge.bundle import find_bundle, known_bundles, load_bundle, verify_bundle
from edge.errors import ModelError
from edge.files import sha256_of
from edge.listener import Listener
from edge.wav import write_wav

ROOT = Path(__file__).parents[2]
QUIET = silence(3)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models; nothing else is in sight."""
    monkeypatch.setenv("HEYCHIP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("edge.model_folders.shipped_folders", list)
    monkeypatch.setattr("edge.model_folders.SYSTEM_FOLDER", tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles are not heard: for tests of what comes after, which would only take longer."""
    monkeypatch.setattr("edge.activate.hear_first", lambda *_: {})


def bundle(
    place: Path, *, seed: int = 0, onnx: bytes | None = None, counter: np.ndarray | None = QUIET
) -> Path:  # fmt: skip
    """A bundle that hears a tone, with recordings to try it with; `seed` makes another version of it."""
    folder = tone_bundle(place) if onnx is None else make_bundle(place, 2, name="tone", onnx_bytes=onnx)
    sounds = {"golden": np.concatenate([silence(2), tone(1), silence(1)])}
    sounds |= {} if counter is None else {"counter": counter}
    files = {"detectors.onnx": sha256_of((folder / "detectors.onnx").read_bytes())}
    tables = {}
    for key, sound in sounds.items():
        write_wav(folder / f"{key}.wav", sound, 16_000)
        tables[key] = {"file": f"{key}.wav", "heard": key == "golden", "margin": 1.0}
        files[f"{key}.wav"] = sha256_of((folder / f"{key}.wav").read_bytes())
    (folder / "report.html").write_text(f"<p>{seed}</p>")
    files["report.html"] = sha256_of((folder / "report.html").read_bytes())
    return change_manifest(folder, lambda m: m.update(tables, seed=seed, files=files))


def in_use() -> int | None:
    """The seed of the bundle that the name means, all of whose files are whole."""
    assert not any(check.bad for check in verify_bundle("tone"))
    return load_bundle("tone").manifest.seed


def test_a_bundle_is_put_into_use(tmp_path: Path, models: Path) -> None:
    """Copied with all that its manifest lists and nothing else, under its name; then the next; the folder
    that it came from is not needed any more."""
    source = bundle(tmp_path / "a")
    (source / "notes.txt").write_text("mine")
    place, margins = activate.activate(source)
    shutil.rmtree(source)
    assert find_bundle("tone") == place == models / KEPT / "000001" / "tone"
    assert known_bundles() == {"tone": place}
    assert not (place / "notes.txt").exists()
    assert margins["golden.wav"] > 0 > margins["counter.wav"]
    activate.activate(bundle(tmp_path / "b", seed=1))
    assert in_use() == 1
    assert versions(models) == {"tone": ["000002", "000001"]}


def test_a_bundle_may_take_another_name(tmp_path: Path) -> None:
    """So that the configuration need not change; names that are paths are refused."""
    activate.activate(bundle(tmp_path / "a"), name="hey_chip")
    assert load_bundle("hey_chip").manifest.word == "tone"
    for name in ("../x", "a/b", ".x", "x.onnx"):
        with pytest.raises(ModelError, match="is no name for a bundle"):
            activate.activate(tmp_path / "a" / "tone", name=name)


@pytest.mark.usefixtures("untried")
def test_what_was_copied_by_hand_is_gone_back_to(tmp_path: Path, models: Path) -> None:
    """A folder beside it stays where it is; the activated one is meant, until it is rolled back."""
    bundle(models, seed=5)
    activate.activate(bundle(tmp_path / "a", seed=6))
    assert in_use() == 6
    assert activate.roll_back("tone") == models / "tone"
    assert in_use() == 5
    with pytest.raises(ModelError, match="was not activated"):
        activate.roll_back("tone")


@pytest.mark.usefixtures("untried")
def test_three_versions_are_kept(tmp_path: Path, models: Path) -> None:
    """One in use and two to go back to; the first has none before it, and stays."""
    for seed in range(5):
        activate.activate(bundle(tmp_path / str(seed), seed=seed))
    assert sorted(path.name for path in (models / KEPT).iterdir()) == ["000003", "000004", "000005"]
    for seed in (3, 2):
        activate.roll_back("tone")
        assert in_use() == seed
    with pytest.raises(ModelError, match="has no version to go back to"):
        activate.roll_back("tone")
    assert in_use() == 2


def refused(source: Path, **keys: object) -> str:
    """What is said of it; the bundle in use stays as it was, and nothing is left behind."""
    models = activate.models_folder()
    before = sorted(models.rglob("*"))
    with pytest.raises(ModelError) as caught:
        activate.activate(source, **keys)  # type: ignore[arg-type]
    assert [path for path in sorted(models.rglob("*")) if path.name not in {".lock", KEPT}] == [
        path for path in before if path.name not in {".lock", KEPT}]  # fmt: skip
    return str(caught.value)


def always(logit: float) -> bytes:
    """A detector that says the same of everything."""
    nodes = [
        helper.make_node("Flatten", ["embeddings"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
    ]
    weights = {"w": np.zeros((1536, 2), np.float32), "b": np.full(2, logit, np.float32)}
    data: bytes = model(nodes, weights, outputs=[("logits", FLOAT, [1, 2])]).SerializeToString()
    return data


def test_what_will_not_do_is_refused(tmp_path: Path) -> None:
    """Deaf, hearing everything, hearing its counter-example, damaged, without a recording: each is told of in
    words, and the one in use stays."""
    activate.activate(bundle(tmp_path / "good", seed=1))
    assert "does not hear its word in golden.wav" in refused(bundle(tmp_path / "deaf", onnx=always(-5)))
    assert "hears its word in counter.wav" in refused(bundle(tmp_path / "all", onnx=always(5)))
    assert "hears its word in noise" in refused(bundle(tmp_path / "old", onnx=always(5), counter=None))
    said = np.concatenate([silence(1), tone(0.9), silence(1)])
    assert "hears its word in counter.wav" in refused(bundle(tmp_path / "counter", counter=said))
    damaged = bundle(tmp_path / "damaged")
    (damaged / "golden.wav").write_bytes(b"RIFF")
    assert "golden.wav is changed" in refused(damaged)
    mute = change_manifest(bundle(tmp_path / "mute"), lambda m: m.pop("golden"))
    assert "name a recording of the word with --hears" in refused(mute)
    assert "does not hear its word in room.wav" in refused(mute, hears=wav(tmp_path / "room.wav", silence(2)))
    assert "there is no such bundle" in refused(tmp_path / "nothing")
    assert in_use() == 1


def wav(path: Path, sound: np.ndarray) -> Path:
    """A recording."""
    write_wav(path, sound, 16_000)
    return path


def test_the_shipped_bundle_passes_without_a_counter_example() -> None:
    """It was made before there were any: silence, hiss and shaped noise are far from its threshold."""
    margins = activate.activate(ROOT / "models" / "hey_chip")[1]
    assert margins["golden.wav"] > 0
    assert load_bundle("hey_chip").manifest.counter is not None or margins["noise"] < -3


def test_a_file_that_kills_its_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What crashes crashes in the child: here the child that listens, after the first trial went well."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr("edge.hearing_trial._CHILD", (sys.executable, "-c", program))
    assert "it crashed (SIGSEGV)" in refused(bundle(tmp_path / "a"))


def test_a_single_file_needs_a_recording(tmp_path: Path) -> None:
    """A model of openWakeWord has nothing to be tried with; with --hears it is activated as any other."""
    (tmp_path / "robot.onnx").write_bytes(open_wake_word())
    assert "--hears" in refused(tmp_path / "robot.onnx")
    path = wav(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32))
    said = refused(tmp_path / "robot.onnx", hears=path)  # this one hears whatever is loud
    assert "hears its word in noise" in said or "does not hear" in said


@pytest.mark.usefixtures("untried")
def test_two_at_once(tmp_path: Path, models: Path) -> None:
    """The second is refused, and neither is the worse for it."""
    activate.activate(bundle(tmp_path / "a", seed=1))
    with (models / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another activation is going on" in refused(bundle(tmp_path / "b", seed=2))
        with pytest.raises(ModelError, match="another activation is going on"):
            activate.roll_back("tone")
    assert in_use() == 1


@pytest.mark.usefixtures("untried")
def test_a_version_that_is_gone_is_passed_over(
    tmp_path: Path, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A careless hand removed it: the one before it is in use, loudly."""
    for seed in (1, 2):
        activate.activate(bundle(tmp_path / str(seed), seed=seed))
    shutil.rmtree(models / KEPT / "000002")
    assert in_use() == 1
    assert "version_missing name=tone version=000002" in caplog.text
    activate.activate(bundle(tmp_path / "c", seed=3))
    assert in_use() == 3


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("junk", [b"", b"\0" * 50, b"{", b"[1]", b'{"tone": "1"}', b'{"tone": ["../x"]}'])
def test_a_damaged_list_is_made_up_for(tmp_path: Path, models: Path, junk: bytes) -> None:
    """The newest version that is there is in use, and the next activation writes the list anew."""
    for seed in (1, 2):
        activate.activate(bundle(tmp_path / str(seed), seed=seed))
    (models / ACTIVE).write_bytes(junk)
    assert in_use() == 2
    activate.activate(bundle(tmp_path / "c", seed=3))
    assert in_use() == 3
    assert json.loads((models / ACTIVE).read_text())["tone"][0] == "000003"


@pytest.mark.usefixtures("untried")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """It is told of, with the remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written to"):
        activate.activate(bundle(tmp_path / "a"), folder=tmp_path / "file" / "models")


@pytest.mark.usefixtures("untried")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_activates_belongs_to_the_service(tmp_path: Path) -> None:
    """So that the daemon can go back by itself."""
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 4321, 4321)
    place, _ = activate.activate(bundle(tmp_path / "a"), folder=tmp_path / "state" / "models")
    for path in (tmp_path / "state").rglob("*"):
        if path.name not in {".lock", ACTIVE}:  # it may replace these in its own folder
            assert path.stat().st_uid == 4321, path
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    assert active(tmp_path / "state" / "models")["tone"] == place


def test_the_command(tmp_path: Path, models: Path) -> None:
    """`heychip models activate` and `rollback`, as a person types them; replay hears with what is in use."""
    bundle(models, seed=1)
    bundle(tmp_path / "new", seed=2)

    def heychip(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "edge.cli", *words]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=env, cwd=tmp_path)

    done = heychip("models", "activate", "new/tone", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(models / KEPT / "000001" / "tone")
    golden = str(tmp_path / "new" / "tone" / "golden.wav")
    assert json.loads(heychip("replay", "--models", "tone", golden).stdout)["events"][0]["word"] == "tone"
    done = heychip("models", "rollback", "tone")
    assert (done.returncode, "in use is now" in done.stdout) == (0, True)
    done = heychip("models", "rollback", "tone")
    assert (done.returncode, "was not activated" in done.stderr) == (5, True)
    assert Listener([load_bundle("tone")]).words == ("tone",)
