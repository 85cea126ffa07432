"""Rules and the commands that they start."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.actions import Actions
from edge.config import Config, RuleConfig
from edge.events import Heard, Seen
from edge.rules import Action, Rules, Run, Say

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


def test_every_s() -> None:
    """A rule rests for every_s after it acted, not after it might have; rules rest each for themselves."""
    both = rules(RuleConfig(heard="*", text="slow", every_s=10), RuleConfig(heard="*", text="fast"))
    said = [
        (now, [a.text for a in both.step(HEARD, now) if isinstance(a, Say)])
        for now in (5.0, 14.9, 15.0, 20.0)
    ]
    assert said == [(5.0, ["slow", "fast"]), (14.9, ["fast"]), (15.0, ["slow", "fast"]), (20.0, ["fast"])]


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
