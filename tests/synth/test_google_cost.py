"""What Google's voices cost: said before anything is bought, and nothing is bought without leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import UsageError
from synth.cli import main
from synth.voices import Take, Voice
from synth.voices.cache import speak_all
from synth.voices.google import Google
from synth.voices.google_cost import KINDS, consent, estimate, kind_of, with_spend
from tests.synth.google_server import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Listens for one test; its list of voices is kept nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    listening = Server()
    yield listening
    listening.close()


def take(name: str, text: str) -> Take:
    """Of a voice of Google's."""
    return Take(text, Voice("google", name, "en-us", ""))


def test_kinds_are_read_from_names() -> None:
    """Each of the table, in all its spellings; what is not in it costs as much as the dearest and comes as
    slowly as the slowest."""
    names = {"en-US-Wavenet-A": "WaveNet", "cmn-CN-Standard-D": "Standard", "es-419-Neural2-A": "Neural2",
             "sr-rs-Standard-A": "Standard", "en-US-Chirp-HD-F": "Chirp-HD",
             "en-US-Chirp3-HD-Kore": "Chirp3-HD", "fr-FR-Polyglot-1": "Polyglot"}  # fmt: skip
    assert {name: kind_of(name).name for name in names} == names
    for unknown in (kind_of("en-US-Novel-Z"), kind_of("Puck")):
        assert unknown.usd == max(kind.usd for kind in KINDS.values())
        assert unknown.rpm == min(kind.rpm for kind in KINDS.values())


def test_the_estimate_adds_up() -> None:
    """Characters, spaces included, at the price of each kind; the text says what, how much and of when."""
    takes = [take("en-US-Studio-O", "x" * 1_000), take("en-US-Wavenet-A", "a b " * 250), take("Puck", "y")]
    found = estimate(takes)
    assert found.clips == 3
    assert found.usd == pytest.approx((1_000 * 160 + 1_000 * 4 + 160) / 1e6)
    told = str(found)
    for part in ("3 clips", "2,001 characters", "0.16 USD", "prices of 20", "Studio 1,000 at 160", "free"):
        assert part in told
    assert told.index("Studio") < told.index("WaveNet"), "the dearest first"


def test_consent_needs_enough() -> None:
    """More than was allowed is refused with the sum that would do; then that does; nothing costs nothing."""
    takes = [take("en-US-Studio-O", "x" * 1_000)]
    with pytest.raises(UsageError, match=r"nothing was bought; to go on: --spend 0\.16$"):
        consent(takes, 0.0)
    consent(takes, 0.16)
    consent([], 0.0)
    with pytest.raises(UsageError, match=r"--spend 0\.01$"):
        consent([take("en-US-Standard-A", "hey")], 0.0)


def test_what_is_in_the_cache_costs_nothing(server: Server, tmp_path: Path) -> None:
    """The second run needs no leave and no server; a longer one pays for what is new."""
    rich, poor = (Google("en-us", f"{server.address},Studio{more}") for more in (",spend=1", ""))
    takes = [Take(f"hey {n}", rich.voices()[0]) for n in range(10)]
    with pytest.raises(UsageError, match="5 clips to buy, 25 characters"):
        list(speak_all(takes[:5], [poor], jobs=1, cache=tmp_path))
    assert not server.asked
    list(speak_all(takes[:5], [rich], jobs=1, cache=tmp_path))
    assert len(list(speak_all(takes[:5], [poor], jobs=1, cache=tmp_path))) == 5
    assert len(server.asked) == 5
    with pytest.raises(UsageError, match="2 clips to buy, 10 characters"):
        list(speak_all([*takes[:7], takes[6]], [poor], jobs=1, cache=tmp_path))
    assert len(server.asked) == 5


def test_spend_belongs_to_google() -> None:
    """It goes to the engine that costs money, wherever that stands; without one, or of no amount, it is a
    mistake."""
    assert with_spend(None, 0.0) is None
    assert with_spend(["flite"], 0.0) == ("flite",)
    assert with_spend(["flite", "google", "google=WaveNet"], 2.5) == (
        "flite", "google=spend=2.5", "google=WaveNet,spend=2.5")  # fmt: skip
    for engines, usd in ((None, 1.0), (["flite"], 1.0), (["google"], -1.0), (["google"], float("nan"))):
        with pytest.raises(UsageError, match="--spend"):
            with_spend(engines, usd)


def test_make_refuses_to_spend_without_leave(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make --engine google` says what it would cost and ends with 2; nothing was bought, nothing written."""
    words = ["make", "hey chip", "--engine", f"google={server.address}", "--preset", "quick", "--jobs", "1"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "clips to buy" in said
    assert "to go on: --spend" in said
    assert (server.lists, len(server.asked)) == (1, 0)
    assert not (tmp_path / "out").exists()
    assert main(["make", "hey chip", "--spend", "5", "--out", str(tmp_path / "out")]) == 2
    assert "add --engine google" in capsys.readouterr().err


def test_samples_are_bought_with_leave(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`voices sample` keeps to the same promise, and with enough it writes them."""
    words = ["voices", "sample", "hey chip", "--engine", f"google={server.address}", "--each", "2"]
    words += ["--out", str(tmp_path / "out"), "--seed", "3"]
    assert main(words) == 2
    assert not server.asked
    assert main([*words, "--spend", "0.05"]) == 0
    assert len(list((tmp_path / "out").glob("*google*.wav"))) == len(server.asked) == 2
    assert "2 clips to buy" in capsys.readouterr().err
