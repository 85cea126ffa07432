"""The accuracy benchmark runs, on a few recordings, and is about the same sound for everyone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bundles import open_wake_word

from edge.replay import samples_of
from synth.evaluate import Evaluation
from tests.bench import accuracy
from tests.bench.open_wake_word import AHEAD, VERSION, own_scores
from tests.shared import NEGATIVES, POSITIVES, needs_shared

pytestmark = needs_shared
BUNDLE = Path(__file__).resolve().parents[2] / "models" / "hey_chip"
PACKAGE = accuracy.CACHE / f"openwakeword-{VERSION}"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Three calls and three streams, by links, as arguments."""
    for kind, root in (("calls", POSITIVES / "snowboy"), ("talk", NEGATIVES)):
        (tmp_path / kind).mkdir()
        for file in sorted(path for path in root.rglob("*.*") if path.is_file())[:3]:
            (tmp_path / kind / file.name).symlink_to(file.resolve())
    return ["--positives", f"{tmp_path / 'calls'}:snowboy",
            "--negatives", str(tmp_path / "talk"), "--jobs", "1"]


def test_our_bundle_and_theirs_are_measured(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object for the word: both systems, all rates and conditions, the difference, and the check by a
    code that here is a stand-in for theirs and answers 0.25 to everything."""
    (tmp_path / "snowboy_v1.onnx").write_bytes(open_wake_word())
    monkeypatch.setattr(accuracy, "fetch", lambda cache: cache)
    monkeypatch.setattr(accuracy, "own_scores", lambda _p, _m, files: [np.full(40, 0.25)] * len(files))
    systems = ["--bundle", str(BUNDLE), "--openwakeword", str(tmp_path / "snowboy_v1.onnx")]
    assert accuracy.main([*folders, *systems, "--json", "--keep", str(tmp_path / "kept")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["word"], told["clips"], told["left_out"]) == ("snowboy", 3, 0)
    assert [row["system"] for row in told["systems"]] == ["heychip hey_chip", "openWakeWord snowboy_v1"]
    for row in told["systems"]:
        assert set(row["at"]) == {"0.1", "0.5", "1.0"}
        assert all(cell["of"] == 3 for at in row["at"].values() for cell in at.values())
    assert [pair["minus"] for pair in told["pairs"]] == ["openWakeWord snowboy_v1"]
    assert 0.2 < told["checked"][0]["largest_difference"] < 1  # the stand-in's answers are not the model's
    kept = sorted(path.name for path in (tmp_path / "kept" / "snowboy").iterdir())
    assert len(kept) == 2 * 3 + 3
    for rate_and_condition in ("clean", "10 dB", "1/h *"):
        assert rate_and_condition in accuracy.text(told)


def test_a_word_without_a_system_is_named(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With several words, each needs a bundle of its name; nothing is streamed before that is said."""
    folder = folders[1].rpartition(":")[0]
    assert accuracy.main([*folders, "--positives", f"{folder}:alexa", "--bundle", str(BUNDLE)]) == 2
    assert "snowboy, alexa: no --bundle" in capsys.readouterr().err


def test_steps_begin_where_theirs_do(tmp_path: Path) -> None:
    """What is put in front of a recording is quiet and as long as their steps are ahead of ours."""
    from edge.wav import write_wav

    write_wav(tmp_path / "x.wav", np.full(1280, 0.5, np.float32), 16_000)
    sound = accuracy.Ahead(tmp_path / "x.wav").sound()
    assert np.array_equal(sound[AHEAD:], samples_of(tmp_path / "x.wav"))
    assert np.abs(sound[:AHEAD]).max() < 1e-3


def test_the_first_steps_do_not_count_for_theirs() -> None:
    """openWakeWord mutes its first five; a false accept there is none, one after them stays."""
    stream = np.full(100, -5.0)
    stream[[2, 50]] = 3.0
    muted = accuracy.as_theirs(Evaluation((), np.zeros(0), np.zeros(0), (stream,), 1.0))
    assert muted.alarms() == 1
    assert muted.negatives[0][:6] == pytest.approx([-16.118] * 5 + [-5.0], abs=0.01)
    assert len(muted.negatives[0]) == 100


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="openwakeword is not in the cache: run the benchmark once")
def test_their_own_code_gives_our_scores(folders: list[str], tmp_path: Path) -> None:
    """openWakeWord's streaming code and our pipeline agree to 1e-4 of a score, past the first two seconds."""
    model = next(PACKAGE.rglob("alexa_v*.onnx"))
    system = accuracy.System(model, "alexa", theirs=True)
    trials = accuracy.gather(POSITIVES / "alexa", [tmp_path / "talk"], tmp_path, most=2,
                             conditions=accuracy.CONDITIONS)
    written = accuracy.write(trials, tmp_path / "audio")
    assert accuracy._checked(system, written)["largest_difference"] < 1e-4
    scores = own_scores(PACKAGE, model, [written.calls[0].path])
    assert scores[0].max() > 0.5
