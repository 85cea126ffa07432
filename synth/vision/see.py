"""A folder for each class to a vision bundle: read, split, features, head, figures, files."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.classifier import MODEL, Classifier
from edge.errors import ModelError
from edge.events import Frame
from edge.files import write_whole
from synth import progress
from synth.bundle import check_out, move, versions, write_manifest
from synth.evaluate import share
from synth.vision import head as heads
from synth.vision import kept
from synth.vision.features import THINGS, Backbone, Rows, rows_of
from synth.vision.graft import grafted
from synth.vision.head import DECAYS, Head, Labels
from synth.vision.pictures import UNKNOWN, WAYS, Album, Picture, album, class_folders
from synth.vision.see_page import Looked, report_html

VERSIONS = 6  # spoiled versions of each picture that is trained on, beside itself
MOST_ROWS = 12_000  # pictures and versions together: beyond that, fewer versions


@dataclass(frozen=True)
class Lesson:
    """What is asked for."""

    folder: Path
    out: Path
    seed: int = 0
    jobs: int = 2


@dataclass(frozen=True)
class Way:
    """The features [n, 1280] and labels [n] of the pictures that went one way."""

    features: Rows
    labels: Labels


def see(lesson: Lesson) -> Path:
    """Makes the bundle and gives its folder. Raises UsageError for pictures that cannot be learned from."""
    check_out(lesson.out)
    backbone = Backbone()
    files = class_folders(lesson.folder)
    with progress.bar("pictures read", sum(map(len, files.values()))) as done:
        read = album(lesson.folder, lesson.seed, done)
    for line in read.unreadable:
        progress.say(f"  left out: {line}")
    for path in read.twice:
        progress.say(f"  left out: {path}: is there twice")
    ways = _ways(read, backbone, lesson)
    known = sum(name != UNKNOWN for name in read.labels)
    head, decay = _head(ways, len(read.labels), known, versions_of(ways, read))
    report = ways["report"]
    with progress.bar("classes left out, one by one", 1) as done:
        parts = [(ways[w].features, ways[w].labels) for w in WAYS]
        left_out = heads.strangers(parts, known, decay, versions_of(ways, read))
        done(1)
    labels = [*read.labels[:known], UNKNOWN]
    looked = Looked(labels, known, read.ways["report"], report.labels, head.probabilities(report.features))
    with tempfile.TemporaryDirectory() as draft:
        folder = Path(draft) / "bundle"  # the temporary folder itself is closed to others, a bundle is not
        folder.mkdir()
        write_whole(folder / MODEL, grafted(backbone, head))
        write_whole(folder / "labels.txt", "".join(f"{name}\n" for name in labels).encode())
        write_whole(folder / "LICENSE", backbone.licence_file.read_bytes())
        names = [MODEL, "labels.txt", "LICENSE"]
        manifest = _manifest(lesson, backbone, read, looked, left_out=left_out, decay=decay)
        write_manifest(folder, manifest, names)
        _check(folder, read.ways["report"][:8], looked)
        write_whole(folder / "report.html", report_html(manifest, looked).encode())
        write_manifest(folder, manifest, [*names, "report.html"])
        return move(folder, lesson.out)


def _ways(read: Album, backbone: Backbone, lesson: Lesson) -> dict[str, Way]:
    """Features by way; versions of a picture follow each other."""
    out = {}
    total = sum(len(some) for some in read.ways.values())
    with progress.bar("pictures looked at", total) as done:
        for way, some in read.ways.items():
            count = min(VERSIONS, MOST_ROWS // len(some)) if way == "train" else 0
            rows = rows_of(backbone, some, count, lesson.seed, lesson.jobs, done=done)
            labels = np.repeat([p.label for p in some], 1 + count).astype(np.intp)
            out[way] = Way(rows.reshape(len(labels), -1), labels)
    kept.tidy()
    return out


def versions_of(ways: dict[str, Way], read: Album) -> int:
    """Rows of each picture that is trained on, itself among them."""
    return len(ways["train"].labels) // len(read.ways["train"])


def _head(ways: dict[str, Way], classes: int, known: int, versions: int) -> tuple[Head, float]:
    """The head, and the decay that was chosen for it; in `train` each picture has so many rows."""
    train, choose = ways["train"], ways["choose"]
    tried = []
    with progress.bar("heads trained", len(DECAYS)) as done:
        for decay in DECAYS:
            tried.append(heads.fitted(train.features, train.labels, classes, decay))
            done(1)
    best = heads.chosen(tried, choose.features, choose.labels)
    decay = next(d for d, h in zip(DECAYS, tried, strict=True) if np.isclose(
        h.weights / np.linalg.norm(h.weights), best.weights / np.linalg.norm(best.weights)).all())
    taught = train.features[train.labels < known][::versions]
    return heads.with_unknown(best, known, taught, choose.features, choose.labels), decay


def _manifest(lesson: Lesson, backbone: Backbone, read: Album, looked: Looked, *,
              left_out: list[tuple[int, int]] | None, decay: float) -> dict[str, Any]:
    told = looked.told
    strangers = left_out and {"caught_when_left_out": share(*map(sum, zip(*left_out, strict=True))),
                              "by_class": dict(zip(looked.labels, left_out, strict=False))}
    return {
        "schema": 1, "kind": "classifier", "name": lesson.out.name, "input": backbone.input,
        "labels": "labels.txt", "licence": backbone.licence,
        "made_by": "heychip-synth see", "seed": lesson.seed,
        "sources": {
            "backbone": {"bundle": THINGS, "sha256": backbone.sha256},
            "pictures": {way: [{"file": str(p.path.relative_to(lesson.folder)), "sha256": p.sha256}
                               for p in some] for way, some in read.ways.items()},
            "left_out": {"unreadable": len(read.unreadable), "twice": len(read.twice)},
        },
        "calibration": {
            "pictures": read.counts(), "decay": decay, "versions": VERSIONS,
            "wrong": share(int((told != looked.truth).sum()), len(told)),
            "called_unknown": share(int(((told == looked.known) & (looked.truth < looked.known)).sum()),
                                    int((looked.truth < looked.known).sum())),
            "unknown": {"leaves_alone": heads.KEPT, "examples": UNKNOWN in read.labels,
                        "strangers": strangers},
        },
        "versions": versions(),
    }


def _check(folder: Path, pictures: list[Picture], looked: Looked) -> None:
    """Loads the bundle as the Pi would and compares. Raises ModelError where it says anything else."""
    classifier = Classifier(folder)
    for k, picture in enumerate(pictures):
        seen = classifier.classify(Frame(picture.pixels, str(picture.path)))
        if seen.label and abs(seen.score - float(looked.probabilities[k].max())) > 0.01:
            raise ModelError(folder, f"says {seen.score:.3f} of {picture.path}, training said "
                             f"{looked.probabilities[k].max():.3f}", "please report this")


