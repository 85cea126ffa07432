"""The lazy gate with the rough ear: real recordings are heard as without it, and most talk is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.events import RATE_HZ, STEP, Heard
from edge.lazy import BEFORE_HOPS, CONTEXT_HOPS, FURTHEST_HOPS, LazyListener
from edge.listener import Listener
from edge.replay import samples_of
from tests.edge.bundles import make_bundle
from tests.speech import real_speech

CLIPS = Path(__file__).parents[2] / "demo" / "clips"


class Counting(Listener):
    """A listener that counts the hops that its backbone works out."""

    hops = 0

    def step(self, samples: np.ndarray) -> list[Heard]:
        self.hops += len(samples) // STEP
        return super().step(samples)

    def skip(self, hops: int, context: np.ndarray) -> None:
        self.hops += len(context) // STEP
        super().skip(hops, context)


@pytest.fixture(scope="module")
def pair() -> tuple[Listener, LazyListener, Counting]:
    """A listener, one behind the gate, and the one that is in it; thresholds as they ship."""
    behind = Counting([load_bundle("hey_chip")])
    return Listener([load_bundle("hey_chip")]), LazyListener(behind), behind


def calls() -> list[np.ndarray]:
    """Real people who call."""
    return [samples_of(path) for path in sorted(CLIPS.glob("call-*.wav"))]


def talk(seconds: float, seed: int) -> np.ndarray:
    """Real people who say other things, without a pause."""
    draw = np.random.default_rng(seed)
    pool = [*real_speech(), *map(samples_of, sorted(CLIPS.glob("talk-*.wav")))]
    row: list[np.ndarray] = []
    while sum(map(len, row)) < seconds * RATE_HZ:
        clip = pool[draw.integers(len(pool))]
        row.append(clip * np.float32(0.4 / (np.abs(clip).max() + 1e-4)))
    return np.concatenate(row)[: int(seconds * RATE_HZ)]


def heard(listener: Listener | LazyListener, sound: np.ndarray, size: int = STEP) -> list[Heard]:
    """What is heard in a sound that comes in pieces of one size."""
    listener.reset()
    parts = [listener.step(sound[at : at + size]) for at in range(0, len(sound), size)]
    return [one for part in parts for one in part] + listener.flush()


def rows() -> dict[str, np.ndarray]:
    """Sounds to compare: calls after minutes of talk, in the middle of babble, far away, and one by one."""
    draw = np.random.default_rng(4)
    room = draw.normal(0, 1e-4, 3 * RATE_HZ).astype(np.float32)
    babble = sum(talk(6.0 * len(calls()), seed) for seed in range(3))
    among = np.asarray(babble * np.float32(0.06), np.float32)
    for place, call in enumerate(calls()):
        at = int((2 + 6 * place) * RATE_HZ)
        among[at : at + len(call)] += call[: len(among) - at]
    return {
        "after minutes of talk": np.concatenate([talk(120, 1), *calls()[:3], talk(20, 2), *calls()[3:]]),
        "in babble": np.clip(among, -1, 1),
        "one by one": np.concatenate([part for call in calls() for part in (room, call)]),
        "far away": np.concatenate([part for call in calls() for part in (room, call * np.float32(0.05))]),
        "without a pause": np.concatenate(calls() * 2),
    }


@pytest.mark.parametrize("name", ["after minutes of talk", "in babble", "one by one", "far away",
                                  "without a pause"])  # fmt: skip
def test_real_calls_are_heard_as_without(pair, name) -> None:
    """The same words at the same times with the same scores, wherever the calls are."""
    plain, lazy, _ = pair
    sound = rows()[name]
    wanted = heard(plain, sound)
    assert len(wanted) >= 2
    assert heard(lazy, sound) == wanted


@pytest.mark.parametrize("size", [311, 1280, 4000, 100_000])
def test_any_cutting_gives_the_same(pair, size) -> None:
    """Chunks of any length make no difference to what is heard."""
    plain, lazy, _ = pair
    sound = np.concatenate([talk(5, 3), calls()[1], talk(4, 4), calls()[2]])
    assert heard(lazy, sound, size) == heard(plain, sound)


def test_most_talk_is_not_worked_out(pair) -> None:
    """While people talk and nobody calls, the backbone works out less than half of the hops."""
    _, lazy, behind = pair
    sound = talk(120, 5)
    lazy.reset()
    behind.hops = 0
    heard(lazy, sound)
    assert behind.hops < 0.5 * len(sound) / STEP


def test_it_falls_back_after_a_call(pair) -> None:
    """What wakes it keeps it awake for a while only: seconds later the rough ear listens again."""
    _, lazy, _ = pair
    lazy.reset()
    lazy.step(talk(3, 6))
    woken = []
    for call in calls():
        for at in range(0, len(call), STEP):
            lazy.step(call[at : at + STEP])
            woken.append(lazy.awake)
    assert any(woken)
    after = []
    for at in range(0, FURTHEST_HOPS * STEP, STEP):
        lazy.step(talk(30, 7)[at : at + STEP])
        after.append(lazy.awake)
    assert not all(after)


def test_no_more_is_kept_than_is_needed(pair) -> None:
    """Whoever listens, two and a half seconds are kept at most."""
    _, lazy, _ = pair
    lazy.reset()
    sound = np.concatenate([talk(20, 8), calls()[0], talk(10, 9)])
    for at in range(0, len(sound), 500):
        lazy.step(sound[at : at + 500])
        assert lazy.kept < (CONTEXT_HOPS + BEFORE_HOPS + 4) * STEP


def test_a_bundle_that_is_shed(tmp_path: Path) -> None:
    """With one bundle less, which hears through another backbone, the rough ear can begin to listen; what is
    said then is heard."""
    both = Listener([load_bundle("hey_chip"), load_bundle(make_bundle(tmp_path))])
    both._cost_s = [0.0, 1.0]
    lazy = LazyListener(both)
    assert lazy.awake
    before, after = talk(4, 1), np.concatenate([talk(4, 2), *calls()])
    lazy.step(before)
    assert lazy.shed() == "hey test"
    found = lazy.step(after) + lazy.flush()
    wanted = heard(Listener([load_bundle("hey_chip")]), np.concatenate([before, after]))
    assert [one.time_s for one in found] == [one.time_s for one in wanted]
    assert wanted
    assert lazy.words == ("hey chip",)
