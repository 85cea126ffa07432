"""What the eyes see moves the ears' thresholds, and never costs a word its refractory time or its turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import load_bundle
from edge.camera.folder import read_picture
from edge.commands.run import build
from edge.config import load_config
from edge.ensemble import Ensemble
from edge.events import HOP_S, RATE_HZ, STEP, Face, Frame, Heard, Seen
from edge.eyes import Eyes
from edge.faces import Faces
from edge.fakes import FakeCamera
from edge.gate import Gate
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.mood import Steady
from edge.parts import Eye
from edge.prior import Prior, facing, open_prior
from edge.prior_config import PriorConfig
from edge.replay import samples_of
from tests.bench.streams import OWN

CONFIG = PriorConfig(on=True, facing=-1.0, nobody=2.0, hold_s=3.0, stale_s=5.0)
STRAIGHT = ((40.0, 40.0), (60.0, 40.0), (50.0, 52.0), (50.0, 62.0))
AWAY = ((40.0, 40.0), (60.0, 40.0), (60.0, 52.0), (57.0, 62.0))
Points = Sequence[tuple[float, float]]


def face(points: Points = STRAIGHT) -> Face:
    return Face((30, 20, 70, 75), 0.9, 0.5, tuple(points))


def turned(points: Points, degrees: float, size: float = 1.0) -> list[tuple[float, float]]:
    """The points rotated in the picture and scaled."""
    cos, sin = size * math.cos(math.radians(degrees)), size * math.sin(math.radians(degrees))
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]


def seen(prior: Prior, faces: Sequence[Face], from_s: float, to_s: float, *, dark: bool = False) -> None:
    """A picture a second."""
    for second in np.arange(from_s, to_s):
        prior.look(faces, dark, float(second))


@pytest.mark.parametrize("degrees", [0, 30, -50, 180])
@pytest.mark.parametrize("size", [0.3, 1.0, 20.0])
def test_straight_faces_score_one_and_turned_ones_nothing(degrees: float, size: float) -> None:
    """The nose midway between the eyes is 1, below an eye 0, in any size and however the head is tilted."""
    assert facing(face(turned(STRAIGHT, degrees, size))) == pytest.approx(1)
    assert facing(face(turned(AWAY, degrees, size))) == pytest.approx(0)


def test_facing_falls_as_a_head_turns() -> None:
    """A head modelled as a nose half an eye distance in front of the eyes: past 0.5 at 20 to 35 degrees."""
    scores = []
    for yaw in range(0, 90, 5):
        cos, sin = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
        scores.append(facing(face([(-cos, 0), (cos, 0), (sin, 1), (0.5 * sin, 2)])))
    assert scores == sorted(scores, reverse=True)
    assert 20 <= 5 * next(k for k, score in enumerate(scores) if score < 0.5) <= 35
    assert scores[-1] == 0


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=6))
def test_any_points_give_a_number_from_0_to_1(points: list[tuple[float, float]]) -> None:
    """NaN, infinity, all points in one place, too few and too many included."""
    assert 0 <= facing(face(points)) <= 1


def test_without_eyes_the_ears_keep_their_own_thresholds() -> None:
    """Before the first picture, in the dark and when pictures have stopped the offset is 0."""
    prior = Prior(CONFIG)
    assert prior.offset(0.0) == prior.offset(1e6) == 0
    seen(prior, [], 0, 20, dark=True)
    assert prior.offset(20.0) == 0
    seen(prior, [], 20, 40)
    assert prior.offset(39.5) == 2
    assert prior.offset(39.0 + 5.1) == 0
    seen(prior, [face()], 50, 51)
    assert prior.offset(50.5) == -1
    prior.look([], True, 51.0)
    assert prior.offset(51.1) == 0


def test_a_face_that_looks_this_way_lowers_an_empty_room_raises() -> None:
    """A face counts for 3 s after it was last seen; a room is empty after 3 s of pictures without one."""
    prior = Prior(CONFIG)
    seen(prior, [], 0, 3)
    assert prior.offset(2.9) == 0
    seen(prior, [], 3, 10)
    assert prior.offset(9.5) == 2
    seen(prior, [face(AWAY), face()], 10, 11)
    assert prior.offset(10.0) == -1
    seen(prior, [], 11, 20)
    assert [prior.offset(time_s) for time_s in (12.9, 13.1)] == [-1, 2]
    seen(prior, [face(AWAY)], 20, 30)
    assert prior.offset(29.5) == 0


def test_pictures_that_come_back_begin_anew() -> None:
    """After a break an empty room must be seen for 3 s again, also where the clock began anew."""
    for back_s in (100.0, 0.0):
        prior = Prior(CONFIG)
        seen(prior, [], 10, 20)
        prior.look([], False, back_s)
        assert prior.offset(back_s + 2) == 0
        seen(prior, [], back_s + 1, back_s + 5)
        assert prior.offset(back_s + 4.5) == 2


@given(st.lists(st.tuples(st.sampled_from([(), (face(),), (face(AWAY),)]), st.booleans(),
                          st.floats(0, 10)), max_size=30), st.floats(-5, 200))  # fmt: skip
def test_raised_is_one_of_three_and_never_below_zero(
    pictures: list[tuple[tuple[Face, ...], bool, float]], at_s: float
) -> None:
    """Whatever was seen, and for whatever time it is asked."""
    prior, now_s = Prior(CONFIG), 0.0
    for faces, dark, wait_s in pictures:
        now_s += wait_s
        prior.look(faces, dark, now_s)
    assert prior.raised(at_s) in {0.0, 1.0, 3.0}


def test_off_is_no_prior() -> None:
    """Off by default; on, it lowers the listener by what a face is worth."""
    assert open_prior(PriorConfig()) is None
    prior = open_prior(CONFIG)
    assert prior is not None
    assert prior.lowest == -1


def test_the_gate_asks_for_what_both_ask_for() -> None:
    """While we speak, what the line needs is added to what the eyes ask for; closed stays closed."""
    gate, prior = Gate(0.4), Prior(CONFIG)
    gate.prior = prior.raised
    assert gate.raised_at(1.0) == 1
    gate.begin()
    assert gate.raised_at(1.0) == math.inf
    gate.over = lambda _: 4.0
    assert gate.raised_at(1.0) == 5
    prior.look([face()], False, 0.5)
    assert gate.raised_at(1.0) == 4


def decided(prior: Prior, margins: Sequence[float], own: float = 0.0) -> list[tuple[float, float]]:
    """What counts of these margins, hop by hop: time, and score above the ears' own threshold."""
    ensemble = Ensemble("hey chip", ["all"], np.array([own], np.float32), offset=prior.lowest)
    ensemble.raised = prior.raised
    found = []
    for hop, margin in enumerate(margins):
        heard = ensemble.step(np.array([margin + own], np.float32), hop * HOP_S)
        if heard and heard.score >= prior.raised(hop * HOP_S):
            found.append((round(hop * HOP_S, 2), round(heard.score + prior.lowest, 3)))
    return found


def test_what_is_not_enough_disarms_nothing() -> None:
    """In an empty room a weak score counts for nothing; the strong one a hop, or a second, later does, and
    once. With a face the weak one counts."""
    weak_then_strong = [-9.0, 0.5, 3.0, 3.0, -9.0]
    empty = Prior(CONFIG)
    seen(empty, [], -20, 1)
    assert decided(empty, weak_then_strong) == [(0.16, 3.0)]
    assert decided(empty, [-9, 0.5, *[-9] * 2, 3.0]) == [(0.32, 3.0)]
    there = Prior(CONFIG)
    there.look([face()], False, 0.0)
    assert decided(there, weak_then_strong) == [(0.08, 0.5)]
    assert decided(there, [-9, -0.9, -9]) == [(0.08, -0.9)]
    assert decided(Prior(CONFIG), [-9, -0.9, -9, 0.0]) == [(0.24, 0.0)]


class Same(Ensemble):
    """Hears its word with the same margin at every hop."""

    def __init__(self, margin: float) -> None:
        super().__init__("hey chip", ["all"], np.zeros(1, np.float32))
        self._margin = np.full(1, margin, np.float32)

    def step(self, _: object, time_s: float, *, fresh: bool = True) -> Heard | None:
        return super().step(self._margin, time_s, fresh=fresh)


def test_a_weak_bundle_does_not_silence_a_strong_one_of_the_same_word() -> None:
    """Two bundles of one word are one event, but only of what counts."""
    listener = Listener([load_bundle("hey_chip")] * 2)
    listener.ensembles[:] = [Same(1.0), Same(3.0)]
    listener.raise_by(lambda _: 2.0)
    heard = listener.step(np.zeros(4 * STEP, np.float32))
    assert [one.score for one in heard if one.score >= 2] == [3.0]


@pytest.mark.parametrize("lazy", [False, True])
def test_without_eyes_the_same_is_heard_as_without_a_prior(lazy: bool) -> None:
    """Recordings through both pipelines, the lazy one too: what counts is the same, hop by hop."""
    bundle = load_bundle("hey_chip")
    quiet = np.zeros(3 * RATE_HZ, np.float32)
    sound = np.concatenate([part for path in OWN[:5] for part in (quiet, samples_of(path))])
    prior, plain, helped = Prior(CONFIG), Listener([bundle]), Listener([bundle], offset=CONFIG.facing)
    helped.raise_by(prior.raised)
    hears = [LazyListener(one) if lazy else one for one in (plain, helped)]
    found = [[*one.step(sound), *one.flush()] for one in hears]
    counted = [(one.time_s, one.member) for one in found[1] if one.score >= prior.raised(one.time_s)]
    assert counted == [(one.time_s, one.member) for one in found[0]]
    assert len(counted) >= 4


@pytest.mark.parametrize(("file", "least", "most"), [("hopper", 0.85, 1.0), ("astronaut", 0.75, 1.0),
                                                     ("newton", 0.5, 0.8)])  # fmt: skip
def test_real_faces(file: str, least: float, most: float) -> None:
    """Two portraits look this way, a painting in three-quarter view a little less."""
    picture = Path(__file__).parents[2] / "demo" / "pictures" / f"{file}.jpg"
    found = Faces.load("faces").classify(read_picture(picture)).faces
    assert [least <= facing(one) <= most for one in found] == [True]


class FacesSeen:
    """Sees these faces in every picture."""

    def __init__(self) -> None:
        self.now = Seen("face", 0.0)

    def classify(self, _: Frame) -> Seen:
        return self.now


def test_the_eyes_tell_the_ears_and_a_camera_that_hangs_does_not() -> None:
    """Pictures with a face lower what the gate asks for, pictures of an empty room raise it, by the clock of
    the stream; dark ones, and none for 5 s of it, leave the ears alone."""
    gate, prior, faces, now_s = Gate(0.4), Prior(CONFIG), FacesSeen(), [0.0]
    prior.attend(gate)
    eye = Eye(lambda: FakeCamera(lambda: "room"), faces, Steady(), faces=faces, prior=prior)
    eyes = Eyes(eye, 1.0, see=lambda _: None, now_s=lambda: now_s[0])

    def asked(seen: Seen, seconds: int, *, pictures: bool = True) -> float:
        faces.now = seen
        for _ in range(seconds):
            now_s[0] += 1.0
            gate.advance(now_s[0] / 2)  # the ears are slower than the clock of the eyes
            if pictures:
                eyes.step()
        return gate.raised_at(gate.stream_s) + prior.lowest

    assert asked(Seen("face", 0.9, faces=(face(),)), 4) == -1
    assert asked(Seen("face", 0.0), 20) == 2
    assert asked(Seen("face", 0.0), 8, pictures=False) == 2
    assert asked(Seen("face", 0.0), 20, pictures=False) == 0
    assert asked(Seen("face", 0.9, faces=(face(),)), 1) == -1
    assert asked(Seen("face", 0.0, dark=True), 1) == 0


BOTH, ONE = '["things", "faces"]', '"things"'


@pytest.mark.parametrize(("models", "on", "lower"), [(BOTH, "true", 1), (ONE, "true", 0), (BOTH, "false", 0)])
def test_the_configuration_joins_them(
    models: str, on: str, lower: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[prior] on lowers the thresholds that the ears run with, where something looks for faces; where nothing
    does, it says so."""
    pictures = Path(__file__).parents[2] / "demo" / "pictures"
    file = tmp_path / "heychip.toml"
    file.write_text(f'[camera]\nbackend = "folder"\nfolder = "{pictures}"\nmodel = {models}\n'
                    f'[speech]\nbackend = "silent"\n[listen]\nlazy = false\n[prior]\non = {on}\n')
    parts = build(load_config(file))
    assert parts.ear is not None
    assert parts.eye is not None
    assert isinstance(parts.ear.listener, Listener)
    own = Listener([load_bundle("hey_chip")]).ensembles[0]
    found = own._thresholds - parts.ear.listener.ensembles[0]._thresholds
    assert found == pytest.approx(lower)
    assert (parts.eye.prior is not None) == (lower > 0)
    assert ("prior_idle" in caplog.text) == (models == ONE)
