"""The peers' benchmark runs, on a little sound; what is missing or broken is a line and stops nobody else."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import make_bundle

from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.wav import write_wav
from tests.bench import packages, peers, streams
from tests.bench.child import Child, ChildError
from tests.bench.engines import NEEDS, word_file
from tests.bench.packages import CACHE
from tests.bench.peers_table import text

SHORT = ["--seconds", "1", "--rounds", "2", "--json"]


def broken(cache: Path) -> Path:
    """A cache in which pyopen-wakeword cannot be imported and pymicro-wakeword kills its process."""
    for package, code in ((packages.PY_OPEN, "raise OSError('no such library')"),
                          (packages.PY_MICRO, "import os; os.abort()"),
                          (packages.PY_MICRO_FEATURES, "")):
        proof = package.folder(cache) / package.proof
        proof.parent.mkdir(parents=True)
        proof.write_text("")
        (proof.parent / "__init__.py").write_text(code)
    return cache


def run(capsys: pytest.CaptureFixture[str], cache: Path, *arguments: str) -> dict[str, Any]:
    """The command's object."""
    assert peers.main([*SHORT, *arguments], cache) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_what_is_broken_or_missing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours is measured all the same; each of the others says why not, and what to do where that helps."""
    told = run(capsys, broken(tmp_path))
    assert [row["system"] for row in told["systems"]] == [
        "heychip hey_chip", "heychip hey_chip, with the lazy gate"]
    why = {row["system"]: row["why"] for row in told["missing"]}
    assert set(why) == set(NEEDS) - {"heychip"}
    assert why["pyopen-wakeword"] == "OSError: no such library"
    assert "its process ended with status -6" in why["pymicro-wakeword"]
    assert why["openWakeWord"] == "openwakeword 0.5.1 is not here (add --install)"
    assert all("\n" not in line for line in why.values())
    shown = text(told)
    assert "pyopen-wakeword was not measured: OSError" in shown


def test_figures_and_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shares, ratios to the first row by round, memory and start-up, for both kinds of sound."""
    other = make_bundle(tmp_path, 3)
    told = run(capsys, tmp_path, "--systems", "heychip", "--bundle", "hey_chip", str(other))
    assert (told["schema"], told["complete"], told["missing"]) == (1, True, [])
    assert told["seconds"] == {"as it is": 0.96, "half silence": 2.0}
    first = told["systems"][0]
    assert [row["system"] for row in told["systems"]] == [
        f"heychip {name}{gate}" for name in ("hey_chip", "hey_test") for gate in ("", ", with the lazy gate")]
    for row in told["systems"]:
        assert row["start_cpu_s"] > 0
        assert 20 < row["resident_mb"] <= row["peak_mb"]
        for name, at in row["at"].items():
            assert (at["rounds"], at["heard_s"]) == (2, told["seconds"][name])
            for spread in (at["core_percent"], at["times_first"]):
                assert 0 < spread["lowest"] <= spread["median"] <= spread["highest"]
    assert first["at"]["as it is"]["times_first"] == {"median": 1.0, "lowest": 1.0, "highest": 1.0}
    shown = text(told)
    assert all(row["system"] in shown for row in told["systems"])
    assert "medians of 2 rounds" in shown


@pytest.mark.parametrize("engine", [name for name in NEEDS if name != "heychip"])
def test_a_peer_listens(engine: str, tmp_path: Path) -> None:
    """Each peer's own code hears a file to its end, from the packages that were fetched by an earlier run."""
    if not all(package.is_here(CACHE) for package in NEEDS[engine]):
        pytest.skip(f"{engine} is not in the cache: run the benchmark with --install once")
    np.zeros(5 * 1280, np.int16).tofile(tmp_path / "quiet.pcm")
    child = Child(engine, "alexa", CACHE)
    try:
        answer = child.ask(tmp_path / "quiet.pcm")
        assert (answer["hops"], answer["cpu_s"] > 0) == (5, True)
        with pytest.raises(ChildError, match="FileNotFoundError"):
            child.ask(tmp_path / "gone.pcm")
    finally:
        child.close()


def test_the_pace_of_the_clock(tmp_path: Path) -> None:
    """With --realtime a hop takes 80 ms by the clock, and waiting is not counted."""
    np.zeros(10 * 1280, np.int16).tofile(tmp_path / "quiet.pcm")
    child = Child("heychip", "hey_chip|whole listener", tmp_path, realtime=True)
    try:
        started = time.monotonic()
        answer = child.ask(tmp_path / "quiet.pcm")
        assert time.monotonic() - started >= 0.8
        assert answer["hops"] == 10
    finally:
        child.close()


def test_a_word_that_nobody_has(tmp_path: Path) -> None:
    """A word that openWakeWord has no model of is told with those that it has."""
    models = packages.OPEN_WAKE_WORD.folder(tmp_path) / "openwakeword" / "resources" / "models"
    models.mkdir(parents=True)
    (models / "alexa_v0.1.onnx").write_bytes(b"")
    assert word_file("alexa", tmp_path).name == "alexa_v0.1.onnx"
    with pytest.raises(LookupError, match="it has no word xyz; it has alexa"):
        word_file("xyz", tmp_path)


def test_half_silence(tmp_path: Path) -> None:
    """Behind each recording comes as much of a quiet room; the recordings are the same in both kinds."""
    write_wav(tmp_path / "a.wav", np.full(RATE_HZ, 0.5, np.float32), RATE_HZ)
    (tmp_path / "b.wav").write_bytes(b"no recording")
    found = streams.gather(tmp_path, 5.0)
    whole, half = (found.sounds[name] for name in (streams.AS_IT_IS, streams.HALF_SILENCE))
    assert found.files == ("a.wav",)
    assert len(whole) == 12 * 1280 + 1280  # `samples_of` ends a recording with a whole hop
    assert len(half) == 2 * len(whole)
    assert np.array_equal(half[: len(whole)], whole)
    quiet_db = 20 * np.log10(half[len(whole) :].std() / 32768)
    assert quiet_db == pytest.approx(streams.QUIET_DB, abs=1)


def test_no_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without recordings is a usage error, told in a line."""
    assert peers.main([*SHORT, "--audio", str(tmp_path)], tmp_path) == 2
    assert "no recording in it can be read" in capsys.readouterr().err


def test_a_package_that_pip_does_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the download fails, the error has the package and what pip said last."""
    monkeypatch.setattr(packages.sys, "executable", "/bin/false")
    with pytest.raises(UsageError, match="cannot be downloaded: pip said nothing"):
        packages.fetch(packages.OPEN_WAKE_WORD, tmp_path)
