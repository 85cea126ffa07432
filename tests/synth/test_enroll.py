"""Enrolment: recordings of one person in, a bundle that hears that person out, alone or beside others."""

from __future__ import annotations

import io
import json
import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tones import tone_bundle

from edge import cli as edge_cli
from edge.bundle import load_bundle
from edge.errors import ModelError, UsageError
from synth import enroll as room
from synth import enroll_members, enroll_parts
from synth.cli import main
from synth.decode import load_audio
from synth.enroll import Order, enroll
from synth.enroll_bundle import gates
from synth.enroll_into import folded, open_base, together, unfused
from synth.evaluate import Evaluation, Positive
from synth.export import fused
from synth.streaming import Stage
from tests.synth.test_own_recordings import said
from tests.synth.toy import toy, untrained

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")
WORD = "marmalade"
VOICES = {"anna": "en-gb+f2", "bert": "en-us+m3"}


class Made(NamedTuple):
    """What the tests look at: made once."""

    cache: Path
    anna: list[Path]
    """five recordings, of which the first three are learned"""
    bert: list[Path]
    alone: Path
    """a bundle that has learned Anna"""
    both: Path
    """the same bundle, to which Bert was added"""


def small(patch: pytest.MonkeyPatch) -> None:
    """Little of everything, and nothing that happens to be on this machine."""
    patch.setattr(enroll_parts, "SENTENCES", {"train": 64, "choose": 32, "report": 8})
    patch.setattr("synth.negatives.sources", lambda: ())
    patch.setattr(enroll_members, "SCENES", 120)
    patch.setattr(enroll_members, "STEPS", 150)
    patch.setattr(room, "TARGET", 5.0)  # no more can be promised on four minutes of speech


def apart(work: Callable[..., Any], *args: object) -> Any:
    """What `work` gives in a process of its own, as the command has one: JAX's threads survive no fork."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def enrolled(order: Order) -> None:
    """The bundle that is ordered."""
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        enroll(order)


def commanded(words: list[str]) -> tuple[int, str]:
    """The exit code of the command and what it prints."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        small(patch)
        return main(words), printed.getvalue()


def people(folder: Path, takes: int) -> list[list[Path]]:
    """So many recordings of the word by each of the two, where espeak-ng is."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not here")
    return [[said(folder / name, WORD, take, voice) for take in range(takes)]
            for name, voice in VOICES.items()]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two people, a bundle of one, and one of both."""
    folder = tmp_path_factory.mktemp("enroll")
    anna, bert = people(folder, 5)
    alone, both, cache = folder / "alone", folder / "both", folder / "cache"
    apart(enrolled, Order(tuple(anna[:3]), WORD, alone, jobs=1, cache=cache))
    apart(enrolled, Order(tuple(bert[:3]), WORD, both, into=alone, jobs=1, cache=cache))
    return Made(cache, anna, bert, alone, both)


def margins(bundle: Path, recordings: list[Path]) -> np.ndarray:
    """The highest margin of each member [K, N] in each recording."""
    stage = Stage([bundle])
    quiet = np.random.default_rng(0).standard_normal(24_000).astype(np.float32) * 3e-4
    sounds = [np.concatenate([quiet, load_audio(path), quiet[:12_000]]) for path in recordings]
    return np.array([stage.answers(sound)[0].members.max(axis=0) for sound in sounds])


def manifest(bundle: Path) -> dict:
    return dict(json.loads((bundle / "manifest.json").read_bytes()))


def test_it_hears_recordings_that_it_has_not_learned(made: Made) -> None:
    """The fourth and the fifth recording of the person wake it."""
    assert (margins(made.alone, made.anna[3:]) > 0).all()


def test_it_does_not_hear_other_words(made: Made, tmp_path: Path) -> None:
    """What the same voice says that is another word does not."""
    others = ["good evening", "banana", "mother", "open the window please", "late"]
    recordings = [said(tmp_path, text, voice=VOICES["anna"]) for text in others]
    assert (margins(made.alone, recordings) < 0).all()


def test_the_bundle_is_like_any_other(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """`edge` loads it, `heychip replay` hears its golden recording with the margin in its manifest, and the
    manifest says whose recordings it is of and how well it hears."""
    bundle, told = load_bundle(made.alone), manifest(made.alone)
    assert bundle.manifest.word == WORD
    assert bundle.manifest.golden is not None and bundle.manifest.golden.heard
    assert sorted(told["files"]) == ["counter.wav", "detectors.onnx", "golden.wav", "report.html"]
    assert bundle.manifest.counter is not None and not bundle.manifest.counter.heard
    assert told["voices"][0]["licence"] == "the user's own"
    assert len(told["recordings"]) == told["calibration"]["misses"]["clean"]["of"] == 3
    assert told["calibration"]["false_accepts"]["hours"] > 0
    assert str(made.anna[0].parent) not in json.dumps(told)
    capsys.readouterr()
    golden = str(made.alone / "golden.wav")
    assert edge_cli.main(["replay", "--models", str(made.alone), "--trace", golden]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [event["word"] for event in row["events"]] == [WORD]
    assert max(row["margin"]) == pytest.approx(told["golden"]["margin"], abs=0.01)


def test_an_extended_bundle_keeps_its_members(made: Made) -> None:
    """Beside the new member the old one says what it said, at a threshold that is no lower; both people are
    heard."""
    old, new = load_bundle(made.alone).manifest.members, load_bundle(made.both).manifest.members
    assert [member.name for member in new] == ["personal", "personal-2"]
    assert new[0].threshold >= old[0].threshold
    before, after = (margins(bundle, made.anna) for bundle in (made.alone, made.both))
    np.testing.assert_allclose(before[:, 0] + old[0].threshold, after[:, 0] + new[0].threshold, atol=1e-2)
    assert (margins(made.both, made.anna[3:]).max(axis=1) > 0).all()
    theirs = margins(made.both, made.bert[3:])
    assert (theirs[:, 1] > theirs[:, 0]).all()
    assert (theirs[:, 1] > 0).any()
    assert len(manifest(made.both)["recordings"]) == 6
    assert manifest(made.both)["extends"]["calibration"] == manifest(made.alone)["calibration"]
    assert load_bundle(made.both).manifest.speeds == load_bundle(made.alone).manifest.speeds == ()


@needs_espeak
def test_the_same_seed_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    """The command makes the bundle of the same recordings again, byte for byte, prints one JSON object, and
    keeps nothing of the person in the cache."""
    out = tmp_path / "again"
    words = ["enroll", *map(str, made.anna[:3]), "--word", WORD, "--out", str(out), "--jobs", "1", "--json"]
    code, printed = apart(commanded, [*words, "--cache", str(made.cache)])
    assert code == 0
    assert (out / "manifest.json").read_bytes() == (made.alone / "manifest.json").read_bytes()
    told = json.loads(printed)
    assert told["bundle"] == str(out) and told["calibration"] == manifest(made.alone)["calibration"]
    assert not list((made.cache / "enroll").glob("*"))


def test_what_cannot_be_done_is_said_before_any_work(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake exits with its code, names what is wrong and writes nothing."""
    monkeypatch.setattr(room, "backdrop", lambda *_, **__: pytest.fail("work was done"))
    three, out = [str(path) for path in made.anna[:3]], tmp_path / "out"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    tone = str(tone_bundle(tmp_path))
    wrong = [
        (2, [*three[:2], "--word", WORD], "2 recordings are too few"),
        (2, [*three, "--word", "  "], "is no word"),
        (2, [*three, "--word", WORD, "--seed", "-1"], "--seed -1"),
        (2, [*three, "--word", WORD, "--negatives", str(tmp_path / "none")], "no such folder"),
        (2, [*three, "--word", "banana", "--into", str(made.alone)], f"hears “{WORD}”, not “banana”"),
        (2, [*three, "--word", WORD, "--out", str(tmp_path / "full")], "is no bundle"),
        (5, [*three, "--word", "tone", "--into", tone], "make it anew"),
        (5, [*three, "--word", WORD, "--into", str(tmp_path / "none")], "none"),
    ]
    for code, words, named in wrong:
        assert main(["enroll", "--out", str(out), *words, "--cache", str(tmp_path / "cache")]) == code
        said_of = capsys.readouterr()
        assert named in said_of.err and said_of.out == ""
        assert not out.exists()


@pytest.mark.parametrize(("count", "nets", "heads"), [(1, 1, 1), (3, 1, 1), (2, 3, 1), (1, 1, 5), (1, 2, 3)])
def test_a_bundle_is_read_back_as_it_was_written(count: int, nets: int, heads: int) -> None:
    """The weights of a fused file, fused again, say what it said; members of several networks, and those that
    share them, too."""
    from synth.train import Trained, logits_of

    trained = untrained(count, nets=nets, heads=heads)
    found = unfused(fused(trained))
    assert found is not None and found[1] == nets
    back = folded(Trained(found[0], np.zeros(96, np.float32), np.ones(96, np.float32), nets))
    np.testing.assert_allclose(logits_of(back, toy(60)), logits_of(trained, toy(60)), atol=2e-3)


def test_members_of_several_networks_are_joined_by_one_of_one(made: Made) -> None:
    """A personal member of one network beside members of three says what it says alone."""
    from dataclasses import replace

    from synth.train import logits_of

    first, second = untrained(2, nets=3), untrained(1, seed=5)
    params, nets = unfused(fused(first)) or ({}, 0)
    base = replace(open_base(made.alone, WORD), params=params, nets=nets)
    both = logits_of(together(base, folded(second)), toy(60))
    np.testing.assert_allclose(both[:, :2], logits_of(first, toy(60)), atol=2e-3)
    np.testing.assert_allclose(both[:, 2:], logits_of(second, toy(60)), atol=2e-3)


def test_members_are_added_to_those_that_share_networks(made: Made) -> None:
    """Beside three members on two networks, two new ones say what they say alone; and when one of these is
    left out again, so is its network."""
    from dataclasses import replace

    from synth.train import logits_of, only

    first, second = untrained(1, nets=2, heads=3), untrained(2, seed=5)
    params, nets = unfused(fused(first)) or ({}, 0)
    base = replace(open_base(made.alone, WORD), params=params, nets=nets)
    joined = together(base, folded(second))
    both = logits_of(joined, toy(60))
    np.testing.assert_allclose(both[:, :3], logits_of(first, toy(60)), atol=2e-3)
    np.testing.assert_allclose(both[:, 3:], logits_of(second, toy(60)), atol=2e-3)
    kept = only(joined, range(4))
    assert (joined.nets, kept.nets, kept.members) == (4, 3, 4)
    np.testing.assert_allclose(logits_of(kept, toy(60)), both[:, :4], atol=2e-3)


def test_other_graphs_are_not_taken_apart(tmp_path: Path) -> None:
    """A file that is not as `make` writes it is none to extend."""
    assert unfused((tone_bundle(tmp_path) / "detectors.onnx").read_bytes()) is None


def test_a_bundle_that_hears_nobody_is_not_written() -> None:
    """Most of the recordings missed, or surely too many false accepts: said in words."""
    person = tuple(Positive(np.zeros(0, np.float32), 1.0, "clean", "the person") for _ in range(3))
    streams = (np.full(45_000, -5.0),)
    good = Evaluation(person, np.array([1.0, 1.0, -1.0]), np.ones(3), streams, 1.0)
    deaf = Evaluation(person, np.array([1.0, -1.0, -1.0]), np.ones(3), streams, 1.0)
    noisy = streams[0].copy()
    noisy[::500] = 1.0
    assert gates(good) == []
    assert "2 of the 3" in gates(deaf)[0]
    assert "false accepts an hour" in gates(Evaluation(person, good.best, good.first_s, (noisy,), 1.0))[0]


def test_errors_are_of_the_usual_kinds(made: Made) -> None:
    """What is asked for wrongly is a UsageError; a bundle that cannot be extended is a ModelError."""
    with pytest.raises(UsageError, match="side by side"):
        open_base(made.alone, "banana")
    with pytest.raises(ModelError):
        open_base(made.alone.parent / "none", WORD)
