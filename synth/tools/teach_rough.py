"""Makes the rough student of the hardened backbone: a network of a twentieth of its arithmetic, taught to say
of the same mel frames what the backbone says (distillation; Hinton et al., 2015). It decides nothing: where
its embeddings bring a detector within reach of its threshold, `edge/lazy.py` asks the backbone itself.

    python -m synth.tools.teach_rough    # needs `pip install heychip[synth]`; writes edge/data/rough.*

Speech and noise are those that the hardened backbone was taught with, the train way of each; how far the
student is from it is measured on speakers of the choose way.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from edge.backbone import HARDENED, SIZE, identity
from edge.files import sha256_of, write_whole
from edge.frontend import MELS
from synth.tools.backbone_lessons import WINDOWS
from synth.tools.harden_backbone import DATA, bodies
from synth.tools.rough_lessons import pairs
from synth.tools.rough_net import Weights, embeddings, folded, fresh, write
from synth.tools.teaching import taught

BATCH, WARM_UP = 24, 100
RIDGE = 0.02  # keeps directions in which little happens from counting for everything
OUTLIER = 25.0  # a squared difference over this counts by its root: the teacher has wild moments
AVERAGING = 0.998
TALK = 12  # examples whose embeddings are shipped, so that every bundle can be asked what is usual
MEASURED = 400  # examples of the choose way

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Scale = tuple[Floats, Floats]


def scales(mel: Halves, said: Halves) -> tuple[Scale, Scale, Floats]:
    """Mean and spread of each band and of each number of an embedding, and what whitens the latter."""
    frames = mel[:2000].reshape(-1, MELS)[::7].astype(np.float32)
    numbers = said[:2000].reshape(-1, SIZE).astype(np.float32)
    mean, spread = numbers.mean(axis=0), numbers.std(axis=0)
    power, axes = np.linalg.eigh(np.cov(((numbers - mean) / spread).T))
    whitening = ((axes / np.sqrt(power + RIDGE)) @ axes.T).astype(np.float32)
    return (frames.mean(axis=0), frames.std(axis=0) + np.float32(1e-3)), (mean, spread), whitening


def teach(mel: Halves, said: Halves, *, steps: int, rate: float, seed: int) -> Weights:
    """A student after so many steps, averaged over the last of them. Graded by its distance from the teacher,
    half of it number by number and half of it whitened, so that what is small but telling counts too."""
    frames, numbers, whitening = scales(mel, said)
    rng = np.random.default_rng(seed)

    def loss(weights: Weights, heard: Any, wanted: Any) -> Any:
        heard = (heard.astype(jnp.float32) - frames[0]) / frames[1]
        wanted = (wanted.astype(jnp.float32) - numbers[0]) / numbers[1]
        off = embeddings(weights, heard, WINDOWS) - wanted
        return _shortened(off**2).mean() + _shortened((off @ whitening) ** 2).mean()

    start = fresh(rng)
    rows = (np.sort(rng.integers(len(mel), size=BATCH)) for _ in range(steps))
    weights = taught(start, loss, ((mel[row], said[row]) for row in rows), steps=steps, rate=rate,
                     warm_up=WARM_UP, keep=lambda k: min(AVERAGING, (1 + k) / (10 + k)),
                     told="teaching the student", every=500)  # fmt: skip
    return folded(weights, frames, numbers)


def _shortened(off: Any) -> Any:
    return jnp.where(off < OUTLIER, off, OUTLIER + jnp.sqrt(off + 1e-9) - OUTLIER**0.5)


def distance(weights: Weights, mel: Halves, said: Halves) -> dict[str, float]:
    """Of a student from its teacher: the mean squared difference over the variance, and the mean correlation
    of the numbers of an embedding."""
    found = np.concatenate([np.asarray(embeddings(weights, part.astype(np.float32), WINDOWS))
                            for part in np.array_split(mel, max(1, len(mel) // BATCH))]).reshape(-1, SIZE)
    wanted = said.reshape(-1, SIZE).astype(np.float32)
    off = ((found - wanted) ** 2).mean(axis=0) / wanted.var(axis=0)
    alike = [np.corrcoef(found[:, k], wanted[:, k])[0, 1] for k in range(SIZE)]
    return {"squared_difference": round(float(off.mean()), 3), "correlation": round(float(np.mean(alike)), 3)}


def lessons_of(way: str, count: int, seed: int, args: argparse.Namespace) -> tuple[Halves, Halves]:
    """Made once, and kept in the folder for lessons if there is one."""
    kept = args.lessons / f"{way}-{count}-{seed}.npz" if args.lessons else None
    if kept is not None and kept.exists():
        with np.load(kept) as found:
            return found["mel"], found["said"]
    mel, said = pairs(bodies(way, args.cache, args.jobs)[0], count, seed)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, mel=mel, said=said)
        write_whole(kept, buffer.getvalue())
    return mel, said


def talk_of(said: Halves) -> bytes:
    """The embeddings of a few examples in a row, as a file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, said[:TALK].reshape(-1, SIZE))
    return buffer.getvalue()


def manifest_of(
    data: bytes, talk: bytes, examples: int, steps: int, away: dict[str, float]
) -> dict[str, Any]:
    """What is to be known of a student: whose it is, what it was taught, how far it is away, its licence."""
    teacher = identity(HARDENED)
    return {
        "name": "rough_embedding",
        "sha256": sha256_of(data),
        "talk_sha256": sha256_of(talk),
        "student_of": {"name": teacher["name"], "sha256": teacher["sha256"]},
        "source": "taught by synth/tools/teach_rough.py to say what its teacher says of the same sound",
        "examples": examples,
        "steps": steps,
        "licence": teacher["licence"],
        "taught_with": teacher["taught_with"],
        "difference_from_teacher": away,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--examples", type=int, default=16000, help="of four seconds each")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning, at its highest")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(".cache") / "heychip")
    parser.add_argument("--lessons", type=Path, help="a folder in which lessons are kept for another time")
    parser.add_argument("--out", type=Path, default=DATA)
    args = parser.parse_args()
    mel, said = lessons_of("train", args.examples, args.seed, args)
    weights = teach(mel, said, steps=args.steps, rate=args.rate, seed=args.seed)
    data, talk = write(weights), talk_of(said)
    away = distance(weights, *lessons_of("choose", MEASURED, args.seed, args))
    manifest = manifest_of(data, talk, args.examples, args.steps, away)
    write_whole(args.out / "rough.onnx", data)
    write_whole(args.out / "rough_talk.npy", talk)
    write_whole(args.out / "rough.json", (json.dumps(manifest, indent=1) + "\n").encode())
    print(json.dumps(away), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
