"""How many members a bundle has: as many as earn their place on voices that none of them was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from edge.backbone import SIZE
from edge.events import HOP_S
from synth.calibrate import Curve
from synth.choosing import RATE, Held, Scored, choose_members, worth_of
from synth.dataset import IGNORED, NEGATIVE, POSITIVE, Examples

CALLS, CALL_HOPS = 200, 25
TALK_HOPS = int(2 * 3600 / HOP_S)


def held_out() -> Examples:
    """Scenes with a phrase at their end, then two hours in which people talk."""
    call = np.full(CALL_HOPS, NEGATIVE, np.int8)
    call[-4:-2], call[-2:] = IGNORED, POSITIVE
    label = np.concatenate([np.tile(call, CALLS), np.full(TALK_HOPS, NEGATIVE, np.int8)])
    stream = np.concatenate([np.repeat(np.arange(CALLS), CALL_HOPS), np.full(TALK_HOPS, CALLS)])
    natural = np.arange(len(label)) >= CALLS * CALL_HOPS
    hops = np.arange(len(label), dtype=np.int32)
    return Examples(np.zeros((1, SIZE), np.float16), hops, label, hops, stream.astype(np.int32),
                    np.zeros(len(label), np.float32), natural)


def logits(examples: Examples, deaf: list[slice], seed: int = 0) -> np.ndarray:
    """A member for each of `deaf`, which hears all calls but those; in talk, each has its own bad moments."""
    rng = np.random.default_rng(seed)
    found = np.full((len(examples.first), len(deaf)), -40.0, np.float32)
    calls = np.flatnonzero(examples.label == POSITIVE).reshape(CALLS, 2)
    for k, missed in enumerate(deaf):
        heard = np.delete(np.arange(CALLS), np.arange(CALLS)[missed])
        found[calls[heard], k] = 9.0
        talk = np.flatnonzero(examples.natural)[::20]
        found[talk, k] = -10 + rng.exponential(1.0, len(talk))
    return found


def test_members_that_miss_different_calls_make_an_or() -> None:
    """Each misses a tenth that the other hears: together they miss nothing, and both are kept."""
    examples = held_out()
    said = logits(examples, [slice(0, 20), slice(20, 40)])
    choice = choose_members(said, examples, 0.1, all_of_them=False)
    assert choice.members == (0, 1)
    assert (choice.missed_single, choice.missed_or, choice.phrases) == (20, 0, CALLS)
    assert len(choice.thresholds) == 2
    assert "the OR of 2 misses clearly less" in choice.why()


def test_a_member_that_adds_nothing_is_left_out() -> None:
    """Of three that miss the same calls the best is kept alone, where that is clearly better than their mean,
    and the manifest says why."""
    examples = held_out()
    choice = choose_members(logits(examples, [slice(0, 60), slice(0, 10), slice(0, 60)]), examples, 0.1,
                            all_of_them=False)
    assert choice.members == (1,)
    assert not choice.merged
    assert choice.missed_or == choice.missed_single == 10
    assert "no OR misses clearly less" in str(choice.told()["why"])


def test_a_few_calls_are_no_proof() -> None:
    """An OR that hears three calls more of two hundred than the mean does not take its place."""
    examples = held_out()
    said = logits(examples, [slice(0, 2), slice(2, 4)])
    choice = choose_members(said, examples, 0.1, all_of_them=False)
    assert choice.missed_or == 0
    assert choice.merged
    assert "clearly less" in choice.why()


def test_members_that_err_at_different_moments_are_averaged() -> None:
    """Both miss the same calls; in talk each has bad moments of its own, which the mean halves, so that its
    threshold lies lower and it hears what neither does alone."""
    examples = held_out()
    said = logits(examples, [slice(0, 10), slice(0, 10)])
    calls = np.flatnonzero(examples.label == POSITIVE).reshape(CALLS, 2)
    said[calls[:10]] = -2.5
    choice = choose_members(said, examples, 0.1, all_of_them=False)
    assert choice.merged
    assert choice.members == (0,)
    assert (choice.missed_single, len(choice.thresholds)) == (0, 1)
    assert "the mean of all" in choice.why()


def test_all_of_them_are_kept_where_that_was_asked_for() -> None:
    """A member for each voice is what was asked for; what it costs is still told."""
    examples = held_out()
    said = logits(examples, [slice(0, 30), slice(0, 10), slice(0, 20)])
    choice = choose_members(said, examples, 0.1, all_of_them=True)
    assert choice.members == (0, 1, 2)
    assert choice.missed_single == choice.missed_or == 10
    assert "as was asked for; their OR misses not less" in choice.why()


def test_the_promise_is_made_for_the_union() -> None:
    """A member more and the thresholds of all rise: the OR makes as few false accepts as one did."""
    examples = held_out()
    held = Held(logits(examples, [slice(0, 20), slice(20, 40)]), examples)
    assert held.hours == pytest.approx(2.0, abs=0.01)
    assert len(held.calls) == CALLS
    one, both = held.thresholds([0], 10.0), held.thresholds([0, 1], 10.0)
    assert both[0] > one[0]


def test_a_threshold_that_a_few_moments_settle_is_no_proof() -> None:
    """A twentieth of the calls lies a little above the threshold of one candidate and below the other's. With
    two hours of talk that is luck, as a few moments settle where a threshold is; with fifty it is a proof."""
    rng = np.random.default_rng(1)
    near = np.repeat([0.8, 5.0], [10, 190])
    talk = rng.exponential(1.0, (3000, 8)) - 5.0

    def scored(calls: np.ndarray, hours: int) -> Scored:
        minutes = talk[: hours * 60]
        at = Curve(np.sort(minutes.ravel())[::-1], hours).threshold(RATE)
        return Scored(calls, list(minutes - at), hours)

    assert scored(near, 2).missed == scored(near - 1.6, 2).missed - 10 == 0
    assert not scored(near, 2).beats(scored(near - 1.6, 2))
    assert scored(near, 50).beats(scored(near - 1.6, 50))
    assert not scored(near, 50).beats(scored(near, 50))


def test_the_second_look_is_dropped_only_where_it_clearly_does_harm() -> None:
    """A few more misses of two hundred, of other calls, are no reason; sixty are. Its worth is told either
    way."""
    examples = held_out()
    missed = (slice(0, 10), slice(100, 113), slice(100, 170))
    plain, little, much = (logits(examples, [one]) for one in missed)
    told, harmful = worth_of(plain, little, examples)
    assert (told["without"]["misses"], told["with"]["misses"]) == (10, 13)
    assert not harmful
    assert worth_of(plain, much, examples)[1]
    assert not worth_of(much, plain, examples)[1]
