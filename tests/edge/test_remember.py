"""The listener that remembers: what it keeps, when, and that the same is heard in it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tones import silence, tone, tone_bundle

from edge.bundle import load_bundle, told
from edge.ensemble import Ensemble
from edge.events import RATE_HZ, STEP
from edge.fakes import FakeListener
from edge.gate import Gate
from edge.lazy import LazyListener
from edge.listener import Listener
from edge.memory_config import MemoryConfig
from edge.remember import Remember
from edge.replay import replay, samples_of
from edge.scribe import Job
from edge.wav import write_wav


class Ear:
    """A listener that remembers, fed as the ears feed it; `jobs` are what it would keep."""

    def __init__(self, bundle: str | Path, *, lazy: bool = True, **keys: Any) -> None:
        loaded = load_bundle(bundle)
        self.plain = Listener([loaded], release=0.5, offset=keys.pop("offset", 0.0))
        config = MemoryConfig(folder="nowhere", **({"near": 0.7} | keys))  # a quiet room is at -1
        inner = LazyListener(self.plain) if lazy else self.plain
        self.remember = Remember(inner, config, bundles={self.plain.ensembles[0]: told(loaded)})
        self.plain.watch = self.remember.watch
        self.jobs: list[Job] = []
        self.remember.scribe.offer = self.jobs.append  # type: ignore[method-assign]
        self.gate, self.gated = Gate(0.4), False
        self.remember.attend(self.gate, lambda: "USB mic")

    def hear(self, sound: np.ndarray) -> None:
        for start in range(0, len(sound), STEP):
            found = self.remember.step(sound[start : start + STEP])
            self.gate.advance(self.gate.stream_s + STEP / RATE_HZ)
            for heard in found:
                self.remember.note(heard, 100 + heard.time_s, gated=self.gated)

    @property
    def kinds(self) -> list[str]:
        return [job.facts["kind"] for job in self.jobs]


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that hears a tone."""
    return tone_bundle(tmp_path_factory.mktemp("tones"))


@pytest.mark.parametrize("lazy", [True, False])
def test_replay_hears_in_it_what_was_heard(tmp_path: Path, lazy: bool) -> None:
    """The golden recording of the shipped bundle somewhere in a quiet stream: what is kept of it is heard by
    `heychip replay` with the same word, member and margin, at the place that its JSON tells."""
    ear = Ear("hey_chip", lazy=lazy)
    call = samples_of(load_bundle("hey_chip").path / "golden.wav")
    ear.hear(np.concatenate([silence(7.3), call, silence(5)]))
    assert ear.kinds[:1] == ["heard"]
    job = ear.jobs[0]
    write_wav(tmp_path / "kept.wav", job.sound, RATE_HZ)
    again = replay(Listener([load_bundle("hey_chip")]), tmp_path / "kept.wav")["events"]
    assert len(again) == 1
    for key, other in (("word", "word"), ("member", "member"), ("score", "margin")):
        assert again[0][key] == pytest.approx(job.facts[other], abs=0.05) or key != "score"
        assert again[0][key] == job.facts[other] or key == "score"
    assert again[0]["time_s"] == pytest.approx(job.facts["decided_at_s"])


def test_before_and_after(tones: Path) -> None:
    """The seconds that are asked for, in whole hops before the decision; less where the stream began or ended
    sooner."""
    ear = Ear(tones, before_s=2.5, after_s=1.0)
    sound = np.concatenate([silence(6), tone(1), silence(4), tone(0.9)])
    ear.hear(sound)
    assert ear.kinds == ["heard"]
    ear.remember.finish()
    assert ear.kinds == ["heard", "heard"]
    first, second = ear.jobs
    assert len(first.sound) == 32 * STEP + RATE_HZ  # 2.56 s: 31.25 hops are 32
    end = round((first.facts["time_s"] - 100) * RATE_HZ)
    assert (first.sound == sound[end - 32 * STEP : end + RATE_HZ]).all()
    assert len(second.sound) < len(first.sound)
    assert (second.sound[-100:] == sound[-100:]).all()
    early = Ear(tones, after_s=0.0)
    early.hear(tone(1))
    assert early.kinds == ["heard"]
    assert len(early.jobs[0].sound) == round(early.jobs[0].facts["decided_at_s"] * RATE_HZ)


def test_what_the_json_says(tones: Path) -> None:
    """Word, margin, every member with logit and threshold, both times, bundle with hash, microphone."""
    ear = Ear(tones)
    ear.hear(np.concatenate([silence(4), tone(1), silence(3)]))
    facts = ear.jobs[0].facts
    assert (facts["word"], facts["member"], facts["gated"]) == ("tone", "steady", False)
    assert (facts["bundle"], facts["device"]) == ("tone", "USB mic")
    assert len(facts["bundle_sha256"]) == 64
    assert [row["name"] for row in facts["members"]] == ["steady", "low"]
    steady, low = facts["members"]
    assert steady["margin"] == pytest.approx(facts["margin"], abs=1e-3)
    assert steady["logit"] - steady["threshold"] == pytest.approx(steady["margin"], abs=1e-3)
    assert low["logit"] == pytest.approx(-3)
    assert 104 < facts["time_s"] < 106  # of the stream
    assert facts["wall_clock"].endswith("+00:00")
    assert facts["since_boot_s"] > 0


def test_our_own_voice_is_told_as_such(tones: Path) -> None:
    """What is heard while the gate is closed is kept as gated."""
    ear = Ear(tones)
    ear.gated = True
    ear.hear(np.concatenate([silence(4), tone(1), silence(3)]))
    assert ear.kinds == ["gated"]
    assert ear.jobs[0].facts["gated"]


def near_misses(tones: Path, sound: np.ndarray, *, near: float = 1.0, speaking: bool = False) -> list[Job]:
    """What is kept where the threshold is half a logit beyond a steady tone."""
    ear = Ear(tones, offset=1.5, near=near)
    if speaking:
        ear.gate.begin()
    ear.hear(sound)
    ear.remember.finish()
    assert set(ear.kinds) <= {"near_miss"}
    return ear.jobs


def test_near_misses(tones: Path) -> None:
    """A tone that comes within a logit of the threshold is kept once, at its best hop; two of them twice; one
    further away, or where near is 0, or that we say ourselves, not at all."""
    one = np.concatenate([silence(4), tone(0.9), silence(4)])
    jobs = near_misses(tones, one)
    assert len(jobs) == 1
    assert -1 <= jobs[0].facts["margin"] < 0
    assert 4.5 < jobs[0].facts["time_s"] < 5.2
    assert jobs[0].facts["margin"] == max(row["margin"] for row in jobs[0].facts["members"])
    assert len(near_misses(tones, np.concatenate([one, one]))) == 2
    assert len(near_misses(tones, one, near=0.1)) == 0
    assert len(near_misses(tones, one, near=0.0)) == 0
    assert len(near_misses(tones, one, speaking=True)) == 0


def test_a_near_miss_that_lasts_is_one(tones: Path) -> None:
    """A score that hangs below the threshold for ten seconds is kept once, and not only when it ends."""
    ear = Ear(tones, offset=1.5)
    ear.hear(np.concatenate([silence(4), tone(10)]))
    assert ear.kinds == ["near_miss"]


def told_of(*margins: float, near: float = 1.0) -> list[float]:
    """The margins of the near-misses in a row of margins, one a hop, with low ones around it."""
    ensemble = Ensemble("hey", ("one",), np.zeros(1, np.float32))
    remember = Remember(FakeListener(), MemoryConfig(folder="nowhere", near=near))
    jobs: list[Job] = []
    remember.scribe.offer = jobs.append  # type: ignore[method-assign]
    row = [*np.linspace(-8, -9, 50), *margins, *np.linspace(-9, -8, 50)]
    for hop, margin in enumerate(row, 1):
        now_s = hop * STEP / RATE_HZ
        event = ensemble.step(np.array([margin], np.float32), now_s)
        remember.watch(ensemble, now_s, event)
        remember.step(np.zeros(STEP, np.float32))
    return [job.facts["margin"] for job in jobs]


def test_hearing_is_no_near_miss() -> None:
    """The rise to a word and the fall from it belong to the word, and so does a near-miss right after it."""
    assert told_of(-0.9, -0.4, -0.1) == [-0.1]
    assert told_of(-0.9, -0.4, 0.1, 0.5, -0.3, -0.8) == []
    assert told_of(-0.4, 0.1, -2, -2, -0.5) == []
    assert told_of(-0.4, 0.1, *[-2.0] * 13, -0.5) == [-0.5]


def test_one_near_miss_in_a_refractory_time() -> None:
    """Two peaks within a second of each other are one; the higher counts where no dip parts them."""
    assert told_of(-0.5, -0.9, -0.2, -0.7) == [-0.2]
    assert told_of(-0.5, -2, -0.2) == [-0.5]
    assert told_of(-0.5, *[-2.0] * 12, -0.2) == [-0.5, -0.2]
    assert told_of(-0.5, *[-2.0] * 12, -0.2, near=0.3) == [-0.2]


def test_a_reset_keeps_what_waits(tones: Path) -> None:
    """Where the sound stops before the seconds after are full, what there is is kept, and the next stream
    begins with nothing of the old one."""
    ear = Ear(tones)
    ear.hear(np.concatenate([silence(4), tone(0.8)]))
    assert ear.kinds == []
    ear.remember.reset()
    assert ear.kinds == ["heard"]
    ear.hear(np.concatenate([silence(0.4), tone(1), silence(2)]))
    assert ear.kinds == ["heard", "heard"]
    assert len(ear.jobs[1].sound) < 3 * RATE_HZ


def test_memory_is_bounded(tones: Path) -> None:
    """Of a long stream only the last seconds are held."""
    ear = Ear(tones)
    for _ in range(4):
        ear.hear(silence(10))
    held = sum(len(piece) for piece in ear.remember._sounds)
    assert held <= 8 * RATE_HZ
