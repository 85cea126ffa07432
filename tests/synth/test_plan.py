"""Plans and splits: even over families, voices, speeds and pitches; no speaker on two sides."""

from __future__ import annotations

from collections import Counter

import pytest

from edge.errors import UsageError
from synth.voices import Engine, Voice
from synth.voices.fake import Hum
from synth.voices.plan import SPEEDS, WAYS, plan, split


def names(many: int, of: str = "v") -> tuple[str, ...]:
    """Names of voices."""
    return tuple(f"{of}{number}" for number in range(many))


def engines() -> list[Engine]:
    """A large, a small and a middling family."""
    return [
        Hum(names(40), name="big", family="formant", phonemes=True),
        Hum(names(4), name="small", family="flite"),
        Hum(names(12), name="middle", family="neural", phonemes=True),
    ]


def test_families_get_equal_shares() -> None:
    """However many voices a family has; with weights, what they say."""
    takes = plan(["one", "two", "three"], engines(), 301)
    assert len(takes) == 301
    shares = Counter(take.voice.engine for take in takes)
    assert max(shares.values()) - min(shares.values()) <= 1
    weighted = Counter(
        take.voice.engine for take in plan(["a"], engines(), 300, weights={"small": 2, "big": 0})
    )
    assert weighted["big"] == 0
    assert weighted["small"] == pytest.approx(200, abs=1)


def test_voices_texts_speeds_and_pitches_are_even() -> None:
    """Within a family voices differ by one take at most; texts likewise; speeds and pitches fill their
    ranges."""
    takes = plan([f"text {number}" for number in range(7)], engines(), 600)
    for name in ("big", "small", "middle"):
        counts = Counter(take.voice.name for take in takes if take.voice.engine == name)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert len(counts) == {"big": 40, "small": 4, "middle": 12}[name]
        mine = [take for take in takes if take.voice.engine == name]
        assert set(Counter(take.text for take in mine)) == {f"text {number}" for number in range(7)}
        for low in range(6):
            start = SPEEDS[0] + 0.1 * low
            assert 15 <= sum(start <= take.speed < start + 0.1 for take in mine) <= 55
        reach = 4.0 if name == "big" else 2.0
        assert max(abs(take.pitch) for take in mine) <= reach
        assert abs(sum(take.pitch for take in mine) / len(mine)) < 0.15 * reach
    assert max(Counter(take.text for take in takes).values()) <= 87
    assert len({take.key for take in takes}) == 600


def test_a_longer_plan_begins_with_the_shorter() -> None:
    """So a larger preset uses the clips of a smaller one; another seed plans anew."""
    texts = ["one", "two", "[[w'Vn]]"]
    assert plan(texts, engines(), 400, 3)[:150] == plan(texts, engines(), 150, 3)
    assert plan(texts, engines(), 150, 3) != plan(texts, engines(), 150, 4)


def test_texts_are_gone_through_in_their_order() -> None:
    """The first texts are the best ones, so a short plan takes those."""
    texts = [f"text {number}" for number in range(100)]
    assert [take.text for take in plan(texts, engines(), 30)] == texts[:30]


def test_phonemes_go_to_engines_that_read_them() -> None:
    """[[...]] is never given to an engine that would spell it; where none reads them, the other texts are
    taken."""
    takes = plan(["hey", "[[h'eI]]"], engines(), 200)
    assert {take.voice.engine for take in takes if "[[" in take.text} == {"big", "middle"}
    assert {take.voice.engine for take in takes if "[[" not in take.text} == {"big", "middle", "small"}
    only = plan(["hey", "[[h'eI]]"], engines()[1:2], 20)
    assert [take.text for take in only] == ["hey"] * 20
    assert plan(["[[h'eI]]"], engines()[1:2], 20) == []


@pytest.mark.parametrize("seed", range(5))
def test_no_speaker_is_on_two_sides(seed: int) -> None:
    """Split by speaker: kal of one engine and kal of another stay together, and every voice is somewhere
    once."""
    all_ = [
        *engines(),
        Hum(("kal=a", "slt=b", "ked=c"), name="f1"),
        Hum(("kal=x", "slt=y", "awb=z", "rms=w"), name="f2"),
    ]
    voices = [voice for engine in all_ for voice in engine.voices()]
    ways = split(voices, seed)
    assert tuple(ways) == WAYS
    assert Counter(voice for found in ways.values() for voice in found) == Counter(voices)
    speakers = {way: {voice.speaker for voice in found} for way, found in ways.items()}
    assert not speakers["train"] & speakers["choose"]
    assert not speakers["train"] & speakers["report"]
    assert not speakers["choose"] & speakers["report"]
    for name, least in (("big", 6), ("small", 1), ("middle", 2), ("f2", 1)):
        for way in ("choose", "report"):
            assert sum(voice.engine == name for voice in ways[way]) >= least
        assert sum(voice.engine == name for voice in ways["train"]) >= len(WAYS) - 1
    assert split(voices, seed) == ways


def test_splits_need_three_speakers() -> None:
    """Three voices of one family go one each way; two speakers are a UsageError with the remedy."""
    ways = split(Hum(names(3)).voices())
    assert {way: len(found) for way, found in ways.items()} == dict.fromkeys(WAYS, 1)
    with pytest.raises(UsageError, match="add an engine"):
        split(Hum(("one=a", "one=b", "two=c")).voices())


def test_a_plan_keeps_to_the_voices_of_its_way() -> None:
    """Limited to one way of a split, no other voice speaks, blends of the others included."""

    class Blender(Hum):
        def blend(self, a: Voice, b: Voice, part: float) -> Voice:
            return Voice(self.name, f"{a.name}+{b.name}:{part}", a.language, self.licence, a.extra)

    engine = Blender(names(10))
    ways = split(engine.voices())
    allowed = {voice.name for voice in ways["train"]}
    takes = plan(["hey"], [engine], 60, 0, ways["train"])
    used = {name for take in takes for name in take.voice.name.partition(":")[0].split("+")}
    assert used == allowed
    assert any("+" in take.voice.name for take in takes), "after each voice has spoken, they are blended"
    assert not any("+" in take.voice.name for take in takes[: len(allowed)])


def test_own_recordings_only_say_the_phrase() -> None:
    """Recordings of the phrase are planned when the texts are the phrase, each once; never as something
    else."""

    class People(Hum):
        def voices(self) -> list[Voice]:
            return [Voice(self.name, name, "en-us", "own", (("recordings", "3"),)) for name in ("ann", "bob")]

    people = People(name="folder", family="people")
    assert plan(["near miss"], [people], 10) == []
    takes = plan(["hey chip"], [people, *engines()], 100, own_recordings=True)
    own = Counter((take.voice.name, take.seed) for take in takes if take.voice.engine == "folder")
    assert own == {(name, number): 1 for name in ("ann", "bob") for number in range(3)}
    assert len(takes) == 100
    assert len(plan(["hey chip"], [people], 100, own_recordings=True)) == 6


def test_nothing_to_plan() -> None:
    """No texts, no engines or no voices: an empty plan."""
    assert plan([], engines(), 10) == plan(["hey"], [], 10) == plan(["hey"], engines(), 10, 0, []) == []
