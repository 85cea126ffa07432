"""A folder for each class, read and split: what is trained on, chosen on and reported on stays apart.

A picture twice, or twice almost the same (a burst, a saved copy), would be learned in one way and praised in
another; so the same picture counts once, and pictures that look alike go the same way together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.folder import PICTURES, PictureError, read_picture
from edge.classifier import scaled
from edge.errors import UsageError
from edge.files import sha256_of

UNKNOWN = "unknown"  # the class of everything else; a folder of this name holds examples of it
WAYS = ("train", "choose", "report")
LEAST = 5  # pictures of a class: three to learn, one to choose with, one to report on
LEAST_READ = 3  # groups of pictures that do not look alike
MOST_SIDE = 640  # pixels of the shorter side that are kept; the network sees 224
ALIKE = 5  # of 64 bits that may differ between pictures that look alike


@dataclass(frozen=True)
class Picture:
    """One picture of the folder."""

    path: Path
    label: int
    pixels: NDArray[np.uint8]
    """[height, width, 3], RGB, reduced to MOST_SIDE"""
    sha256: str
    """of the file"""
    look: int
    """64 bits that pictures which look alike share (Krawetz's dHash)"""


@dataclass(frozen=True)
class Album:
    """What is to be learned."""

    labels: tuple[str, ...]
    """names of the classes, UNKNOWN last where it has a folder"""
    ways: dict[str, list[Picture]]
    """by WAYS"""
    unreadable: tuple[str, ...]
    """what was wrong with pictures that were left out"""
    twice: tuple[str, ...]
    """names of pictures that were there already"""

    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures of every class, by way."""
        return {way: {name: sum(p.label == k for p in some) for k, name in enumerate(self.labels)}
                for way, some in self.ways.items()}


def class_folders(folder: Path) -> dict[str, list[Path]]:
    """Class to its files. Raises UsageError, naming every fault, where it cannot be learned from."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; it needs a folder of pictures for each class")
    classes = sorted((p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")),
                     key=lambda p: (p.name == UNKNOWN, p.name))
    files = {c.name: sorted(p for p in c.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
             for c in classes}
    problems = [f"{folder / name}: {'no pictures' if not found else f'only {len(found)} of them'}; a class "
                f"needs {LEAST} at the least, a few dozen do well" for name, found in files.items()
                if len(found) < LEAST]
    if sum(name != UNKNOWN for name in files) < 2:
        problems.insert(0, f"{folder}: holds {len(files)} folders; two classes are the least, each a folder "
                           f"of its own ({', '.join(PICTURES)})")
    if problems:
        raise UsageError("\n  ".join(problems))
    return files


def album(folder: Path, seed: int, done: Callable[[int], None]) -> Album:
    """Reads and splits the pictures below `folder`; `done(1)` after each. Raises UsageError where a class has
    too few that can be read, or one picture is in two classes."""
    files = class_folders(folder)
    labels = tuple(files)
    unreadable, twice = list[str](), list[str]()
    kept: dict[str, Picture] = {}
    both: list[str] = []
    for label, paths in enumerate(files.values()):
        for path in paths:
            try:
                picture = _read(path, label)
            except PictureError as error:
                unreadable.append(str(error))
            else:
                first = kept.setdefault(picture.sha256, picture)
                if first.label != label:
                    both.append(f"{first.path} and {path}")
                elif first is not picture:
                    twice.append(str(path))
            done(1)
    if both:
        raise UsageError("the same picture is in two classes; remove one of each: " + "; ".join(both[:10]))
    ways = _split(list(kept.values()), labels, np.random.default_rng(seed), folder, unreadable)
    return Album(labels, ways, tuple(unreadable), tuple(twice))


def _read(path: Path, label: int) -> Picture:
    pixels = read_picture(path).pixels
    factor = min(pixels.shape[:2]) // MOST_SIDE
    if factor > 1:  # means of whole squares: what is left is still more than twice what the network sees
        high, wide = (n // factor for n in pixels.shape[:2])
        small = pixels[: high * factor, : wide * factor].reshape(high, factor, wide, factor, 3)
        pixels = small.mean(axis=(1, 3), dtype=np.float32).astype(np.uint8)
    grey = scaled(pixels, (8, 9)).mean(axis=2)
    bits = (grey[:, 1:] > grey[:, :-1] + 2).reshape(-1)  # 2 of 255: in a plain field noise decides nothing
    look = int.from_bytes(np.packbits(bits).tobytes(), "big")
    return Picture(path, label, pixels, sha256_of(path.read_bytes()), look)


def _split(pictures: Sequence[Picture], labels: Sequence[str], rng: np.random.Generator, folder: Path,
           unreadable: Sequence[str]) -> dict[str, list[Picture]]:
    """Three fifths to train, a fifth each to choose and to report; what looks alike stays together."""
    ways: dict[str, list[Picture]] = {way: [] for way in WAYS}
    for label, name in enumerate(labels):
        groups = _groups([p for p in pictures if p.label == label])
        if len(groups) < LEAST_READ:
            bad = f"; could not be read: {'; '.join(unreadable[:3])}" if unreadable else ""
            raise UsageError(f"{folder / name}: only {len(groups)} pictures that differ{bad}")
        total = sum(map(len, groups))
        order = [groups[k] for k in rng.permutation(len(groups))]
        for way, share in (("report", 0.2), ("choose", 0.25)):
            wanted = max(1, round(share * total))
            while order and wanted > 0 and len(order) > (2 if way == "report" else 1):
                group = order.pop()
                ways[way] += group
                wanted -= len(group)
                total -= len(group)
        ways["train"] += [picture for group in order for picture in group]
    return ways


def _groups(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """Pictures that look alike, together."""
    groups: list[list[Picture]] = []
    for picture in pictures:
        near = [g for g in groups if any((picture.look ^ p.look).bit_count() <= ALIKE for p in g)]
        joined = [picture, *(p for g in near for p in g)]
        groups = [g for g in groups if g not in near] + [joined] if near else [*groups, [picture]]
    return groups
