"""The bundle as files: a draft that the pipeline can already run, then the whole with its report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge import __version__
from edge.backbone import CONTEXT, HARDENED, SIZE, identity
from edge.errors import ModelError, UsageError
from edge.events import RATE_HZ
from edge.files import exchange, sha256_of, sync, sync_tree, write_whole
from edge.frontend import FFT, HOP, MELS
from synth.choosing import Choice
from synth.details import or_against_best
from synth.evaluate import Evaluation, summary
from synth.material import Material, families, seconds
from synth.report import report_html
from synth.statistics import poisson
from synth.tried_with import add_recordings

MOST_MISSED = 0.5  # a bundle that misses more of every family of clean held-out voices is of no use
MOST_FALSE_ACCEPTS = 10.0  # an hour, at least so sure


@dataclass(frozen=True)
class Detectors:
    """The members in one file."""

    data: bytes
    """ONNX"""
    choice: Choice
    """which were kept, why, and their thresholds"""
    members: list[tuple[str, str]]
    """name and what it was trained on, of those"""
    speeds: tuple[float, ...] = ()
    """beside its own at which what comes near the word is heard once more"""
    worth: Mapping[str, Any] = field(default_factory=dict)
    """what that is worth on the choose way"""


@dataclass(frozen=True)
class Draft:
    """What training has made."""

    word: str
    lang: str
    seed: int
    detectors: Detectors
    material: Material
    target: float
    """false accepts an hour that were asked for"""
    choose_hours: float
    """of decisions that the thresholds were found on"""
    preset: str


def write_draft(folder: Path, draft: Draft) -> None:
    """A bundle without figures."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "detectors.onnx", draft.detectors.data)
    write_manifest(folder, _manifest(draft), ["detectors.onnx"])


def publish(folder: Path, draft: Draft, found: Evaluation, out: Path, *, force: bool) -> Path:
    """Adds recordings to try it with, figures and report to the draft, and moves it to `out` in one step.
    Raises ModelError where the bundle fails its own gates and `force` is not given."""
    figures = summary(found)
    problems = gates(found)
    if problems and not force:
        raise ModelError(out, "is not written: " + "; ".join(problems),
                         "add voices or negatives, or --force to have it all the same")
    manifest = _manifest(draft)
    manifest["calibration"] |= figures
    members = [name for name, _ in draft.detectors.members]
    if len(members) > 1:
        manifest["calibration"]["or_against_best_member"] = or_against_best(found, members)
    if problems:
        manifest["calibration"]["forced_over"] = problems
    spoken = draft.material.ways["choose"].phrases[:24]  # by held-out voices
    near = draft.material.ways["choose"].near[:24]
    names = add_recordings(folder, manifest, [s.sound for s in spoken], [s.sound for s in near], draft.seed)
    write_whole(folder / "report.html", report_html(manifest, found).encode())
    write_manifest(folder, manifest, ["detectors.onnx", *names, "report.html"])
    return move(folder, out)


def gates(found: Evaluation) -> list[str]:
    """Why this bundle should not be carried to a Pi, in words; empty where it may."""
    problems = []
    rows = [found.misses(condition="clean", family=family) for family in found.families()]
    if rows and min(missed / count for missed, count in rows) > MOST_MISSED:
        missed, count = found.misses(condition="clean")
        problems.append(f"it misses {missed} of {count} clean phrases, over half of every family of "
                        "held-out voices")
    low, _ = poisson(found.alarms(), found.hours)
    if low > MOST_FALSE_ACCEPTS:
        problems.append(f"it makes at least {low:.1f} false accepts an hour")
    return problems


def _manifest(draft: Draft) -> dict[str, Any]:
    material = draft.material
    train, choose = material.ways["train"], material.ways["choose"]
    return {
        "schema": 1, "kind": "hotword", "word": draft.word, "language": draft.lang,
        "preset": draft.preset,
        "speeds": list(draft.detectors.speeds),
        "spellings": sorted({s.text for s in train.phrases}),
        "members": [{"name": name, "trained_on": on, "threshold": round(float(t), 4)}
                    for (name, on), t in zip(draft.detectors.members, draft.detectors.choice.thresholds,
                                                strict=True)],
        **listens_with(),
        "calibration": {
            "target_false_accepts_per_hour": draft.target,
            "found_on": {"hours": round(draft.choose_hours, 2),
                         "of": "voices and recordings that were not trained on",
                         "method": "peaks over threshold, tail extrapolated"},
            "members_chosen": draft.detectors.choice.told(),
            **({"second_look": dict(draft.detectors.worth)} if draft.detectors.worth else {}),
        },
        "clips": {"train": families(train.phrases), "choose": families(choose.phrases),
                  "report": families(material.ways["report"].phrases),
                  "left_out": dict(material.rejected.counts)},
        "voices": _voices(material),
        "data": _data(material),
        "seed": draft.seed,
        "versions": versions(),
    }


def listens_with() -> dict[str, Any]:
    """The front end and backbone that our detectors are trained on, for the manifest."""
    return {
        "frontend": {"rate_hz": RATE_HZ, "hop_ms": HOP * 1000 // RATE_HZ, "mels": MELS, "fft": FFT,
                     "scale": "int16"},
        "backbone": {"name": HARDENED, "sha256": identity(HARDENED)["sha256"], "frames": CONTEXT,
                     "size": SIZE},
    }


def versions() -> dict[str, str]:
    """Of the programs that make a bundle."""
    return {"heychip": __version__, **{p: _version(p) for p in ("numpy", "jax", "optax", "onnx")}}


def _voices(material: Material) -> list[dict[str, Any]]:
    """Engine by engine: which voices went where, and under what licence."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for way, voices in material.voices.items():
        for voice in voices:
            row = rows.setdefault(
                (voice.engine, voice.licence), {"engine": voice.engine, "licence": voice.licence})
            row.setdefault(way, []).append(voice.name)
    ordered = (row for _, row in sorted(rows.items()))
    return [{k: sorted(v) if isinstance(v, list) else v for k, v in row.items()} for row in ordered]


def _data(material: Material) -> list[dict[str, Any]]:
    rows = [{"name": s.name, "kind": s.what, "language": s.language, "licence": s.licence,
             "package": s.package}
            for s in material.sources]
    spoken = {way: round(seconds([s.sound for s in w.sentences + w.near]) / 3600, 2)
              for way, w in material.ways.items()}
    real = {way: round(hours, 2) for way, hours in material.real_hours.items()}
    return [*rows, {"name": "spoken by the engines", "kind": "sentences and near-misses", "hours": spoken,
                    "licence": "as the voices"},
            {"name": "real speech, together", "kind": "speech", "hours": real}]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def write_manifest(folder: Path, manifest: dict[str, Any], names: Sequence[str]) -> None:
    """With the sha256 of the files of these names, which are there."""
    manifest["files"] = {name: sha256_of((folder / name).read_bytes()) for name in names}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / "manifest.json", text.encode())


def move(folder: Path, out: Path) -> Path:
    """The finished folder to its place: copied beside it under another name, flushed, then exchanged with
    what is there. Only where a file system cannot exchange is there a moment without either."""
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    for stale in (fresh, old):
        shutil.rmtree(stale, ignore_errors=True)
    shutil.copytree(folder, fresh)
    sync_tree(fresh)
    if not exchange(fresh, out):
        if out.exists():
            out.replace(old)
        fresh.replace(out)
    sync(out.parent)
    for stale in (fresh, old):
        shutil.rmtree(stale, ignore_errors=True)
    return out


def check_out(out: Path) -> None:
    """A bundle may take the place of a bundle, and of nothing else. Raises UsageError."""
    if not out.name:
        raise UsageError(f"{out}: is no name for a bundle; name its folder with --out")
    if out.exists() and not (out / "manifest.json").exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: is there already and is no bundle; name another folder with --out")
