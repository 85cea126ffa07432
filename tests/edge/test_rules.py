"""Rules and the commands that they start."""

from __future__ import annotations

import dataclasses
import datetime
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.actions import Actions
from edge.config import Config
from edge.events import Heard, Mood, Pressed, Seen, Started
from edge.hours import Hours
from edge.phrases import Phrases
from edge.rule_config import LightConfig, MessageConfig, RuleConfig
from edge.rules import Action, Happening, Light, Photo, Publish, Rules, Run, Say, Sight
from edge.wav import write_wav

JOY = Mood("joy", 0.91, 2, "camera")
HEARD = Heard(1.0, "hey chip", "espeak", 2.345, ("espeak",))
SEEN = Seen("coffee_mug", 0.876, "a.jpg")


def rules(*given: RuleConfig) -> Rules:
    """Rules of these, with their text as their lines."""
    lined = [dataclasses.replace(r, lines=(r.text,) if r.text else ()) for r in given]
    return Rules(Config(rules=tuple(lined)), seed=0)


@pytest.mark.parametrize(
    ("rule", "heard", "seen"),
    [
        (RuleConfig(heard="*", text="a"), [Say("a")], []),
        (RuleConfig(seen="*", text="a"), [], [Say("a")]),
        (RuleConfig(heard="Hey_Chip", text="{word}"), [Say("hey chip")], []),
        (RuleConfig(heard="terra", text="a"), [], []),
        (RuleConfig(seen="coffee mug", text="a {label}, {score}"), [], [Say("a coffee mug, 0.88")]),
        (RuleConfig(heard="*", run=("x", "{word};rm", "{score}")), [Run(("x", "hey chip;rm", "2.35"))], []),
        (RuleConfig(heard="*", text="a", run=("x",)), [Say("a"), Run(("x",))], []),
    ],
)
def test_triggers(rule: RuleConfig, heard: list[Action], seen: list[Action]) -> None:
    """A rule acts on its word or label, however that is written, and on "*"; values fill whole arguments."""
    assert rules(rule).step(HEARD, 0.0) == heard
    assert rules(rule).step(SEEN, 0.0) == seen


def said(actions: list[Action]) -> list[str]:
    """What is to be spoken."""
    return [action.text for action in actions if isinstance(action, Say)]


@pytest.mark.parametrize(
    ("rule", "event", "lines"),
    [
        (RuleConfig(mood="joy", text="{name} {joy} {faces}"), JOY, ["joy 0.91 2"]),
        (RuleConfig(mood="*", text="a"), JOY, ["a"]),
        (RuleConfig(mood="sad", text="a"), JOY, []),
        (RuleConfig(button="Big_Red", text="{name}"), Pressed("big red"), ["big red"]),
        (RuleConfig(button="other", text="a"), Pressed("big red"), []),
        (RuleConfig(start=True, text="{name}"), Started(), ["start"]),
        (RuleConfig(start=True, text="a"), Pressed("start"), []),
        (RuleConfig(heard="*", text="{name}, {faces} {joy}"), HEARD, ["hey chip, 0 0.00"]),
        (RuleConfig(seen="*", text="{name}"), SEEN, ["coffee mug"]),
        (RuleConfig(heard="joy", text="a"), JOY, []),
    ],
)
def test_moods_buttons_and_the_start(rule: RuleConfig, event: Happening, lines: list[str]) -> None:
    """A rule acts on its own kind of event only; {name} is what set it off."""
    assert said(rules(rule).step(event, 0.0)) == lines


def test_all_that_may_follow() -> None:
    """The light first, the picture next, then what takes its time; values cannot add levels to a topic."""
    rule = RuleConfig(
        seen="*",
        text="a {label}",
        photo=True,
        light=LightConfig("red", 5.0),
        run=("x", "{label}"),
        mqtt=MessageConfig("chip/{label}", "{label} {score}"),
    )
    event = Seen("a/b+c_#", 0.5)
    assert rules(rule).step(event, 0.0) == [
        Light("red", 5.0),
        Photo(fresh=False),
        Say("a a/b+c #"),
        Run(("x", "a/b+c #")),
        Publish("chip/a_b_c _", "a/b+c # 0.50"),
    ]
    assert rules(RuleConfig(button="*", photo=True)).step(Pressed("b"), 0.0) == [Photo(fresh=True)]
    assert rules(RuleConfig(mood="*", light=LightConfig("off"))).step(JOY, 0.0) == [Light("off", None)]


@pytest.mark.parametrize(
    ("face", "faces", "acts"),
    [(True, 1, True), (True, 0, False), (True, None, True), (False, 2, False), (False, 0, True),
     (False, None, True), (None, 0, True)],
)  # fmt: skip
def test_a_face_must_be_there_or_not(face: bool | None, faces: int | None, acts: bool) -> None:
    """What the eyes are sure of holds a rule back; what they cannot tell does not."""
    rule = rules(RuleConfig(heard="*", text="a", face=face))
    assert bool(rule.step(HEARD, 0.0, Sight(faces))) == acts


def test_what_the_eyes_know_fills_placeholders() -> None:
    """{faces} and {joy} in a rule for a word."""
    rule = rules(RuleConfig(heard="*", text="{faces} at {joy}"))
    assert said(rule.step(HEARD, 0.0, Sight(3, 0.456))) == ["3 at 0.46"]


def test_count() -> None:
    """{count} counts how often this rule has acted, not how often it might have."""
    both = rules(RuleConfig(heard="*", text="{count}", every_s=10), RuleConfig(heard="*", text="{count}"))
    assert [said(both.step(HEARD, now)) for now in (0.0, 5.0, 10.0)] == [["1", "1"], ["2"], ["2", "3"]]


def test_f8_a_clock_that_jumps_moves_hours_and_nothing_else() -> None:
    """F8: `between` goes by the time of day, wherever it jumps; `every_s` by the other clock alone."""
    day = datetime.datetime(2026, 11, 21, 12, 0)
    clock = [day]
    lined = [
        RuleConfig(heard="*", text="day", lines=("day",), between=Hours(9 * 60, 22 * 60), every_s=10),
        RuleConfig(heard="*", text="ever", lines=("ever",), every_s=10),
    ]
    both = Rules(Config(rules=tuple(lined)), local=lambda: clock[0])
    assert said(both.step(HEARD, 0.0)) == ["day", "ever"]
    clock[0] = day.replace(year=2036, hour=3)
    assert said(both.step(HEARD, 9.9)) == []
    assert said(both.step(HEARD, 10.0)) == ["ever"]
    clock[0] = day.replace(year=2016)
    assert said(both.step(HEARD, 19.9)) == ["day"]
    assert said(both.step(HEARD, 20.0)) == ["ever"]


def test_days_alone() -> None:
    """`days` without `between` is the whole of those days."""
    rule = RuleConfig(heard="*", text="a", lines=("a",), days=("sat",))
    for day, acts in ((21, True), (22, False)):
        now = datetime.datetime(2026, 11, day, 0, 0)
        assert bool(Rules(Config(rules=(rule,)), local=lambda now=now: now).step(HEARD, 0.0)) == acts


def test_recordings_are_drawn_like_lines(tmp_path: Path) -> None:
    """A line that names a recording becomes one to be played, and nothing is filled into it."""
    write_wav(tmp_path / "{word}.wav", np.zeros(800, np.float32), 16_000)
    lines = Phrases(["@{word}.wav"], base=tmp_path).lines
    actions = Rules(Config(rules=(RuleConfig(heard="*", lines=lines),))).step(HEARD, 0.0)
    assert actions == [Say(f"@{tmp_path}/{{word}}.wav", f"{tmp_path}/{{word}}.wav")]


def test_every_s() -> None:
    """A rule rests for every_s after it acted, not after it might have; rules rest each for themselves."""
    both = rules(RuleConfig(heard="*", text="slow", every_s=10), RuleConfig(heard="*", text="fast"))
    told = [
        (now, [a.text for a in both.step(HEARD, now) if isinstance(a, Say)])
        for now in (5.0, 14.9, 15.0, 20.0)
    ]
    assert told == [(5.0, ["slow", "fast"]), (14.9, ["fast"]), (15.0, ["slow", "fast"]), (20.0, ["fast"])]


def until(true: Callable[[], bool]) -> bool:
    """Wait for something that other processes do."""
    for _ in range(400):
        if true():
            return True
        time.sleep(0.05)
    return False


def python(code: str, *arguments: str) -> list[str]:
    """A command that runs Python code."""
    return [sys.executable, "-c", code, *arguments]


def ended(actions: Actions) -> bool:
    """Whether all commands are over."""
    actions.step()
    return actions.running == 0


def test_f5_no_shell(tmp_path: Path) -> None:
    """Arguments arrive as they are, whatever a shell would make of them."""
    actions, out = Actions(), tmp_path / "out"
    text = "$(touch x); 'quotes\" && | > y"
    assert actions.start(python(f"import sys; open({str(out)!r}, 'w').write(sys.argv[1])", text))
    assert until(lambda: ended(actions))
    assert out.read_text() == text


def test_f5_two_in_flight() -> None:
    """A third command is dropped while two run."""
    actions = Actions()
    sleep = python("import time; time.sleep(60)")
    assert [actions.start(sleep) for _ in range(3)] == [True, True, False]
    actions.close()
    assert actions.running == 0
    assert not actions.start(sleep)  # nor does one begin that was asked for a moment too late


def test_f5_hangs_and_forks(tmp_path: Path) -> None:
    """A command that forks and leaves counts until its child is gone, and the child is killed in time."""
    pid = tmp_path / "pid"
    fork = (
        f"import os, time\nif os.fork() == 0: open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    actions = Actions(timeout_s=1.0)
    assert actions.start(python(fork))
    assert until(lambda: pid.exists() and pid.read_text() != "")
    assert until(lambda: ended(actions))
    child = Path(f"/proc/{pid.read_text()}/stat")
    assert until(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("argv", [["/no/such/program"], [os.devnull], ["a\0b"]])
def test_f5_cannot_start(argv: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """A command that cannot start is logged, and costs nothing else."""
    actions = Actions()
    assert not actions.start(argv)
    assert "action_failed" in caplog.text
    assert actions.running == 0


def test_f5_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A command that ends with an error leaves its code in the log."""
    actions = Actions()
    actions.start(python("import sys; sys.exit(7)"))
    assert until(lambda: ended(actions))
    assert "code=7" in caplog.text
