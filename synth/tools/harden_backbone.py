"""Makes the hardened backbone: the reference graph, taught to say of speech in noise and rooms what the
reference says of the same speech in quiet (distillation; Hinton et al., 2015). No transcript is needed, and
no phrase is taught: the same weights serve every word.

    python -m synth.tools.harden_backbone    # needs `pip install heychip[synth]`; writes edge/data/hardened.*
    python -m synth.tools.harden_backbone --go-on --steps 330 --rate 5e-4    # teaches them further

Speech and noise are those of `heychip-synth negatives install` and of the engines that are here, the train
way of each. Weights that have been taught alone forget how the reference hears clean speech; a mean of both
sets (Wortsman et al., "Robust fine-tuning", 2022) keeps most of both. The manifest says how far each is from
the reference on clean speech, for speakers of the choose way.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edge.backbone import HARDENED, REFERENCE, Backbone, identity
from edge.events import STEP
from edge.files import sha256_of, write_whole
from edge.frontend import FrontEnd
from synth import negatives, progress
from synth.acoustics import Sound, babble, coloured, mixed, room_impulses
from synth.packs import to_sound
from synth.presets import ENGINES, SENTENCE_SHARES
from synth.sentences import sentences
from synth.sources import Source
from synth.tools.backbone_lessons import STEPS, Coded, Floats, Lessons, batches, coded
from synth.tools.backbone_loss import grade
from synth.tools.backbone_net import Layer, Weights, read, write
from synth.tools.teaching import taught
from synth.voices import open_engines
from synth.voices.cache import speak_all
from synth.voices.plan import plan, split

DATA = Path(__file__).resolve().parents[2] / "edge" / "data"
SIZE, RATE, WARM_UP = 16, 1e-3, 40
AVERAGING = 0.99
TAUGHT = 0.8  # of the weights that are written; the rest is the reference
SPEECH_HOURS = 2.0  # of each source
SENTENCES = {"train": 1300, "choose": 208}
VOICE_SHARES = {"kokoro": 5.0, "espeak-ng": 1.0, "flite": 0.5, "festival": 0.5}
ENGLISH = 2.0  # how much more English counts, the reference's own language
CONDITIONS = (("clean", "", 99.0), ("pink 10 dB", "pink", 10.0), ("babble 10 dB", "babble", 10.0),
              ("pink 0 dB", "pink", 0.0))  # fmt: skip


def bodies(way: str, cache: Path, jobs: int) -> tuple[Lessons, list[Source]]:
    """All speech and noise of one way, and which recordings they are of."""
    sources = [s for s in negatives.installed() if negatives.files_of(s)[way]]
    speech: list[tuple[Sequence[Coded], float]] = []
    noise: list[Sequence[Coded]] = []
    for source in sources:
        real = negatives.recordings(source, way, SPEECH_HOURS, cache / "recordings")
        found = [coded(to_sound(pcm)) for pcm in real]
        if source.kind == "noise":
            noise.append(found)
        elif found:
            hours = sum(map(len, found)) / 57.6e6
            speech.append((found, hours**0.5 * (ENGLISH if source.language == "en" else 1.0)))
    engines = [engine for engine in open_engines(None, "en-us") if engine.name in ENGINES]
    voices = split([voice for engine in engines for voice in engine.voices()], 0)[way]
    takes = plan(sentences(SENTENCES[way], 0), engines, SENTENCES[way], 2, voices, weights=SENTENCE_SHARES)
    spoken: dict[str, list[Coded]] = {}
    with progress.bar("speaking", len(takes)) as done:
        for take, sound, _ in speak_all(takes, engines, jobs=jobs, progress=done, cache=cache / "clips"):
            if sound is not None:
                spoken.setdefault(take.voice.engine, []).append(coded(sound))
    speech += [(found, VOICE_SHARES[name]) for name, found in spoken.items()]
    return Lessons(speech, noise, room_impulses(80, 5) if way == "train" else ()), sources


def teach(
    lessons: Lessons, start: Weights, layers: Sequence[Layer], *, steps: int, rate: float, seed: int
) -> Weights:
    """`start` after so many steps of lessons, averaged over the last of them."""
    given = _prefetched(lessons, seed)
    first = [next(given) for _ in range(4)]  # before JAX starts its threads: the worker is forked
    loss = grade(layers, np.concatenate([wanted.reshape(-1, 96) for _, wanted, _ in first]))
    return taught(start, loss, chain(first, given), steps=steps, rate=rate, warm_up=WARM_UP,
                  keep=lambda _: AVERAGING, told="teaching the backbone", every=50)


def _prefetched(lessons: Lessons, seed: int) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Batches made by another process, a few ahead."""
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(4)
    worker = context.Process(target=_produce, args=(queue, lessons, seed), daemon=True)
    worker.start()
    while True:
        yield queue.get()


def _produce(queue: Any, lessons: Lessons, seed: int) -> None:
    for batch in batches(lessons, SIZE, seed):
        queue.put(batch)


def between(start: Weights, taught: Weights, part: float) -> Weights:
    """`part` of the second set of weights and the rest of the first."""
    return [{k: ((1 - part) * a[k] + part * b[k]).astype(np.float32) for k in a}
            for a, b in zip(start, taught, strict=True)]  # fmt: skip


def taught_before(start: Weights) -> Weights:
    """The taught weights that the file of today was mixed from."""
    mixed_before, _ = read(onnx.load(str(DATA / "hardened.onnx")))
    return between(start, mixed_before, 1 / float(identity(HARDENED)["taught_part"]))


def distances(graphs: dict[str, bytes], lessons: Lessons, count: int = 60) -> dict[str, dict[str, float]]:
    """How far the embeddings that each graph says of spoiled speech are from what the reference says of it in
    quiet: the mean squared difference over the variance, by condition."""
    rng = np.random.default_rng(7)
    reference = Backbone()
    wanted, heard = [], {name: [] for name, *_ in CONDITIONS}  # type: ignore[var-annotated]
    real = [pool for pool, _ in lessons.speech]
    talk = [to_sound(s) for pool in real for s in pool[:20]]
    for _ in range(count):
        sound = _longest(real[int(rng.integers(len(real)))], rng)
        wanted.append(_said(reference, sound))
        for name, kind, snr_db in CONDITIONS:
            noise = babble(talk, len(sound), rng) if kind == "babble" else coloured(len(sound), "pink", rng)
            heard[name].append(mixed(sound, noise, snr_db) if kind else sound)
    found: dict[str, dict[str, float]] = {}
    all_wanted = np.concatenate(wanted)
    for graph, data in graphs.items():
        net = Backbone.of(data)
        found[graph] = {}
        for name, sounds in heard.items():
            off = (np.concatenate([_said(net, sound) for sound in sounds]) - all_wanted) ** 2
            found[graph][name] = round(float((off.mean(axis=0) / all_wanted.var(axis=0)).mean()), 3)
    return found


def _longest(pool: Sequence[Coded], rng: np.random.Generator) -> Sound:
    """Four seconds out of a body of recordings, at half of full scale."""
    row = np.concatenate([pool[int(k)] for k in rng.integers(len(pool), size=12)])[: STEPS * STEP]
    sound = row.astype(np.float32)
    return np.asarray(sound / (np.abs(sound).max() + 1e-6) * 0.5, np.float32)


def _said(net: Backbone, sound: Sound) -> Floats:
    """The embeddings of whole windows."""
    front = FrontEnd()
    front.reset()
    net.reset()
    return net.step(front.step(sound[: len(sound) // STEP * STEP]))[10:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=RATE, help="of learning, at its highest")
    parser.add_argument("--go-on", action="store_true", help="from the weights that were taught last")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(".cache") / "heychip")
    parser.add_argument("--out", type=Path, default=DATA)
    args = parser.parse_args()
    model = onnx.load(str(DATA / "backbone.onnx"))
    start, layers = read(model)
    lessons, sources = bodies("train", args.cache, args.jobs)
    before = taught_before(start) if args.go_on else start
    after = teach(lessons, before, layers, steps=args.steps, rate=args.rate, seed=args.seed)
    graphs = {"reference": write(model, start), "taught": write(model, after),
              "hardened": write(model, between(start, after, TAUGHT))}  # fmt: skip
    data = graphs["hardened"]
    own, earlier = identity(REFERENCE), identity(HARDENED)
    manifest = {
        **{key: own[key] for key in ("frames_per_step", "window_frames", "size")},
        "name": "hardened_embedding",
        "sha256": sha256_of(data),
        "source": f"{own['name']} {own['sha256']}, taught by synth/tools/harden_backbone.py",
        "steps": args.steps + (earlier["steps"] if args.go_on else 0),
        "taught_part": TAUGHT,
        "licence": "Apache-2.0, as the weights that it started from",
        "taught_with": [{"name": s.name, "kind": s.what, "licence": s.licence} for s in sources]
        + [{"name": name, "kind": "voice"} for name in VOICE_SHARES],
        "difference_from_clean": distances(graphs, bodies("choose", args.cache, args.jobs)[0]),
    }
    write_whole(args.out / "hardened.onnx", data)
    write_whole(args.out / "hardened.json", (json.dumps(manifest, indent=1) + "\n").encode())
    print(json.dumps(manifest["difference_from_clean"], indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
