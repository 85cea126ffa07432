"""What our own ears make of our own lines."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.cli import main
from edge.config import Config, RuleConfig, SpeechConfig
from edge.events import HOP_S, RATE_HZ
from edge.listener import Listener
from edge.own_lines import scored
from edge.own_voice import Own, OwnVoice
from edge.resample import at_16_khz
from edge.speech.espeak import Voice

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@pytest.fixture(scope="module")
def own_voice() -> OwnVoice:
    return OwnVoice(lambda: Listener([load_bundle("hey_chip")]))


def rendered(text: str) -> np.ndarray:
    sound = Voice(SpeechConfig()).sound(text)
    return at_16_khz(sound.samples, sound.rate_hz)


@needs_espeak
def test_a_line_with_the_word_scores_and_another_does_not(own_voice: OwnVoice) -> None:
    """The word in our own mouth is over the threshold, at the place where it is; a plain line is far off."""
    line = rendered("The evening is long and the desert is wide. Hey chip, are you there?")
    waking = own_voice.score(line, RATE_HZ)
    plain = own_voice.score(rendered("Nobody knows who put the board out here."), RATE_HZ)
    assert waking.wakes
    assert waking.word == "hey chip"
    assert own_voice._listener is not None
    assert waking.member in own_voice._listener.ensembles[0].names
    assert len(line) / RATE_HZ / 2 < waking.at_s < len(line) / RATE_HZ
    assert plain.score < -4
    assert not plain.wakes
    assert waking.near(waking.at_s - HOP_S, waking.at_s + 2 * HOP_S) == pytest.approx(waking.score)
    assert waking.near(0.0, 1.0) < 0


@needs_espeak
def test_say_and_doctor_score_a_line_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """`say --score` tells of a line what is said of it where it stands in a configuration."""
    text = "Hey chip, are you there?"
    config = Config(rules=(RuleConfig(heard="hey chip", lines=(text,)),))
    ((line, own),) = scored(config)
    assert main(["say", "--score", "--json", text]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (line, round(own.score, 2), own.wakes) == (text, told["score"], told["wakes"])
    assert own.wakes


@needs_espeak
def test_a_line_is_scored_once(own_voice: OwnVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sound is not scored again, and what is remembered is bounded."""
    line = rendered("Hello there.")
    first = own_voice.score(line, RATE_HZ)
    with monkeypatch.context() as patch:
        patch.setattr(own_voice, "_scored", None)
        assert own_voice.score(line.copy(), RATE_HZ).score == first.score
    monkeypatch.setattr("edge.own_voice.MOST", 2)
    for seed in range(4):
        own_voice.score(np.full(160, seed / 100, np.float32), RATE_HZ)
    assert len(own_voice._known) <= 3


def test_who_never_speaks_has_one_listener() -> None:
    """The listener for our own lines is made for the first line, and once."""
    made = []

    def make() -> Listener:
        made.append(Listener([load_bundle("hey_chip")]))
        return made[-1]

    own_voice = OwnVoice(make)
    assert not made
    for level in (0.1, 0.2):
        own_voice.score(np.full(1600, level, np.float32), RATE_HZ)
    assert len(made) == 1


def test_outside_the_line_nothing_is_near() -> None:
    """Before a line begins and long after it nothing explains a word."""
    own = Own(np.zeros(16_000, np.float32), np.zeros(20, np.float32), 0.0)
    assert own.near(-3.0, -1.0) == own.near(5.0, 6.0) == -float("inf")
    assert own.near(-1.0, 0.2) == 0.0
