"""From a phrase to a bundle: the stages in a row, each of which goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import UsageError
from edge.events import HOP_S
from edge.files import write_whole
from synth import progress
from synth.acoustics import room_impulses
from synth.bundle import Detectors, Draft, check_out, publish, write_draft
from synth.choosing import choose_members, worth_of
from synth.dataset import Examples
from synth.evaluate import Evaluation, evaluate, stage
from synth.examples import examples
from synth.export import check_parity, fused
from synth.material import Material, Way, families, gather
from synth.phrase import check_phrase
from synth.presets import MEMBERS, PER_VOICE, PER_VOICE_NETS, Preset
from synth.shelf import Shelf, chunks
from synth.voices import Engine, open_engines

if TYPE_CHECKING:
    from synth.draw import Member
    from synth.train import Trained

TARGET = 0.1  # false accepts an hour that the default thresholds promise
REPORTED = 120  # phrases of held-out voices that the report is about, in each condition


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    phrase: str
    out: Path
    preset: Preset
    engines: tuple[str, ...] | None = None
    folders: tuple[Path, ...] = ()
    lang: str = "en-us"
    jobs: int = 2
    seed: int = 0
    cache: Path = Path(".cache")
    force: bool = False
    members: str = MEMBERS[0]


def make(order: Order) -> Path:
    """Makes the bundle and returns its folder. Raises UsageError, VoiceError or ModelError."""
    check_out(order.out)
    for warning in check_phrase(order.phrase, order.lang):
        progress.say(f"  note: {warning}")
    engines = _engines(order)
    material = gather(order.phrase, order.preset, engines, order.folders, lang=order.lang, seed=order.seed,
                      jobs=order.jobs, cache=order.cache)
    _check(material)
    work = order.cache / "work" / material.name
    with progress.bar("simulating rooms", order.preset.rooms) as done:
        rooms = room_impulses(order.preset.rooms, order.seed)
        done(len(rooms))
    made = {}
    for way in ("train", "choose"):
        speeds = (1.0, *_speeds(order)) if way == "choose" else (1.0,)
        made[way] = [examples(way, material, rooms, order.preset, seed=order.seed, jobs=order.jobs,
                              folder=order.cache / "work" / "examples", speed=speed) for speed in speeds]
        material = material.without_recordings(way)
    choose = made["choose"][0]
    detectors = _train(order, material, made["train"].pop(), made["choose"], work)
    hours = float(choose.natural.sum()) * HOP_S / 3600
    draft = Draft(order.phrase, order.lang, order.seed, detectors, material, TARGET, hours,
                  order.preset.name)
    folder = work / "draft"
    write_draft(folder, draft)
    found = _evaluate(folder, material, order)
    out = publish(folder, draft, found, order.out, force=order.force)
    shutil.rmtree(folder, ignore_errors=True)
    return out


def _engines(order: Order) -> list[Engine]:
    """The engines of the preset that are here, or the ones that were asked for by name."""
    if order.engines:
        return open_engines(order.engines, order.lang)
    here = open_engines(None, order.lang)
    engines = [engine for engine in here if engine.name in order.preset.engines]
    missing = set(order.preset.required) - {engine.name for engine in engines}
    if missing and order.lang.startswith("en"):
        raise UsageError(f"preset {order.preset.name} needs {' and '.join(sorted(missing))}: "
                         f"apt-get install espeak-ng flite, or name other voices with --engine")
    progress.say(f"  voices: {', '.join(engine.name for engine in engines)}")
    return engines


def _check(material: Material) -> None:
    """Both classes, in all three ways, or a reason to stop."""
    if material.rejected.total:
        progress.say(f"  left out {material.rejected.total} clips:\n{material.rejected}")
    for name, way in material.ways.items():
        if len(way.phrases) < 5 or not (way.sentences or way.speech):
            raise UsageError(f"too little to {name} with: {len(way.phrases)} takes of the phrase and "
                             f"{len(way.sentences) + len(way.speech)} recordings of other speech; "
                             "add voices with --engine or recordings with --negatives")


def _train(
    order: Order, material: Material, train: Examples, held_out: Sequence[Examples], work: Path
) -> Detectors:
    """The detectors. They are chosen, and their thresholds found, on what is `held_out`, as it was said and
    then at each of the other speeds, unless these clearly do harm there."""
    from synth.draw import Member
    from synth.train import looked, merged, only

    members = _members(order, material.ways["train"])
    trained = _fitted(order, members, train, work)
    choose = held_out[0]
    plain, mean = looked(trained, held_out)
    speeds, worth = _speeds(order), dict[str, Any]()
    if speeds:
        worth, harmful = worth_of(plain, mean, choose)
        if harmful:
            speeds, mean = (), plain
    choice = choose_members(mean, choose, TARGET, all_of_them=order.members == PER_VOICE)
    progress.say(f"  {choice.why()}")
    if choice.merged:
        trained, plain = merged(trained), plain.mean(axis=1, keepdims=True)
        members = [Member("all", members[0].trained_on, members[0].weights)]
    kept = list(choice.members)
    data = fused(only(trained, kept))
    check_parity(data, choose, plain[:, kept])
    return Detectors(data, choice, [(members[k].name, members[k].trained_on) for k in kept], speeds, worth)


def _speeds(order: Order) -> tuple[float, ...]:
    """At which what comes near the word is heard once more: with hundreds of members that would be dear."""
    return () if order.members == PER_VOICE else order.preset.speeds


def _fitted(order: Order, members: list[Member], train: Examples, work: Path) -> Trained:
    """The networks; what was trained before is taken from the disk."""
    from synth.draw import Recipe
    from synth.train import VERSION, Trained
    from synth.train import train as fit

    shared = order.members == PER_VOICE
    nets = PER_VOICE_NETS if shared else order.preset.nets
    key = hashlib.sha256(repr((VERSION, Recipe(), nets, shared, order.preset, order.seed)).encode())
    key.update(train.rows.data)
    key.update(train.label.data)
    for member in members:
        key.update(member.weights.tobytes())
    stored = work / f"trained-{key.hexdigest()[:16]}.npz"
    if stored.exists():
        with np.load(stored, allow_pickle=False) as file:
            arrays = dict(file)
        params = {k: v for k, v in arrays.items() if k[0] in "wb"}
        return Trained(params, arrays["mean"], arrays["scale"], nets)
    what = f"{len(members)} heads on {nets}" if shared else f"{len(members) * nets}"
    with progress.bar(f"training {what} network{'s' * (shared < nets)}", order.preset.steps) as done:
        trained = fit(train, members, steps=order.preset.steps, batch=order.preset.batch, seed=order.seed,
                      nets=nets, shared=shared, done=lambda n, _loss: done(n))
    _store(stored, trained)
    return trained


def _members(order: Order, way: Way) -> list[Member]:
    """Members that all hear every voice, and differ in what they began with and in what the others miss; or,
    as heychip's ancestor had it, one for each voice, whose own layer learns the phrase from that voice alone.
    """
    from synth.draw import Member

    if order.members != PER_VOICE:
        voices = f"all voices: {', '.join(families(way.phrases))}"
        alike = np.ones(len(way.phrases), np.float32)
        return [Member(f"all-{k + 1}", voices, alike) for k in range(order.preset.members)]
    speaker = np.array([s.voice.speaker for s in way.phrases])
    return [Member(name, f"the voice {name}", (speaker == name).astype(np.float32) * len(speaker)
                   / np.float32((speaker == name).sum())) for name in sorted(set(speaker))]


def _store(path: Path, trained: Trained) -> None:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"mean": trained.mean, "scale": trained.scale, **trained.params}
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def _evaluate(folder: Path, material: Material, order: Order) -> Evaluation:
    """On voices and recordings that neither training nor calibration has met."""
    way = material.ways["report"]
    positives = stage([(s.sound, s.voice.engine) for s in way.phrases[:REPORTED]],
                      [s.sound for s in way.sentences], order.seed)
    negatives = Shelf([*chunks(way.speech), *chunks(s.sound for s in way.sentences)])
    with progress.bar("evaluating on held-out voices", len(positives) + len(negatives)) as done:
        return evaluate(folder, positives, negatives, order.jobs, done)
