"""`heychip replay`: the contract that evaluators rely on, one JSON object for every recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import make_bundle
from tones import silence, tone, tone_bundle

from edge.bundle import load_bundle
from edge.cli import main
from edge.errors import WavError
from edge.events import HOP_S, RATE_HZ, STEP
from edge.listener import Listener
from edge.replay import blocks, pieces_of, replay, samples_of
from edge.resample import Resampler
from edge.wav import WavFile, read_wav, write_wav

Answers = tuple[int, list[dict[str, Any]], str]


def call(rate_hz: int = RATE_HZ) -> np.ndarray:
    """Three seconds [n] in the middle of which the tone sounds, from 1 s to 2 s."""
    return np.concatenate([silence(1, rate_hz), tone(1, rate_hz), silence(1, rate_hz)])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that hears a tone."""
    return tone_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def listener(bundle: Path) -> Listener:
    """Its pipeline."""
    return Listener([load_bundle(bundle)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings: with and without the tone, in stereo, at other rates, and two that are none."""
    write_wav(tmp_path / "call.wav", call(), RATE_HZ)
    write_wav(tmp_path / "quiet.wav", silence(2.01), RATE_HZ)
    write_wav(tmp_path / "stereo.wav", np.stack([silence(3), call()], axis=1), RATE_HZ)
    for rate_hz in (8_000, 44_100, 48_000):
        write_wav(tmp_path / f"{rate_hz}.wav", call(rate_hz), rate_hz)
    write_wav(tmp_path / "empty.wav", np.zeros(0, np.float32), RATE_HZ)
    (tmp_path / "bad.wav").write_bytes(b"RIFF, or so")
    return tmp_path


@pytest.fixture
def answers(bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command on files of the folder: exit code, objects printed, standard error."""

    def run(*words: str) -> Answers:
        named = [str(folder / word) if word.endswith(".wav") else word for word in words]
        code = main(["replay", "--models", str(bundle), *named])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def test_the_contract(answers: Any, folder: Path) -> None:
    """The keys and their types are those that `replay` has promised to evaluators."""
    code, (row,), _ = answers("call.wav", "--trace")
    assert code == 0
    assert list(row) == ["file", "duration_s", "hop_s", "events", "margin"]
    assert (row["file"], row["duration_s"], row["hop_s"]) == (str(folder / "call.wav"), 3.04, HOP_S)
    (event,) = row["events"]
    assert set(event) == {"time_s", "word", "member", "score"}
    assert (event["word"], event["member"]) == ("tone", "steady")
    assert 1.0 < event["time_s"] < 2.0
    hop = round(event["time_s"] / HOP_S) - 1
    assert row["margin"][hop] == pytest.approx(event["score"], abs=1e-4)
    assert all(margin < 0 for margin in row["margin"][:hop])


@pytest.mark.parametrize("file", ["call.wav", "quiet.wav", "48000.wav", "44100.wav", "8000.wav"])
def test_a_trace_has_a_margin_for_every_hop(answers: Any, file: str) -> None:
    """As many margins as hops in the recording, the last of which may have been filled up with silence."""
    _, (row,), _ = answers("--trace", file)
    assert len(row["margin"]) * HOP_S == pytest.approx(row["duration_s"])
    seconds = 2.01 if file == "quiet.wav" else 3.0
    assert seconds <= row["duration_s"] < seconds + HOP_S + 0.001


def test_margins_come_only_where_they_are_asked_for(answers: Any) -> None:
    """Without --trace there is no `margin`, and the events are the same."""
    _, (plain,), _ = answers("call.wav")
    _, (traced,), _ = answers("call.wav", "--trace")
    assert "margin" not in plain
    assert plain == {key: value for key, value in traced.items() if key != "margin"}


def test_answers_come_in_order_and_do_not_touch_each_other(answers: Any) -> None:
    """One object a recording, in the order given; what was heard before makes no difference."""
    names = ["quiet.wav", "call.wav", "quiet.wav", "call.wav"]
    code, rows, _ = answers("--trace", *names)
    assert code == 0
    assert [Path(row["file"]).name for row in rows] == names
    assert rows[0] == rows[2]
    assert rows[1] == rows[3]
    assert [len(row["events"]) for row in rows] == [0, 1, 0, 1]


@pytest.mark.parametrize("bad", ["bad.wav", "missing.wav", "empty.wav"])
def test_a_bad_recording_among_good_ones(answers: Any, bad: str) -> None:
    """The bad one is named on standard error, the others are answered, and the exit code is 2."""
    code, rows, err = answers("call.wav", bad, "quiet.wav")
    assert code == 2
    assert [Path(row["file"]).name for row in rows] == ["call.wav", "quiet.wav"]
    assert bad in err
    assert "Traceback" not in err


def test_jobs_change_nothing(answers: Any) -> None:
    """With --jobs the same objects come in the same order, and a bad recording is told all the same."""
    names = ["quiet.wav", "call.wav", "bad.wav", "call.wav"]
    alone, together = answers("--trace", *names), answers("--jobs", "2", "--trace", *names)
    assert together == alone
    assert len(together[1]) == 3


@pytest.mark.parametrize("words", [("--jobs", "0"), ("--jobs", "2", "--realtime")])
def test_jobs_that_make_no_sense(answers: Any, words: tuple[str, ...]) -> None:
    """No process at all, or two clocks at once: exit code 2, with the remedy."""
    code, rows, err = answers(*words, "call.wav")
    assert (code, rows) == (2, [])
    assert "--jobs" in err


def test_nothing_to_replay_is_a_usage_error(answers: Any) -> None:
    """No recordings: exit code 2 and a word about what is missing."""
    code, rows, err = answers()
    assert (code, rows) == (2, [])
    assert "no recordings given" in err


def test_an_unknown_bundle_is_a_model_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle that is not there: exit code 5, and nothing is printed."""
    assert main(["replay", "--models", str(folder / "none"), str(folder / "call.wav")]) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert "no such bundle" in said.err


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_other_rates_are_heard_too(answers: Any, rate_hz: int) -> None:
    """A recording at another rate is heard at the same time as at 16 kHz, to a hop."""
    _, rows, _ = answers("call.wav", f"{rate_hz}.wav")
    (here,), (there,) = (row["events"] for row in rows)
    assert there["time_s"] == pytest.approx(here["time_s"], abs=HOP_S + 1e-6)


@pytest.mark.parametrize(("channel", "count"), [(0, 0), (1, 1)])
def test_a_channel_is_picked_and_never_mixed(answers: Any, channel: int, count: int) -> None:
    """Of a stereo recording one channel is heard: the left one, or the one that --channel names."""
    _, (row,), _ = answers("--channel", str(channel), "stereo.wav")
    assert len(row["events"]) == count


@pytest.mark.parametrize("channel", ["2", "-1", "99"])
def test_a_channel_that_is_not_there(answers: Any, channel: str) -> None:
    """It is told for the recording that lacks it, and the exit code is 2; it is no other channel instead."""
    code, rows, err = answers("--channel", channel, "stereo.wav")
    assert (code, rows) == (2, [])
    assert "2 channels" in err


def test_an_offset_moves_every_threshold(answers: Any) -> None:
    """--offset is taken from every margin, and what no longer reaches zero is no event."""
    _, (low,), _ = answers("--trace", "call.wav")
    _, (high,), _ = answers("--trace", "--offset", "5", "call.wav")
    assert high["margin"] == pytest.approx([margin - 5 for margin in low["margin"]], abs=2e-4)
    assert high["events"] == []


def test_they_are_answered_in_the_order_of_the_line(
    answers: Any, folder: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself, with options among its recordings; a mistaken option is refused still."""
    names = [str(folder / name) for name in ("quiet.wav", "call.wav", "stereo.wav")]
    assert main(["replay", names[0], "--models", str(bundle), names[1], "--channel", "0", names[2]]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == names
    with pytest.raises(SystemExit):
        main(["replay", names[0], "--model", str(bundle), "--chanel", "0", names[1]])
    assert "--chanel" in capsys.readouterr().err


def test_several_models_are_one_pipeline(
    answers: Any, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--models A B, or --models twice: all their words are listened for, and the margin is the largest."""
    other = str(make_bundle(tmp_path / "more"))  # its margin on a quiet room is another
    bundle = str(tone_bundle(tmp_path / "more"))
    file = str(folder / "call.wav")
    rows = []
    for words in (["--models", bundle, other, file], ["--models", bundle, "--models", other, "--", file],
                  ["--models", bundle, file], ["--models", other, file]):  # fmt: skip
        assert main(["replay", "--trace", *words]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    assert rows[0] == rows[1]
    assert rows[0]["margin"] == np.maximum(rows[2]["margin"], rows[3]["margin"]).tolist()
    assert rows[0]["margin"] != rows[2]["margin"]


def test_blocks_are_the_recording() -> None:
    """Pieces of whole hops, put together again, are what was cut, long or short."""
    sound = np.arange(RATE_HZ * 21 // STEP * STEP, dtype=np.float32)
    pieces = list(blocks(sound, realtime=False))
    assert len(pieces) == 3
    assert all(len(piece) % STEP == 0 for piece in pieces)
    assert np.array_equal(np.concatenate(pieces), sound)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 44_100])
def test_a_long_recording_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate_hz: int
) -> None:
    """No more than ten seconds are read at once, and together they are, to the bit, what the whole gives."""
    sound = np.random.default_rng(0).normal(0, 0.1, int(21.3 * rate_hz)).astype(np.float32)
    write_wav(tmp_path / "long.wav", sound, rate_hz)
    whole = read_wav(tmp_path / "long.wav").samples[:, 0]
    resampler = Resampler(rate_hz, RATE_HZ)
    wanted = np.concatenate([resampler.step(whole), resampler.flush()])
    asked: list[int] = []
    read = WavFile.read

    def noted(file: WavFile, start: int = 0, count: int | None = None) -> Any:
        asked.append(count or file.frames)
        return read(file, start, count)

    monkeypatch.setattr(WavFile, "read", noted)
    pieces = list(pieces_of(tmp_path / "long.wav"))
    assert asked == [10 * rate_hz] * 3
    assert [len(piece) for piece in pieces[:2]] == [10 * RATE_HZ] * 2
    found = np.concatenate(pieces)
    assert len(found) % STEP == 0
    assert np.array_equal(found[: len(wanted)], wanted)
    assert not found[len(wanted) :].any()


def test_real_time_waits_for_every_hop(
    listener: Listener, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the pace of the clock the answer is the same, and every hop is waited for until its end."""
    slept: list[float] = []
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    slow = replay(listener, folder / "call.wav", trace=True, realtime=True)
    assert slept == pytest.approx([HOP_S] * 38)
    fast = replay(listener, folder / "call.wav", trace=True)
    assert slow["margin"] == pytest.approx(fast["margin"], abs=1e-3)


def test_samples_are_whole_hops(folder: Path) -> None:
    """A recording is filled up with silence to a whole hop, at 16 kHz; a channel it lacks is named."""
    assert len(samples_of(folder / "48000.wav")) == len(samples_of(folder / "call.wav")) == 38 * STEP
    with pytest.raises(WavError, match="no channel 1"):
        samples_of(folder / "call.wav", channel=1)


