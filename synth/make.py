"""From a phrase to a bundle: the stages in a row, each of which goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import HOP_S
from edge.files import write_whole
from synth import progress
from synth.acoustics import Sound, room_impulses
from synth.augment import Scenery
from synth.bundle import Draft, check_out, publish, write_draft
from synth.calibrate import calibrate
from synth.dataset import Examples, Job, World, phrase_jobs, run_jobs, stream_jobs
from synth.evaluate import Evaluation, evaluate, stage
from synth.export import fused, parity
from synth.material import Material, Way, families, gather, seconds
from synth.phrase import check_phrase
from synth.presets import Preset
from synth.voices import Engine, open_engines

if TYPE_CHECKING:
    from synth.train import Member, Trained

TARGET = 0.1  # false accepts an hour that the default thresholds promise
PARITY = 1e-4
FOCUS = 2.0  # how much more its own family counts for a member that is trained with a focus
STREAM_S = 30.0
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
    train, choose = (_examples(way, material, rooms, order, work) for way in ("train", "choose"))
    detectors, thresholds, members = _train(order, material, train, choose, work)
    hours = float(choose.natural.sum()) * HOP_S / 3600
    draft = Draft(order.phrase, order.lang, order.seed, detectors, members, thresholds, material, TARGET,
                  hours, order.preset.name)
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


def _examples(name: str, material: Material, rooms: list[Sound], order: Order, work: Path) -> Examples:
    """The examples of one way, through the pipeline of the daemon."""
    way, preset, seed = material.ways[name], order.preset, order.seed * 10 + (1 if name == "choose" else 0)
    parts = {"phrase": [s.sound for s in way.phrases], "near": [s.sound for s in way.near],
             "talk": [s.sound for s in way.sentences], "real": chunks(way.speech)}
    clips = [sound for part in parts.values() for sound in part]
    at, places = 0, {}
    for part, sounds in parts.items():
        places[part], at = list(range(at, at + len(sounds))), at + len(sounds)
    copies = preset.negative_copies
    jobs = phrase_jobs(places["phrase"], preset.copies if name == "train" else 1, seed)
    if name == "train":
        jobs += phrase_jobs(places["phrase"], 1, seed + 1, "fragment")
    jobs += phrase_jobs(places["near"], copies, seed + 2, "near")
    jobs += stream_jobs(places["talk"], copies, seed + 3)
    jobs += stream_jobs(places["real"], preset.speech_copies, seed + 4, per_stream=1)
    jobs += [Job("noise", (), (seed + 5, i)) for i in range(20)]
    world = World(clips, Scenery(rooms, parts["talk"] + parts["real"], way.noise), f"{material.name}-{name}")
    with progress.bar(f"spoiling and listening, to {name}", len(jobs)) as done:
        return run_jobs(jobs, world, work, order.jobs, done)


def chunks(sounds: list[Sound]) -> list[Sound]:
    """Recordings in a row, with pauses, cut into streams of about half a minute; nothing is cut in two."""
    streams: list[Sound] = []
    row: list[Sound] = []
    pause = np.zeros(8_000, np.float32)
    for sound in sounds:
        row += [sound / (np.abs(sound).max() + 1e-6) * 0.5, pause]
        if seconds(row) >= STREAM_S:
            streams.append(np.concatenate(row))
            row = []
    return streams + ([np.concatenate(row)] if row else [])


def _train(
    order: Order, material: Material, train: Examples, choose: Examples, work: Path
) -> tuple[bytes, NDArray[np.float32], list[tuple[str, str]]]:
    """The detectors, their thresholds and what each member was trained on; what was trained before is taken
    from the disk."""
    from synth.train import Trained, logits_of, recipe
    from synth.train import train as fit

    members = _members(order.preset, material.ways["train"])
    key = hashlib.sha256(repr((recipe(), order.preset, order.seed, members)).encode())
    for part in (train.rows, train.label):
        key.update(part.tobytes())
    stored = work / f"trained-{key.hexdigest()[:16]}.npz"
    if stored.exists():
        with np.load(stored, allow_pickle=False) as file:
            arrays = dict(file)
        trained = Trained({k: v for k, v in arrays.items() if k[0] in "wb"}, arrays["mean"], arrays["scale"])
    else:
        with progress.bar(f"training {len(members)} members", order.preset.steps) as done:
            trained = fit(train, members, steps=order.preset.steps, batch=order.preset.batch, seed=order.seed,
                          done=lambda n, _loss: done(n))
        _store(stored, trained)
    logits = logits_of(trained, choose)
    detectors = fused(trained)
    sample = np.linspace(0, len(choose.first) - 1, 64).astype(int)
    windows = np.stack([choose.rows[f : f + 16] for f in choose.first[sample]]).astype(np.float32)
    if (worst := parity(detectors, windows, logits[sample])) > PARITY:
        raise UsageError(f"the exported file differs from what was trained by {worst:.1e}; please "
                         "report this")
    return detectors, _thresholds(logits, choose), [(m.name, m.trained_on) for m in members]


def _members(preset: Preset, way: Way) -> list[Member]:
    """One member for each family of voices, which counts more for it than the others do, and some that take
    all voices alike. All see everything: specialists that heard their own family alone cost more than they
    won."""
    from synth.train import Member

    family = np.array([s.voice.engine for s in way.phrases])
    count = families(way.phrases)
    even = np.array([len(family) / len(count) / count[f] for f in family], np.float32)
    names = ["all"] if preset.members == 1 else [f"all-{i + 1}" for i in range(preset.members)]
    everyone = [Member(name, f"all voices: {', '.join(count)}", even) for name in names]
    focused = []
    for name in count if len(count) > 1 else ():
        weights = even * np.where(family == name, FOCUS, 1.0).astype(np.float32)
        focused.append(Member(name, f"all voices, those of {name} counting {FOCUS:g} times as much", weights))
    return everyone + focused


def _store(path: Path, trained: Trained) -> None:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"mean": trained.mean, "scale": trained.scale, **trained.params}
    np.savez(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def _thresholds(logits: NDArray[np.float32], choose: Examples) -> NDArray[np.float32]:
    """Found on the streams in which people talk: sounds made to be confused with the phrase are no measure of
    how often an hour of life is mistaken for it."""
    talk = choose.natural
    streams = [logits[choose.stream == s] for s in np.unique(choose.stream[talk])]
    return calibrate(streams, float(talk.sum()) * HOP_S / 3600, TARGET)


def _evaluate(folder: Path, material: Material, order: Order) -> Evaluation:
    """On voices and recordings that neither training nor calibration has met."""
    way = material.ways["report"]
    positives = stage([(s.sound, s.voice.engine) for s in way.phrases[:REPORTED]],
                      [s.sound for s in way.sentences], order.seed)
    negatives = chunks(way.speech) + chunks([s.sound for s in way.sentences])
    with progress.bar("evaluating on held-out voices", len(positives) + len(negatives)) as done:
        return evaluate(folder, positives, negatives, order.jobs, done)
