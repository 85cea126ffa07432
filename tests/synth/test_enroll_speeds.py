"""A bundle with a second look that a person is added to: it keeps that look, and all is found with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import change_manifest

from edge.backbone import CONTEXT, HARDENED
from edge.bundle import Bundle, load_bundle
from edge.events import STEP
from edge.features import Features
from edge.hearing_trial import hear_first
from edge.listener import Listener
from edge.replay import replay
from edge.sessions import session
from synth import enroll as room
from synth import enroll_members
from synth.acoustics import Sound
from synth.backdrop import Backdrop, backdrop
from synth.calibrate import Curve
from synth.choosing import Held
from synth.dataset import Examples
from synth.enroll import Order
from synth.enroll_hearing import _said
from synth.enroll_into import open_base, unfused
from synth.enroll_members import CAUTION, Members
from synth.evaluate import Evaluation
from synth.export import fused
from synth.speeds import SPEEDS, rows_of
from synth.train import Trained, logits_of, looked
from tests.synth.test_enroll import WORD, apart, enrolled, manifest, people, small
from tests.synth.toy import toy, untrained


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Backdrop]:
    """A bundle with a second look, the same with one more person in it, and what both were told from."""
    folder = tmp_path_factory.mktemp("speeds")
    first, second = people(folder, 3)
    base, both, cache = folder / "base", folder / "both", folder / "cache"
    apart(enrolled, Order(tuple(first), WORD, base, jobs=1, cache=cache))
    change_manifest(base, lambda m: m.update(speeds=list(SPEEDS)))
    apart(enrolled, Order(tuple(second), WORD, both, into=base, jobs=1, cache=cache))
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        return base, both, backdrop((), WORD, jobs=1, cache=cache, speeds=SPEEDS)


def unscaled(count: int) -> Trained:
    """Random members that take embeddings as they are, as those of an enrolment do."""
    return replace(untrained(count, seed=5), mean=np.zeros(96, np.float32), scale=np.ones(96, np.float32))


def logits(bundle: Bundle, examples: Examples) -> np.ndarray:
    """What the file of the bundle says [H, N] of every hop."""
    run = session(bundle.onnx, "detectors.onnx")
    rows = examples.rows.astype(np.float32)
    return np.concatenate([run.run(None, {"embeddings": rows[None, at : at + CONTEXT]})[0]
                           for at in examples.first])  # fmt: skip


def promised(said_of: np.ndarray, choose: Examples, target: float, base: Bundle) -> list[float]:
    """The thresholds that logits [H, 2] on the choose way lead to."""
    held = Held(said_of, choose)
    found = held.thresholds([0, 1], target)
    curve = Curve.of([stream[:, 1] for stream in held.talk], held.hours)
    rate = min(target / CAUTION, curve.rate(float(found[1])))
    return [max(float(found[0]), base.manifest.members[0].threshold), curve.threshold(rate)]


def test_it_keeps_the_second_look(pair: tuple[Path, Path, Backdrop]) -> None:
    """The speeds are those of the bundle that was extended; the golden recording is heard with the margin in
    the manifest, by replay and in the trial that a bundle goes through before it is put to use."""
    bundle, told = load_bundle(pair[1]), manifest(pair[1])
    assert bundle.manifest.speeds == SPEEDS
    assert bundle.manifest.golden is not None and bundle.manifest.golden.heard
    margins = replay(Listener([bundle]), pair[1] / "golden.wav", trace=True)["margin"]
    assert max(margins) == pytest.approx(told["golden"]["margin"], abs=0.01)
    assert max(hear_first(bundle).values()) == pytest.approx(told["golden"]["margin"], abs=0.01)


def test_its_page_tells_of_the_second_look(pair: tuple[Path, Path, Backdrop]) -> None:
    """And that of the bundle that was made without one does not."""
    said_of = [(folder / "report.html").read_text("utf-8") for folder in pair[:2]]
    assert ["a little slower" in page for page in said_of] == [False, True]


def test_its_thresholds_are_found_with_it(pair: tuple[Path, Path, Backdrop]) -> None:
    """Those of all members are what the mean over all speeds leads to, and not what the word as it was said
    would."""
    base, both, behind = load_bundle(pair[0]), load_bundle(pair[1]), pair[2]
    heard = [logits(both, examples) for examples in behind.heard("choose")]
    target = manifest(pair[1])["calibration"]["target_false_accepts_per_hour"]
    choose = behind.ways["choose"]
    mean, plain = (promised(one, choose, target, base) for one in (np.mean(heard, axis=0), heard[0]))
    found = [member.threshold for member in both.manifest.members]
    assert found == pytest.approx(mean, abs=0.02)
    assert abs(found[1] - plain[1]) > 0.1


def test_its_false_accepts_are_counted_with_it(
    pair: tuple[Path, Path, Backdrop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of the report way is of the mean over all speeds."""
    members, given = Members(unscaled(2), None, np.zeros(3, np.int64)), []

    def spy(_words: object, _behind: Backdrop, report: np.ndarray, *_: object, **__: object) -> Evaluation:
        given.append(report)
        return Evaluation((), np.zeros(0), np.zeros(0), (), 1.0)

    monkeypatch.setattr(room, "hearing", spy)
    room._judge(Order((), WORD, pair[1]), [], pair[2], members)
    plain, mean = looked(members.new, pair[2].heard("report"))
    np.testing.assert_allclose(given[0], mean, atol=1e-3)
    assert np.abs(mean - plain).max() > 0.1


def test_recordings_are_heard_at_every_speed() -> None:
    """What members say of a sound is the mean of what they say of it at each speed, whatever is heard with
    it."""
    rng = np.random.default_rng(0)
    sounds: list[Sound] = [rng.normal(0, 0.05, n).astype(np.float32) for n in (20 * STEP, 31 * STEP - 7)]
    members = Members(unscaled(2), None, np.zeros(1, np.int64))
    for sound, found in zip(sounds, _said(sounds, (1.0, *SPEEDS), members), strict=True):
        whole = np.concatenate([sound, np.zeros(-len(sound) % STEP, np.float32)])
        each = [stream_of(*rows_of(Features(HARDENED), whole, speed)) for speed in (1.0, *SPEEDS)]
        mean = looked(members.new, each)[1]
        np.testing.assert_allclose(found, mean, atol=0.05)


def stream_of(rows: np.ndarray, first: np.ndarray) -> Examples:
    """One stream, of which only that counts."""
    nothing = np.zeros(len(first), np.int32)
    return Examples(rows.astype(np.float16), first, nothing.astype(np.int8), nothing, nothing,
                    nothing.astype(np.float32), nothing.astype(bool))  # fmt: skip


def test_members_are_scored_apart_and_written_together(pair: tuple[Path, Path, Backdrop]) -> None:
    """Those that were there and the new ones say what they say in one set of networks, and only the first of
    the new ones goes into the bundle."""
    params, nets = unfused(fused(untrained(1, nets=3))) or ({}, 0)
    base = replace(open_base(pair[0], WORD), params=params, nets=nets)
    members = Members(unscaled(3), base, np.arange(2))
    examples = toy(60)
    plain, mean = enroll_members.looked(members, [examples, examples])
    assert plain.shape == (60, 4) and members.count == 2
    np.testing.assert_allclose(mean, plain, atol=1e-4)
    np.testing.assert_allclose(logits_of(members.bundle(), examples), plain[:, :2], atol=2e-3)
