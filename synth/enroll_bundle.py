"""A personal bundle as files: the same manifest as a synthetic one's, a golden recording, a page."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.events import RATE_HZ
from edge.files import sha256_of, write_whole
from synth.backdrop import Backdrop
from synth.bundle import MOST_FALSE_ACCEPTS, listens_with, move, versions, write_manifest
from synth.enroll_hearing import figures
from synth.enroll_into import Base
from synth.enroll_members import FOLDS, NAME, copies
from synth.enroll_report import report_html
from synth.evaluate import Evaluation, share
from synth.own_recordings import Recording
from synth.statistics import poisson
from synth.tried_with import add_recordings

LICENCE = "the user's own"
OTHER_S = 4  # of other speech, as a counter-example
MOST_MISSED = 0.5  # of the recordings, each heard by a detector trained on the others, in quiet


@dataclass(frozen=True)
class Enrolled:
    """What training has made."""

    word: str
    seed: int
    recordings: list[Recording]
    behind: Backdrop
    base: Base | None
    data: bytes
    """ONNX"""
    thresholds: NDArray[np.float32]
    """[N], of the members of the bundle"""
    target: float
    """false accepts an hour that the thresholds aim at"""


def publish(folder: Path, made: Enrolled, found: Evaluation, out: Path, *, force: bool) -> Path:
    """Writes everything into `folder` and moves it to `out` in one step. Raises ModelError where the bundle
    fails its own gates and `force` is not given."""
    problems = gates(found)
    if problems and not force:
        raise ModelError(out, "is not written: " + "; ".join(problems),
                         "record the word more often, each time alike; or take a longer word; or --force to "
                         "have it all the same")
    manifest = _manifest(made, found)
    if problems:
        manifest["calibration"]["forced_over"] = problems
    write_whole(folder / "detectors.onnx", made.data)
    write_manifest(folder, manifest, ["detectors.onnx"])
    other = [sound[: OTHER_S * RATE_HZ] for sound in made.behind.scenery.talk[:24]]
    names = add_recordings(folder, manifest, [one.word for one in made.recordings], other, made.seed)
    write_whole(folder / "report.html", report_html(manifest, found).encode())
    write_manifest(folder, manifest, ["detectors.onnx", *names, "report.html"])
    return move(folder, out)


def gates(found: Evaluation) -> list[str]:
    """Why this bundle should not be carried to a Pi, in words; empty where it may."""
    problems = []
    missed, count = found.misses(condition="clean")
    if missed > MOST_MISSED * count:
        problems.append(f"{missed} of the {count} recordings are missed by a detector that was trained on "
                        "the others")
    low, _ = poisson(found.alarms(), found.hours)
    if low > MOST_FALSE_ACCEPTS:
        problems.append(f"it makes at least {low:.1f} false accepts an hour")
    return problems


def _manifest(made: Enrolled, found: Evaluation) -> dict[str, Any]:
    """The keys of the bundle that was extended stay, those that `synth.make` does not write, too."""
    count, old = len(made.recordings), copy.deepcopy(made.base.manifest) if made.base else {}
    for key in ("golden", "counter"):  # the new bundle gets its own
        old.pop(key, None)
    new = {"name": _name({member["name"] for member in old.get("members", [])}),
           "trained_on": f"one person's own {count} recordings"}
    members = [*old.get("members", []), new]
    for member, threshold in zip(members, made.thresholds, strict=True):
        member["threshold"] = round(float(threshold), 4)
    manifest = {
        **old,
        "schema": 1, "kind": "hotword", "word": old.get("word", made.word),
        "language": old.get("language", ""), "preset": "enroll", "spellings": old.get("spellings", []),
        "members": members, **listens_with(),
        "speeds": list(made.behind.speeds),  # those of the bundle that was extended
        "calibration": _calibration(made, found),
        "recordings": [*old.get("recordings", []),
                       *({"sha256": one.sha256, "word_s": round(len(one.word) / RATE_HZ, 2),
                          "spoiled": copies(count)} for one in made.recordings)],
        "voices": [*old.get("voices", []),
                   {"engine": "own recordings", "licence": LICENCE, "train": [f"one person, {count} times"]}],
        "data": _data(made, old.get("data", [])),
        "seed": made.seed, "versions": versions(),
    }  # fmt: skip
    if made.base:
        data = (made.base.path / "manifest.json").read_bytes()
        kept = ("preset", "seed", "versions", "calibration")
        manifest["extends"] = {"manifest_sha256": sha256_of(data), **{key: old.get(key) for key in kept}}
    return manifest


def _name(taken: set[str]) -> str:
    """A name for the new member that no other has."""
    return next(name for k in range(len(taken) + 1)
                if (name := f"{NAME}-{k + 1}" if k else NAME) not in taken)  # fmt: skip


def _calibration(made: Enrolled, found: Evaluation) -> dict[str, Any]:
    """How the thresholds were found, and what came of it."""
    count, groups = len(made.recordings), " (in five groups)" if len(made.recordings) > FOLDS else ""
    told: dict[str, Any] = {
        "target_false_accepts_per_hour": made.target,
        "found_on": {"hours": round(made.behind.hours("choose"), 2),
                     "of": "voices and recordings that were not trained on",
                     "method": "peaks over threshold, tail extrapolated"},
        "missed_of": f"the {count} recordings themselves, each heard by a detector that was trained on the "
                     f"others{groups}; the one in the bundle was trained on all of them",
        **figures(found),
    }  # fmt: skip
    if made.base:
        others = found.member_best[:, :-1].max(axis=1)
        alone = replace(found, best=others)
        told["missed_by_the_others_alone"] = {
            condition: share(*alone.misses(condition=condition)) for condition in found.conditions()}
    return told


def _data(made: Enrolled, old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What it learned to reject and was tried on; what the bundle that was extended knew already, once."""
    known = {row.get("name") for row in old}
    rows = [{"name": s.name, "kind": s.what, "language": s.language, "licence": s.licence,
             "package": s.package} for s in made.behind.sources if s.name not in known]  # fmt: skip
    hours = {way: round(made.behind.hours(way), 2) for way in made.behind.ways}
    return [*old, *rows, {"name": "what the personal detector learned to reject, together", "hours": hours,
                          "kind": "these recordings and sentences spoken by espeak-ng and flite, as they are "
                                  "and spoiled", "licence": "as the recordings"}]  # fmt: skip
