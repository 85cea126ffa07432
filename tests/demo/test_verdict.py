"""The demo passes only where the daemon did all that it should: each fault alone makes it fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from demo import ears, eyes
from demo.daemon import Event
from demo.eyes import PICTURES, SHOW
from demo.stage import Line
from edge.events import RATE_HZ
from edge.phrases import SHIPPED
from edge.wav import write_wav

CALLS = [Line(ears.PHRASE, "voice", at_s, at_s + 0.8, phrase=True) for at_s in (5.0, 15.0, 25.0)]
GREETING = ears.GREETINGS.splitlines()[0]
Spoil = Callable[[list[Event]], object]


@pytest.fixture
def tone(tmp_path: Path) -> str:
    """A line that sounds."""
    write_wav(tmp_path / "line.wav", np.full(1600, 0.3, np.float32), RATE_HZ)
    return str(tmp_path / "line.wav")


def heard(tone: str) -> list[Event]:
    """What the daemon tells where all goes well."""
    rows: list[Event] = [{"event": "seen", "label": "espresso"}]
    for call in CALLS:
        rows += [{"event": "heard", "time_s": call.end_s + 0.2, "word": ears.PHRASE},
                 {"event": "said", "text": GREETING, "file": tone}]
    return rows


def seen(tone: str) -> list[Event]:
    """The same of the pictures."""
    rows: list[Event] = []
    for picture in SHOW:
        if picture.event == "seen":
            rows += [{"event": "seen", "label": picture.what}, {"event": "mood", "mood": "nobody"},
                     {"event": "said", "text": f"I can see {picture.what}.", "file": tone}]
        else:
            lines = (SHIPPED / f"{picture.what}.txt").read_text().splitlines()
            line = next(line for line in lines if line and not line.startswith("#"))
            rows += [{"event": "mood", "mood": picture.what}, {"event": "seen", "label": "face"},
                     {"event": "said", "text": line, "file": tone}]
    return rows


@pytest.mark.parametrize(("how", "spoil"), [
    ("nothing", list.clear),
    ("a call not heard", lambda rows: rows.pop(1)),
    ("a call heard late", lambda rows: rows[1].update(time_s=8.0)),
    ("one too many", lambda rows: rows.append(rows[1] | {"time_s": 40.0})),
    ("no answer", lambda rows: rows.pop(2)),
    ("a wrong answer", lambda rows: rows[2].update(text="What?")),
    ("an answer without sound", lambda rows: rows[2].update(file="")),
    ("the answer before the call", lambda rows: rows.insert(1, rows.pop(2))),
    ("nothing seen", lambda rows: rows.pop(0)),
])  # fmt: skip
def test_the_ears_must_have_done_it_all(how: str, spoil: Spoil, tone: str) -> None:
    """All well passes; each fault alone does not."""
    rows = heard(tone)
    assert ears.verdict(rows, CALLS)
    spoil(rows)
    assert not ears.verdict(rows, CALLS), how


@pytest.mark.parametrize(("how", "spoil"), [
    ("nothing", list.clear),
    ("a picture not seen", lambda rows: rows[3].update(label="cup")),
    ("a mood not felt", lambda rows: rows[0].update(mood="calm")),
    ("a line missing", lambda rows: rows.pop(2)),
    ("a line too many", lambda rows: rows.append(rows[2])),
    ("a joyful line for a serious face", lambda rows: rows[8].update(text=rows[2]["text"])),
    ("answers in another order", lambda rows: rows.insert(2, rows.pop(5))),
    ("pictures in another order", lambda rows: rows.insert(0, rows.pop(3))),
    ("a line without sound", lambda rows: rows[5].update(file="")),
])  # fmt: skip
def test_the_eyes_must_have_done_it_all(how: str, spoil: Spoil, tone: str) -> None:
    """All well passes; each fault alone does not."""
    rows = seen(tone)
    assert eyes.verdict(rows)
    spoil(rows)
    assert not eyes.verdict(rows), how


def test_every_picture_has_a_licence() -> None:
    """What is shown is there, and the list tells where it is from."""
    listed = (PICTURES / "README.md").read_text()
    assert all((PICTURES / f"{one.file}.jpg").is_file() and f"`{one.file}.jpg`" in listed for one in SHOW)
