"""Gate and voice: what is heard while we speak, and what is spoken when. Rows D12, F1 and F3."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable

import pytest
from daemon_rig import ANSWER, RECORDED, Run, room

from edge.config import CameraConfig, Config, RuleConfig, SpeechConfig
from edge.errors import DeviceError
from edge.events import Chunk
from edge.fakes import (
    FakeCamera,
    FakeClassifier,
    FakeListener,
    FakeMicrophone,
    FakeSpeech,
    silence,
)
from edge.gate import Gate
from edge.microphone import Microphone
from edge.mood import Steady
from edge.parts import Eye


@pytest.mark.parametrize("how", ["wav", "silent"])
@pytest.mark.parametrize("piece_s", [0.01, 0.08, 5.0])
def test_d12_own_speech_on_a_recording(how: str, piece_s: float) -> None:
    """A line of 2 s and a tail of 0.4 s from 1.04 s on: what is heard until 3.44 s is told as gated with its
    score, what comes after is heard; however fast the recording is read, and however it is cut."""
    listener = FakeListener([1.04, 2.0, 3.36, 3.44, 8.0])
    run = Run(room(10, piece_s=piece_s), listener=listener, speech=FakeSpeech(how, duration_s=2.0))
    assert run.go() == 0
    assert run.times("heard") == [1.04, 3.44, 8.0]
    assert run.times("gated") == [2.0, 3.36]
    assert run.times("said") == [1.04, 3.44, 8.0]
    assert all(row["score"] == 1.0 for row in run.rows if row["event"] == "gated")
    summary = run.rows[-1]
    assert summary["event"] == "summary"
    assert (summary["stream_s"], summary["heard"], summary["said"], summary["gated"]) == (10.0, 3, 3, 2)
    assert {"cpu_s", "cpu_share", "ears_cpu_s", "seen"} <= set(summary)


def test_d12_real_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a loudspeaker the gate is closed from the start of say() to its end, until the ears have caught up
    with the room, and for the tail."""
    monkeypatch.setattr("edge.ears.WAITED_S", 5.0)  # on a busy machine any read takes some milliseconds
    hold, speech_done = threading.Event(), threading.Event()
    speech = FakeSpeech("espeak", hold=hold)
    listener = FakeListener([0.08, 1.04, 1.6, 3.04])

    def pieces() -> Iterable[Chunk | None]:
        yield silence(0.08)  # heard at 0.08: the line begins
        speech.began.wait(10)
        yield silence(0.96)  # 1.04: while it sounds
        hold.set()
        speech_done.wait(10)
        yield silence(0.56)  # 1.6: behind, this sounded while we spoke
        yield None  # the ears had to wait: caught up at 1.6, tail until 2.0
        yield silence(0.4)
        yield silence(1.04)  # 3.04

    run = Run(lambda: FakeMicrophone(pieces()), listener=listener, speech=speech)
    gate = run.daemon._gate
    end = gate.end

    def ended() -> None:
        end()
        speech_done.set()

    gate.end = ended  # type: ignore[method-assign]
    assert run.go() == 0
    assert run.times("gated") == [1.04, 1.6]
    assert run.times("heard") == [0.08, 3.04]


def test_rules_rest_in_stream_time() -> None:
    """Where the microphone is a recording, every_s counts its seconds, not those on the wall."""
    rule = dataclasses.replace(ANSWER, every_s=5.0)
    listener = FakeListener([1.04, 4.0, 7.04])
    run = Run(
        room(10),
        config=Config(microphone=RECORDED, rules=(rule,)),
        listener=listener,
        speech=FakeSpeech("silent"),
    )
    assert run.go() == 0
    assert run.times("heard") == [1.04, 4.0, 7.04]
    assert run.times("said") == [1.04, 7.04]


def test_f3_flood_keeps_the_newest() -> None:
    """Of a hundred lines at once the newest three are spoken."""
    run = Run(room(1), speech=FakeSpeech("espeak"))
    for i in range(100):
        run.daemon._voice.offer(str(i))
    assert run.go() == 0
    assert run.speech.lines == ["97", "98", "99"]  # type: ignore[attr-defined]
    assert run.rows[-1]["dropped"] == 97


def test_f3_recordings_wait_in_the_same_queue() -> None:
    """F3: lines and recordings, in the order in which they were asked for, the newest three of all."""
    run = Run(room(1), speech=FakeSpeech("piper"))
    for i in range(100):
        run.daemon._voice.offer(f"line {i}", f"/sounds/{i}.wav" if i % 2 else "")
    assert run.go() == 0
    assert run.speech.lines == ["@97.wav", "line 98", "@99.wav"]  # type: ignore[attr-defined]
    assert [row["text"] for row in run.rows if row["event"] == "said"] == run.speech.lines  # type: ignore[attr-defined]


def test_f3_old_lines_are_dropped() -> None:
    """A line that waited more than 5 s is not spoken any more."""
    from edge.gate import Gate
    from edge.voice import Voice

    now_s, speech = [0.0], FakeSpeech("espeak")
    voice = Voice(speech, Gate(0.4), tell=lambda *_, **__: None, now_s=lambda: now_s[0])
    voice.offer("old")
    now_s[0] = 4.0
    voice.offer("young")
    now_s[0] = 5.1
    voice.step()
    voice.step()
    assert speech.lines == ["young"]
    assert voice.dropped == 1


def test_d12_tail() -> None:
    """The tail of the gate is that of the configuration."""
    config = Config(microphone=RECORDED, rules=(ANSWER,), speech=SpeechConfig(tail_s=2.0))
    run = Run(
        room(6), config=config, listener=FakeListener([1.04, 3.84, 4.08]), speech=FakeSpeech(duration_s=1.0)
    )
    assert run.go() == 0
    assert run.times("gated") == [3.84]
    assert run.times("heard") == [1.04, 4.08]


def test_f1_a_line_that_fails_is_not_the_last() -> None:
    """SpeechError is logged; the next line is spoken, and the gate is open again."""
    run = Run(room(6), listener=FakeListener([1.04, 4.0]), speech=FakeSpeech(fails=1))
    assert run.go() == 0
    assert run.times("heard") == [1.04, 4.0]
    assert run.times("said") == [4.0]


def test_silent_lines_do_not_wait_for_a_clock_that_stands() -> None:
    """Without a microphone the clock of the stream stands; what is seen is spoken of all the same."""

    def absent() -> Microphone:
        raise DeviceError("there is no microphone")

    labels = iter([label for label in ("cat", "dog", "cup") for _ in range(3)] + [""] * 100_000)
    eye = Eye(lambda: FakeCamera(lambda: next(labels)), FakeClassifier(), Steady(3))
    config = Config(
        camera=CameraConfig(backend="folder", interval_s=0.05),
        rules=(RuleConfig(seen="*", lines=("a {label}",)),),
    )
    run = Run(absent, config=config, eye=eye, speech=FakeSpeech("silent", duration_s=9.0))
    assert run.until(lambda: len(run.times("said")) == 3) == 0
    assert run.speech.lines == ["a cat", "a dog", "a cup"]  # type: ignore[attr-defined]


def test_what_is_told_a_hop_later_is_judged_by_when_it_sounded() -> None:
    """The lazy gate tells of a hop when the next one is full: what sounded before a line is heard though the
    line has begun, and what sounded in its tail is ignored though the tail is over."""
    gate = Gate(tail_s=0.4)
    gate.advance(1.04)
    gate.begin()
    assert (gate.raised_at(0.96), gate.raised_at(1.04)) == (0.0, float("inf"))
    gate.end_at(2.0)
    gate.advance(2.48)
    assert (gate.raised_at(2.32), gate.raised_at(2.48)) == (float("inf"), 0.0)
