"""Training: it learns, it repeats, it says when it cannot; and the two ways to a logit agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import pytest

from edge.backbone import CONTEXT, SIZE
from synth.dataset import NEGATIVE, POSITIVE, Examples
from synth.draw import Draw, Member, Recipe
from synth.train import Trained, logits_of, net_logits, only, row_logits, scored, start_params, train
from tests.synth.toy import learned, members, toy, untrained


def fit(
    examples: Examples, who: Sequence[Member], *, steps: int = 250, batch: int = 16, shared: bool = False
) -> Trained:
    """A short training."""
    return train(examples, who, steps=steps, batch=batch, seed=3, done=lambda _count, _loss: None,
                 shared=shared)


@pytest.fixture
def trained() -> Trained:
    """Two members that have learned the toy problem."""
    return learned()


def test_it_learns_what_can_be_told_apart(trained: Trained) -> None:
    """On windows that it has not met, every member puts 97 % of either class on its side of zero."""
    fresh = toy(300, seed=1)
    logits = logits_of(trained, fresh)
    assert logits.shape == (300, 2)
    assert (logits[fresh.label == POSITIVE] > 0).mean(axis=0).min() > 0.97
    assert (logits[fresh.label == NEGATIVE] < 0).mean(axis=0).min() > 0.97


def test_it_keeps_time(trained: Trained) -> None:
    """The same embeddings the other way round are not the phrase: a detector knows what came first."""
    fresh = toy(300, seed=2)
    backward = fresh.rows.reshape(-1, CONTEXT, SIZE)[:, ::-1].reshape(-1, SIZE)
    logits = logits_of(trained, dataclasses.replace(fresh, rows=backward))
    assert (logits[fresh.label == POSITIVE] < 0).mean() > 0.9


def test_the_same_seed_gives_the_same_weights() -> None:
    """Two trainings with one seed agree to the bit; they have moved far from where they began, and another
    seed begins elsewhere."""
    first, again = (fit(toy(60), members(2)) for _ in range(2))
    assert all((first.params[k] == again.params[k]).all() for k in first.params)
    start, other = (np.asarray(start_params(2, seed, 32)["w1"]) for seed in (3, 4))
    assert np.abs(first.params["w1"] - start).max() > 0.01
    assert not np.allclose(start, other)


def test_members_differ(trained: Trained) -> None:
    """Members see the same batches, yet are not the same detector: else an OR of them would win nothing."""
    logits = logits_of(trained, toy(300, seed=3))
    assert np.abs(logits[:, 0] - logits[:, 1]).mean() > 0.1


def test_a_member_listens_to_those_it_is_told_to() -> None:
    """A clip of weight zero teaches nothing: a member that hears only half of the clips knows only them. One
    that shares its network with a member that hears them all knows some of the others by what that has made
    of them, and fewer than that member."""
    examples = toy()
    two = examples.rows.reshape(-1, CONTEXT, SIZE).astype(np.float32)
    positives = np.flatnonzero(examples.label == POSITIVE)
    odd = positives[1::2]
    two[odd] = two[odd][:, :, ::-1]  # another "voice": the pattern in other numbers of the embedding
    rows = two.reshape(-1, SIZE).astype(np.float16)
    weights = np.ones(400, np.float32)
    weights[odd] = 0
    both = dataclasses.replace(examples, rows=rows)
    who = [Member("deaf", "one voice", weights), *members(1)]
    apart, shared = (logits_of(fit(both, who, batch=64, shared=s), both) for s in (False, True))
    assert (apart[odd] > 0).mean(axis=0) == pytest.approx([0.0, 1.0], abs=0.1)
    assert (apart[odd, 0] > 0).mean() < (shared[odd, 0] > 0).mean() < (shared[odd, 1] > 0).mean()
    for logits in (apart, shared):
        assert (logits[positives[::2]] > 0).mean(axis=0).min() > 0.9


@pytest.mark.parametrize(("kept", "what"), [(POSITIVE, "0 negative"), (NEGATIVE, "0 positive")])
def test_an_empty_class_is_refused(kept: int, what: str) -> None:
    """Without examples of one class there is nothing to learn, and the message counts both."""
    examples = toy(60)
    with pytest.raises(ValueError, match=what):
        fit(dataclasses.replace(examples, label=np.full(60, kept, np.int8)), members(1))


def test_embeddings_that_are_no_numbers_are_refused() -> None:
    """One bad number among the embeddings is told of, instead of a detector that answers nothing."""
    examples = toy(60)
    examples.rows[7, 3] = np.nan
    with pytest.raises(ValueError, match="no longer a number"):
        fit(examples, members(2), steps=5)


def test_the_two_ways_to_a_logit_agree(trained: Trained) -> None:
    """A window at a time and a table at a time: the same logits, at every place of the table."""
    params = {k: jnp.asarray(v) for k, v in trained.params.items()}
    rows = np.random.default_rng(0).normal(0, 1, (100, SIZE)).astype(np.float32)
    table = np.asarray(row_logits(params, jnp.asarray(rows)))[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(rows, CONTEXT, axis=0).transpose(0, 2, 1)
    assert table.shape == (2, 100 - CONTEXT + 1)
    for member in range(2):
        one = {k: v[member] for k, v in params.items()}
        assert np.asarray(net_logits(one, jnp.asarray(windows)))[0] == pytest.approx(table[member], abs=1e-4)


def draw(examples: Examples, recipe: Recipe, count: int = 2) -> Draw:
    """Batches of 100."""
    return Draw(examples, members(count), recipe, batch=100, seed=0)


def test_mining_finds_the_worst_negatives() -> None:
    """A fiftieth of the negatives, and none that is left out is worse for the worst member; told the logits
    of every member or only the highest, it finds the same."""
    examples = toy(300)
    params = {k: jnp.asarray(v) for k, v in untrained(2).params.items()}
    rows = examples.rows.astype(np.float32)
    drawn = draw(examples, Recipe())
    drawn.mine(scored(params, rows)[:, examples.first])
    negatives = np.flatnonzero(examples.label == NEGATIVE)
    worst = np.asarray(row_logits(params, jnp.asarray(rows))).max(axis=(0, 1))[examples.first]
    left = np.setdiff1d(negatives, drawn.hard)
    assert len(drawn.hard) == len(negatives) // 50 == 4
    assert set(drawn.hard) <= set(negatives)
    assert worst[drawn.hard].min() >= worst[left].max()
    other = draw(examples, Recipe())
    other.mine(scored(params, rows, each=False)[:, examples.first])
    assert set(other.hard) == set(drawn.hard)


def test_a_batch_holds_the_shares_that_were_asked_for() -> None:
    """A quarter of phrases, and of the rest as many mined ones as the recipe says."""
    examples = toy(300)
    drawn = draw(examples, Recipe(positive_share=0.25, hard_share=0.4))
    drawn.hard = drawn.hard[:1]
    batches = drawn.batches(5, 3.0)
    assert batches["weight"].shape == (5, 2, 100)
    assert (batches["y"].sum(axis=1) == 25).all()
    assert ((batches["first"] == examples.first[drawn.hard[0]]).sum(axis=1) >= 30).all()
    assert set(batches["weight"][batches["y"][:, None].repeat(2, 1) == 0].tolist()) == {3.0}


def test_boosting_gives_a_member_what_the_others_miss() -> None:
    """With three members, a phrase that two of them hear counts most for nobody; one that all miss counts
    more for all; one that a single member hears counts less for the others than for that one."""
    examples = toy(60)
    drawn = draw(examples, Recipe(boost=2.0), 3)
    logits = np.full((3, 60), -9.0, np.float32)
    one, two = np.flatnonzero(examples.label == POSITIVE)[:2]
    logits[:, one] = [9, 9, -9]
    logits[:, two] = [9, -9, -8]
    drawn.mine(logits)
    assert drawn._boost is not None
    assert drawn._boost[:, one] == pytest.approx([1, 1, 1], abs=0.01)
    assert drawn._boost[:, two] == pytest.approx([3, 1, 1], abs=0.01)


def test_a_table_is_scored_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the length of a piece, every window has its logits once."""
    params = {k: jnp.asarray(v) for k, v in untrained(2).params.items()}
    rows = np.random.default_rng(0).normal(0, 1, (100, SIZE)).astype(np.float32)
    whole = scored(params, rows)
    assert whole.shape == (2, 100 - CONTEXT + 1)
    for piece in (1, 7, 85, 86):
        monkeypatch.setattr("synth.train.PIECE", piece)
        assert scored(params, rows) == pytest.approx(whole, abs=1e-5)


def test_the_adversarial_step_makes_a_detector_that_holds_out(trained: Trained) -> None:
    """Trained with every example moved where it hurts most, the logits of windows moved at random by as much
    stay on their side as often as those of windows that were not moved."""
    examples, rng = toy(), np.random.default_rng(5)
    hard = train(examples, members(1), steps=250, batch=64, seed=3, done=lambda _c, _l: None,
                 recipe=Recipe(adversarial=0.3))
    fresh = toy(300, seed=6)
    moved = fresh.rows + (rng.choice([-0.3, 0.3], fresh.rows.shape) / hard.scale).astype(np.float16)
    logits = logits_of(hard, dataclasses.replace(fresh, rows=moved))
    assert ((logits[:, 0] > 0) == (fresh.label == POSITIVE)).mean() > 0.95


def test_a_member_is_the_mean_of_its_networks() -> None:
    """Two members of three networks each give the means of what the six say; to take one of them is to take
    its three."""
    trained, examples = untrained(2, nets=3), toy(60)
    each = logits_of(dataclasses.replace(trained, nets=1), examples)
    both = logits_of(trained, examples)
    assert both == pytest.approx(each.reshape(60, 2, 3).mean(axis=2), abs=1e-4)
    assert logits_of(only(trained, [1]), examples) == pytest.approx(both[:, 1:], abs=1e-4)


def test_members_that_share_networks_are_heads_of_them() -> None:
    """Three members on two networks are the means of what their heads say on each; training makes no more
    networks than that, and to take some members is to take their heads and keep the networks."""
    trained, examples = untrained(1, nets=2, heads=3), toy(60)
    assert (trained.groups, trained.heads, trained.members) == (1, 3, 3)
    logits = logits_of(trained, examples)
    apart = [{k: v[net : net + 1] for k, v in trained.params.items()} for net in range(2)]
    mean = sum(logits_of(dataclasses.replace(trained, nets=1, params=one), examples) for one in apart) / 2
    assert logits == pytest.approx(mean, abs=1e-4)
    some = only(trained, [2, 0])
    assert logits_of(some, examples) == pytest.approx(logits[:, [2, 0]], abs=1e-4)
    assert some.params["w1"].shape == trained.params["w1"].shape
    fitted = train(examples, members(3), steps=2, batch=16, seed=3, done=lambda _c, _l: None, nets=2,
                   shared=True)
    assert {k: v.shape[:2] for k, v in fitted.params.items() if k[1] == "3"} == {"w3": (2, 3), "b3": (2, 3)}
    assert len(fitted.params["w1"]) == 2


def test_progress_adds_up() -> None:
    """`done` is told of every step once, the last round being shorter, with a loss that is a number."""
    told: list[tuple[int, float]] = []

    def note(steps: int, loss: float) -> None:
        told.append((steps, loss))

    train(toy(60), members(2), steps=8, batch=16, seed=0, done=note, recipe=Recipe(round=5))
    assert [steps for steps, _ in told] == [5, 3]
    assert all(np.isfinite(loss) for _, loss in told)
