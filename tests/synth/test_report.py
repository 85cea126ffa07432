"""The report: a page that is whole, shows the figures with their intervals, and runs nothing."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import make_bundle, manifest_of

from edge.commands.models import describe
from edge.events import HOP_S
from synth.choosing import Choice
from synth.evaluate import Evaluation, Positive, summary
from synth.report import report_html

VOID = {"meta", "br", "hr", "img", "input", "link"}
HOSTILE = "<script>alert('hey')</script>&"


class Page(HTMLParser):
    """Reads a page: every element has to be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def evaluation() -> Evaluation:
    """Sixty phrases in two conditions, and an hour of streams with some false accepts."""
    rng = np.random.default_rng(0)
    nothing = np.zeros(0, np.float32)
    where = [("clean" if k < 30 else "0 dB", "flite" if k % 2 else "espeak-ng") for k in range(60)]
    positives = tuple(Positive(nothing, 2.5, condition, family) for condition, family in where)
    best = np.concatenate([rng.normal(4, 2, 30), rng.normal(1, 2, 30)])
    first = np.where(best >= 0, 2.5 + rng.normal(0.05, 0.1, 60), np.nan)
    margins = rng.normal(-12, 2.2, 45_000) + rng.exponential(1, 45_000)
    streams = tuple(np.split(margins.astype(np.float32), 10))
    return Evaluation(positives, best, first, streams, len(margins) * HOP_S / 3600)


def manifest(found: Evaluation, **changes: Any) -> dict[str, Any]:
    """What a bundle says of itself, with the figures of `found`."""
    told = manifest_of(2, {})
    told["calibration"] = {"target_false_accepts_per_hour": 0.1, **summary(found)}
    choice = Choice((0, 2), np.zeros(2, np.float32), 500, 30, 20, 3)
    told["calibration"]["members_chosen"] = choice.told()
    told["clips"] = {"train": {"espeak-ng": 1_000, "flite": 234}, "left_out": {"too short": 3}}
    told["voices"] = [{"engine": "flite", "licence": "BSD", "train": ["slt", "kal"], "report": ["rms"]}]
    told["data"] = [{"name": "prompts", "kind": "speech", "licence": "CC0", "package": "prompts-en"}]
    return told | {"preset": "quick"} | changes


@pytest.fixture(scope="module")
def found() -> Evaluation:
    """The evaluation."""
    return evaluation()


@pytest.fixture(scope="module")
def text(found: Evaluation) -> str:
    """Its page."""
    return report_html(manifest(found), found)


def test_the_page_is_well_formed(text: str) -> None:
    """Everything that is opened is closed, in order; there are three pictures and some tables."""
    page = Page(text)
    assert page.open == []
    assert page.elements.count("svg") == 3
    assert page.elements.count("table") >= 4
    assert page.elements.count("title") >= 1


def test_the_page_fetches_and_runs_nothing(text: str) -> None:
    """No script, and no address in it that a browser would go to."""
    page = Page(text)
    assert not {"script", "iframe", "img", "link", "object", "embed"} & set(page.elements)
    targets = [value or "" for key, value in page.attributes if key in ("href", "src", "xlink:href", "data")]
    assert all(target.startswith("#") for target in targets)
    assert not [key for key, _ in page.attributes if key.startswith("on")]
    assert "@import" not in text


def test_the_figures_are_on_the_page(found: Evaluation, text: str) -> None:
    """Misses with their intervals, false accepts with theirs, latency, for every condition and family."""
    words = Page(text).words
    told = manifest(found)["calibration"]
    rows = [*told["misses"].values(), *told["families"].values()]
    rows += [row for at in told["at_false_accepts_per_hour"].values() for row in at.values()]
    assert len(rows) == 2 + 2 + 3 * 2
    for row in rows:
        low, high = row["ci95"]
        assert f"{low:g} to {high:g} %" in words
    for row in told["misses"].values():
        assert f"{row['percent']:g} %" in words
        assert f"{row['misses']} of {row['of']}" in words
    alarms = told["false_accepts"]
    assert alarms["events"] > 0
    low, high = alarms["ci95"]
    assert f"{alarms['events']} in {alarms['hours']:.2f} h; {low:g} to {high:g} /h" in words
    assert f"{told['latency_s']['median'] * 1000:.0f} ms" in words
    for word in ("hey test", "clean", "0 dB", "flite", "espeak-ng", "1,234 clips", "3 times too short"):
        assert word in words


def test_the_same_bundle_gives_the_same_bytes(found: Evaluation, text: str) -> None:
    """A report is part of what a bundle's sha256 speaks for, so it holds no date and no chance."""
    assert report_html(manifest(evaluation()), evaluation()) == text
    assert report_html(manifest(found, seed=8), found) != text


def test_a_hostile_phrase_is_only_text(found: Evaluation) -> None:
    """Whatever the phrase, the spellings, voices and reasons are, they are shown and never obeyed."""
    page = report_html(
        manifest(
            found,
            word=HOSTILE,
            spellings=[HOSTILE],
            preset=HOSTILE,
            members=[{"name": HOSTILE, "trained_on": HOSTILE, "threshold": 1.0}],
            voices=[{"engine": HOSTILE, "licence": HOSTILE, "train": [HOSTILE], "report": [HOSTILE]}],
            data=[{"name": HOSTILE, "kind": HOSTILE, "licence": HOSTILE, "package": HOSTILE}],
            clips={"train": {HOSTILE: 1}, "left_out": {HOSTILE: 2}},
            versions={HOSTILE: HOSTILE},
        ),
        found,
    )
    assert "<script" not in page
    assert page.count(html.escape(HOSTILE)) == 17
    assert Page(page).open == []


def test_gates_that_were_overridden_are_told(found: Evaluation, text: str) -> None:
    """A bundle that was forced says so on its page; another does not."""
    told = manifest(found)
    told["calibration"]["forced_over"] = ["it misses <9 of 10"]
    assert "Exported although it misses &lt;9 of 10." in report_html(told, found)
    assert "although" not in text


def test_why_there_are_so_many_members_is_told(text: str) -> None:
    """How many were tried, on how much, and what the OR and its best member missed there."""
    words = Page(text).words
    assert "Of 3 trained, chosen on 500 spoiled phrases" in words
    why = "the OR of 2 misses clearly less than the best member alone"
    assert f"{why} (20 of 500 missed against 30 of 500" in words


def test_a_bundle_that_hears_nothing_has_a_page(found: Evaluation) -> None:
    """All missed, no false accept, no negatives: no figure divides by zero."""
    deaf = Evaluation(found.positives[:3], np.full(3, -50.0), np.full(3, np.nan), (), 0.0)
    told = manifest(found)
    told["calibration"] |= {k: v for k, v in summary(found).items() if k != "latency_s"} | {"latency_s": {}}
    assert Page(report_html(told, deaf)).open == []


def test_the_edge_reads_what_is_written(found: Evaluation, tmp_path: Path) -> None:
    """`heychip models list` finds false accepts and misses where an evaluation puts them."""
    bundle = make_bundle(tmp_path, change=lambda table: table.update(calibration=summary(found)))
    told = describe(bundle)
    assert told["false_accepts"].startswith(f"{found.alarms() / found.hours:g} (")
    missed, count = found.misses(condition="clean")
    assert told["misses"].startswith(f"{round(100 * missed / count, 1):g} % (")
