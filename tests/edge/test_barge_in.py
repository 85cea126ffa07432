"""Hearing while we speak: what a score needs, by mode; a word that is heard ends the line."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from test_echo import in_the_room, speech

from edge.barge_in import AFTER_S, BEFORE_S, CLEAN, GUARD, OVER, BargeIn, open_barge_in
from edge.config import SpeechConfig
from edge.ensemble import Ensemble
from edge.events import HOP_S, RATE_HZ
from edge.fakes import FakeSpeech
from edge.gate import Gate
from edge.own_voice import Own
from edge.parts import Parts
from edge.voice import Voice

CLOSED = float("inf")


def own(score: float, *, seconds: float = 4.0, at_s: float = 2.0) -> Own:
    """A line that comes to `score` at one moment and to -12 elsewhere."""
    margins = np.full(round((seconds + 1.2) / HOP_S), -12, np.float32)
    margins[round(at_s / HOP_S)] = score
    return Own(speech(1, seconds), margins, score, "hey chip", "all")


def spoken(mode: str, line: Own, *, late_s: float = 0.2, audible: bool = True) -> tuple[Gate, BargeIn]:
    """Gate and barge-in after a line has sounded from 1.0 s of the stream on."""
    gate = Gate(0.4)
    barge = BargeIn(mode, gate)
    gate.advance(1.0)
    gate.begin()
    barge.announce(line)
    heard = in_the_room(line.sound, late_s, late_s + 4.2) if audible else speech(7, 4.2)
    given = 0
    for piece in np.split(heard[: len(heard) // 1280 * 1280], len(heard) // 1280):
        given += len(barge.step(piece, 1.0 + given / RATE_HZ))
    gate.advance(1.0 + given / RATE_HZ)
    return gate, barge


RAISED = [(-12.0, 0.0), (-1.5, GUARD - 1.5), (0.0, CLOSED), (3.0, CLOSED)]


@pytest.mark.parametrize(("score", "needed"), RAISED)
def test_raise(score: float, needed: float) -> None:
    """Thresholds are raised by what the line scores on its own and the guard; a line that would wake us
    closes the ears; before and after it nothing is raised."""
    gate, _ = spoken("raise", own(score))
    assert gate.raised_at(2.5) == needed
    assert gate.raised_at(0.9) == 0.0
    gate.end()
    gate.caught_up()
    assert gate.raised_at(gate.stream_s + 0.5) == 0.0


def test_subtract_is_open_but_where_our_own_words_explain_it() -> None:
    """Once the line is found and gone, a word counts; around the moment at which the line itself is near a
    word, counted from when it really began to sound, it must be clear, and where too much of the line is left
    or the line would wake us nothing is enough."""
    gate, barge = spoken("subtract", own(0.5 - GUARD, at_s=2.0), late_s=0.3)
    near_s = 1.0 + 0.3 + 2.0
    assert barge._echo.left < CLEAN
    assert barge.told()["late_s"] == pytest.approx(0.3, abs=0.01)
    for away_s in (-0.3, 0.0, 0.3):
        assert gate.raised_at(near_s + away_s) == OVER
    for away_s in (-BEFORE_S - 0.2, AFTER_S + 0.2):
        assert gate.raised_at(near_s + away_s) == 0.0
    barge._echo.left = CLEAN
    assert gate.raised_at(near_s) == CLOSED
    gate, _ = spoken("subtract", own(0.0, at_s=2.0), late_s=0.3)
    assert gate.raised_at(near_s) == CLOSED


def test_subtract_is_closed_until_the_line_is_found() -> None:
    """Where a line that comes near a word is not found in what is heard, the gate stays closed all along; a
    line that does not come near one leaves it open, found or not."""
    gate, _ = spoken("subtract", own(-3.0), audible=False)
    assert all(gate.raised_at(time_s) == CLOSED for time_s in np.arange(1.0, 5.0, 0.08))
    gate, _ = spoken("subtract", own(-12.0), audible=False)
    assert all(gate.raised_at(time_s) == 0.0 for time_s in np.arange(1.0, 5.0, 0.08))


def test_sound_that_was_lost_closes_the_gate() -> None:
    """After a gap nobody knows where in the line we are."""
    gate, barge = spoken("subtract", own(-3.0))
    assert gate.raised_at(4.5) == 0.0
    barge.end()
    assert gate.raised_at(4.5) == CLOSED


def test_the_next_line_closes_the_gate_again() -> None:
    """From its beginning until it is announced nothing is enough, whatever the line before allowed."""
    gate, _ = spoken("subtract", own(-12.0))
    gate.begin()
    assert gate.raised_at(gate.stream_s) == CLOSED


@pytest.mark.parametrize(("mode", "how", "open_"), [("off", "espeak", False), ("raise", "espeak", True),
                                                    ("subtract", "espeak", True), ("subtract", "wav", False),
                                                    ("subtract", "silent", False)])
def test_only_what_sounds_is_heard_over(mode: str, how: str, open_: bool) -> None:
    """Lines that make no sound, and the mode "off", close the ears as ever."""
    parts = Parts(FakeSpeech(how), own_voice=object())  # type: ignore[arg-type]
    assert (open_barge_in(SpeechConfig(barge_in=mode), parts, Gate(0.4)) is not None) == open_
    assert open_barge_in(SpeechConfig(), Parts(FakeSpeech("espeak")), Gate(0.4)) is None


def scores(raised: dict[int, float], *margins: float) -> list[tuple[int, float]]:
    """What an ensemble tells of these margins, hop by hop, with thresholds raised at some."""
    ensemble = Ensemble("hey chip", ["all"], np.zeros(1, np.float32))
    ensemble.raised = lambda time_s: raised.get(round(time_s / HOP_S), 0.0)
    told = []
    for hop, margin in enumerate(margins):
        heard = ensemble.step(np.array([margin], np.float32), hop * HOP_S)
        if heard:
            told.append((hop, heard.score))
    return told


def test_a_word_that_is_not_enough_yet_may_become_so() -> None:
    """With raised thresholds a word is told of when it passes its own, for the log, and again where it passes
    what is needed, once."""
    assert scores({1: 3.0, 2: 3.0, 3: 3.0, 4: 3.0}, -9, 1, 2, 4, 5) == [(1, 1.0), (3, 4.0)]
    assert scores({1: 3.0}, -9, 5, 6) == [(1, 5.0)]
    assert scores({}, -9, 1, 2, 4, 5) == [(1, 1.0)]


def test_a_closed_gate_that_opens_in_a_word_does_not_fire() -> None:
    """What passed its threshold while nothing was enough is told of once; it does not count when the gate
    opens, only a word that comes after it does."""
    assert scores({1: CLOSED, 2: CLOSED}, -9, 4, 5, 6, 6) == [(1, 4.0)]
    assert scores({1: CLOSED}, -9, 4, *[-9] * 14, 5) == [(1, 4.0), (16, 5.0)]


def test_a_call_ends_the_line() -> None:
    """Somebody is heard over us: the line ends, those that wait are forgotten, and the next one is spoken."""
    hold = threading.Event()
    speech_, gate = FakeSpeech("espeak", hold=hold), Gate(0.4)
    gate.stand(True)
    voice = Voice(speech_, gate, tell=lambda *_, **__: None, now_s=lambda: 0.0)
    voice.interrupt()
    assert speech_.stopped == 0
    voice.offer("one")
    thread = threading.Thread(target=voice.step)
    thread.start()
    assert speech_.began.wait(10)
    voice.offer("two")
    voice.interrupt()
    voice.offer("three")
    thread.join(10)
    assert speech_.stopped == 1
    voice.step()
    assert speech_.lines == ["one", "three"]
