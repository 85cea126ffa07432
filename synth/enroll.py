"""From a person's own recordings of a word to a bundle that hears that person, in seconds.

The recordings are checked, spoiled many times, and told from a backdrop of other speech that is made once on
a machine; nothing is spoken by synthetic voices but what the detector learns to reject.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError
from synth import progress
from synth.backdrop import LOOKED, Backdrop, backdrop
from synth.bundle import check_out
from synth.enroll_bundle import Enrolled, publish
from synth.enroll_hearing import hearing
from synth.enroll_into import Base, open_base
from synth.enroll_members import STEPS, Members, looked, plan, scenes, thresholds, train_members
from synth.evaluate import Evaluation
from synth.export import check_parity, fused
from synth.make import TARGET
from synth.own_recordings import Recording, read_recordings

LONGEST_WORD = 200  # letters that a manifest takes


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    recordings: tuple[Path, ...]
    word: str
    out: Path
    into: Path | str | None = None
    folders: tuple[Path, ...] = ()
    jobs: int = 2
    seed: int = 0
    cache: Path = Path(".cache")
    force: bool = False


def enroll(order: Order) -> Path:
    """Makes the bundle and returns its folder. Raises UsageError or ModelError."""
    check_out(order.out)
    if not order.word.strip() or not order.word.isprintable() or len(order.word) > LONGEST_WORD:
        raise UsageError(f"--word {order.word[:40]!r}: is no word; write it in at most "
                         f"{LONGEST_WORD} letters")
    base = None if order.into is None else open_base(order.into, order.word)
    recordings = read_recordings(order.recordings, force=order.force)
    behind = backdrop(order.folders, order.word, jobs=order.jobs, cache=order.cache,
                      speeds=base.speeds if base else ())
    members = _train(order, recordings, behind, base)
    made, found = _judge(order, recordings, behind, members)
    with tempfile.TemporaryDirectory(prefix="heychip-") as own:
        folder = Path(own, "draft")  # with the usual rights, which the temporary one does not have
        folder.mkdir()
        return publish(folder, made, found, order.out, force=order.force)


def _train(order: Order, recordings: Sequence[Recording], behind: Backdrop, base: Base | None) -> Members:
    """The scenes are kept only until all of them are made: they are a person's voice."""
    words = [one.word for one in recordings]
    digest = hashlib.sha256(repr((order.seed, [one.sha256 for one in recordings])).encode()).hexdigest()[:16]
    todo = len(plan(len(words), order.seed))
    with progress.bar("spoiling the recordings", todo) as done:
        positives = scenes(words, behind.scenery, order.cache / "enroll" / digest, seed=order.seed,
                           jobs=order.jobs, done=done)
    with progress.bar("training", STEPS) as done:
        return train_members(positives, behind.ways["train"], len(words), base, seed=order.seed, done=done)


def _judge(
    order: Order, recordings: list[Recording], behind: Backdrop, members: Members
) -> tuple[Enrolled, Evaluation]:
    """Thresholds, the file, and how well it hears, all of them on what the daemon decides on. Raises
    UsageError where the file differs from what was trained."""
    target = _target(members.base)
    with progress.bar("finding thresholds", 2) as done:
        (plain, choose), (_, report) = (looked(members, behind.heard(way)) for way in LOOKED)
        done(1)
        found_at = thresholds(members, choose, behind.ways["choose"], target)
        done(1)
    data = fused(members.bundle())
    check_parity(data, behind.ways["choose"], plain[:, : members.count])
    with progress.bar("hearing each without having learned it", len(recordings)) as done:
        found = hearing([one.word for one in recordings], behind, report, members,
                        thresholds=found_at, seed=order.seed)
        done(len(recordings))
    return Enrolled(order.word, order.seed, recordings, behind, members.base, data,
                    found_at[: members.count], target), found


def _target(base: Base | None) -> float:
    """False accepts an hour: what the bundle promised that is extended."""
    promised = base.manifest.get("calibration", {}).get("target_false_accepts_per_hour") if base else None
    return float(promised) if isinstance(promised, (int, float)) and promised > 0 else TARGET
