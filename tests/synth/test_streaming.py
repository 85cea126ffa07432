"""Recordings through the pipeline with what every member said: nothing differs from what the daemon hears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bundles import FLOAT, make_bundle, model, open_wake_word
from onnx import helper
from tones import silence, tone, tone_bundle

from edge.bundle import load_bundle
from edge.ensemble import NOTHING
from edge.listener import Listener
from edge.replay import replay
from edge.wav import write_wav
from synth.mixtures import Call, Pool, Talk
from synth.streaming import Failure, Stage, answers


def recording() -> np.ndarray:
    """A tone, twice, and an odd number of samples."""
    sound = np.concatenate([silence(1.5), tone(0.9), silence(2.2), tone(1.3), silence(5.03)])
    return (np.round(sound * 32768) / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It hears a tone."""
    return tone_bundle(tmp_path_factory.mktemp("bundles"))


def test_a_recorder_hears_what_replay_prints(bundle: Path, tmp_path: Path) -> None:
    """Margins to the last digit, and events, are those of `heychip replay --trace`."""
    write_wav(tmp_path / "x.wav", recording(), 16_000)
    row = replay(Listener([load_bundle(bundle)]), tmp_path / "x.wav", trace=True)
    answer = Stage([bundle]).answers(recording())[0]
    assert answer.margins.tolist() == row["margin"]
    assert list(answer.event_s) == [event["time_s"] for event in row["events"]]
    assert len(answer.event_s) == 1  # the tone's bundle never falls so low that it would be armed again


def test_the_margin_is_the_largest_of_the_members(bundle: Path) -> None:
    """Logit minus threshold of each of the two members; the second is always at -3."""
    answer = Stage([bundle]).answers(recording())[0]
    assert answer.members.shape == (len(answer.margins), 2)
    assert answer.members.max(axis=1) == pytest.approx(answer.margins, abs=1e-4)
    assert answer.members[:, 1] == pytest.approx(-3.0)


def test_several_bundles_hear_as_each_alone(bundle: Path, tmp_path: Path) -> None:
    """Side by side on the same features, also with a model in the manner of openWakeWord; nothing is kept
    from one recording to the next."""
    (tmp_path / "score.onnx").write_bytes(open_wake_word())
    other = make_bundle(tmp_path, 3)
    together = Stage([bundle, tmp_path / "score.onnx", other])
    together.answers(tone(4.0))
    found = together.answers(recording())
    for path, answer in zip([bundle, tmp_path / "score.onnx", other], found, strict=True):
        alone = Stage([path]).answers(recording())[0]
        assert np.array_equal(alone.margins, answer.margins)
        assert np.array_equal(alone.members, answer.members)
        assert alone.event_s == answer.event_s


def test_a_member_without_an_answer_has_the_lowest_margin(tmp_path: Path) -> None:
    """NaN of one member neither hides the other nor becomes a number that counts."""
    nodes = [
        helper.make_node("Flatten", ["embeddings"], ["flat"]),
        helper.make_node("ReduceSum", ["flat", "axis"], ["sum"]),
        helper.make_node("Sub", ["sum", "sum"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["nan"]),
        helper.make_node("Concat", ["nan", "zero"], ["logits"], axis=1),
    ]
    onnx = model(nodes, {"axis": np.array([1])}, outputs=[("logits", FLOAT, [1, 2])]).SerializeToString()
    answer = Stage([make_bundle(tmp_path, 2, onnx_bytes=onnx)]).answers(silence(0.5))[0]
    assert (answer.members[:, 0] == NOTHING).all()
    assert answer.members[:, 1] == pytest.approx(-2.5)
    assert answer.margins == pytest.approx(-2.5)


@dataclass(frozen=True)
class Spoiled:
    """A recipe whose file is not there when it is wanted."""

    path: Path

    def sound(self) -> np.ndarray:
        """Raises WavError."""
        return Talk(self.path).sound()


def test_a_stuck_member_is_not_held_against_the_next_recording(bundle: Path) -> None:
    """Put aside after 20 s in one recording, it is believed again in the next: which worker takes which
    recording is chance."""
    stage = Stage([bundle])
    stage.answers(silence(25.0))
    assert stage._recorders[0].quarantined == {1}  # it is always at -3
    stage.answers(recording())
    assert not stage._recorders[0].quarantined


def test_a_recording_that_fails_leaves_the_others(bundle: Path, tmp_path: Path) -> None:
    """Sounds and recipes may be mixed; the answer to what cannot be read is a Failure in its place."""
    write_wav(tmp_path / "call.wav", tone(1.0), 16_000)
    write_wav(tmp_path / "short.wav", tone(1.0), 16_000)
    call = Call(tmp_path / "call.wav", None, 0.0, 0, Pool(tmp_path, 0))
    jobs = [recording(), Spoiled(tmp_path / "gone.wav"), call, Talk(tmp_path / "short.wav")]
    told: list[int] = []
    found = answers([bundle], jobs, 1, told.append)
    assert sum(told) == 4
    sound, gone, called, short = found
    here = Stage([bundle]).answers(recording())[0]
    assert isinstance(sound, list)
    assert np.array_equal(sound[0].margins, here.margins)
    assert isinstance(called, list)
    assert len(called[0].event_s) == 1
    assert [f.path.name for f in (gone, short) if isinstance(f, Failure)] == ["gone.wav", "short.wav"]
    assert isinstance(short, Failure)
    assert "shorter than 2 s" in short.reason
