"""Says where faces are in a picture and how much joy is in each: a bundle like `models/faces`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import read_files, read_manifest
from edge.classifier import GREY, ClassifierError, checked, is_dark
from edge.errors import ModelError
from edge.events import Face, Frame, Seen
from edge.face_finder import REMEDY, Find, Floats, Net, Pixels, best_of, cut, finds, overlap, parts, square
from edge.manifest import check_common
from edge.manifest_check import MANIFEST
from edge.model_folders import find_bundle, is_shipped
from edge.onnx_scan import CLASSIFIER_CAP_BYTES, scan
from edge.sessions import session
from edge.trial import try_first

KIND = "faces"
LABEL = "face"


@dataclass(frozen=True)
class Told:
    """What a manifest says of how faces are looked for, and how joy is read from them."""

    far: Net
    """over the whole picture"""
    near: Net
    """over the surroundings of each find"""
    zooms: tuple[float, ...]
    """the cuts for `near`, in sides of the find"""
    least: float
    """the score at which a find is looked at again, 0..1"""
    score: float
    """the score at which it is a face, 0..1"""
    most: int
    """finds of one look that are looked at again, at most"""
    part_share: float
    """of the longer side: the size of parts that are looked at where the whole shows no face; 0 for never"""
    part_px: int
    """pixels of the longer side from which on that is worth it"""
    part_score: float
    """the score that the best of them must have"""
    joy_file: str
    """the graph that reads a face: [1, side, side, 1] to probabilities [1, classes]"""
    joy_side: int
    joy_class: int
    """the class that is joy"""
    joy_zoom: float
    """what it is shown, in sides of the face's box"""
    joy_up: float
    """how far above the middle of the box, in sides"""
    joy_mirror: bool
    """whether the mean over the face and its mirror image is taken"""

    @classmethod
    def of(cls, raw: Mapping[str, Any], where: object) -> Told:
        """The table of a manifest. ModelError where it cannot be followed."""
        try:
            find, joy = raw["find"], raw["joy"]
            told = cls(
                far=Net.of(find["far"], where),
                near=Net.of(find["near"], where),
                zooms=tuple(float(n) for n in find["zooms"]),
                least=float(find["least"]),
                score=float(find["score"]),
                most=int(find["most"]),
                part_share=float(find.get("part_share", 0)),
                part_px=int(find.get("part_px", 0)),
                part_score=float(find.get("part_score", find["score"])),
                joy_file=str(joy["file"]),
                joy_side=int(joy["side"]),
                joy_class=list(joy["classes"]).index(joy["class"]),
                joy_zoom=float(joy["zoom"]),
                joy_up=float(joy["up"]),
                joy_mirror=bool(joy.get("mirror", False)),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                where, f"find and joy are not understood: {type(error).__name__} {error}", REMEDY
            ) from error
        good = 0 < told.least <= told.score <= told.part_score < 1 and 1 <= told.most <= 100
        good = good and 16 <= told.joy_side <= 512
        zooms = [*told.zooms, told.joy_zoom]
        if not good or not 1 <= len(told.zooms) <= 4 or not all(0.5 <= zoom <= 5 for zoom in zooms):
            raise ModelError(where, "find or joy cannot be used: a number is out of its range", REMEDY)
        if told.part_share and not 0.2 <= told.part_share < 1:
            raise ModelError(where, f"find: part_share is {told.part_share}, expected 0 or 0.2 to 1", REMEDY)
        if not -1 <= told.joy_up <= 1:
            raise ModelError(where, f"joy: up is {told.joy_up}, expected -1 to 1", REMEDY)
        return told


class Faces:
    """Networks that find faces and read joy. Holds no state between pictures; see edge.parts.Looking."""

    labels = (LABEL,)

    def __init__(self, folder: Path) -> None:
        """The bundle in `folder`, every file compared with its sha256. ModelError where it is refused."""
        manifest = read_manifest(folder)
        listed = check_common(manifest, KIND, folder / MANIFEST)
        self.name = str(manifest.get("name", folder.name))
        self.told = told = Told.of(manifest, folder / MANIFEST)
        wanted = (told.far.file, told.near.file, told.joy_file)
        contents = read_files(folder, listed, keep=set(wanted))
        if missing := set(wanted) - set(contents):
            raise ModelError(folder / MANIFEST, f"files does not list {', '.join(sorted(missing))}")
        self._folder = folder
        self._far, self._near, self._joy = (self._open(name, contents[name]) for name in wanted)
        self._centres = {net.side: net.centres() for net in (told.far, told.near)}
        self._check()

    @classmethod
    def load(cls, where: Path | str) -> Faces:
        """The bundle at the path, or of the name, `where`. ModelError where there is none to use."""
        return cls(find_bundle(where))

    def classify(self, frame: Frame) -> Seen:
        """The faces of `frame`, largest first, and "face" with the best one's score; no label ("") without
        a face, and `dark` where it is too dark to tell.

        ClassifierError where the pixels are not uint8 [height, width, 3] or a network fails on them.
        """
        pixels = checked(frame)
        if is_dark(pixels):
            return Seen(label="", score=0.0, source=frame.source, dark=True)
        faces = [self._read(pixels, find) for find in self.find(pixels)]
        faces.sort(key=lambda face: -face.size)
        if not faces:
            return Seen(label="", score=0.0, source=frame.source)
        best = max(face.score for face in faces)
        return Seen(label=LABEL, score=best, source=frame.source, top=((LABEL, best),), faces=tuple(faces))

    def find(self, pixels: Pixels) -> list[Find]:
        """Where faces are in RGB `pixels`, best first."""
        told, (height, width) = self.told, pixels.shape[:2]
        found = self._within(pixels, 1.0)
        if found or not told.part_share or max(height, width) < told.part_px:
            return found
        found = self._within(pixels, told.part_share)  # a crowd, or someone far away
        return found if found and found[0].score >= told.part_score else []

    def _within(self, pixels: Pixels, share: float) -> list[Find]:
        """The faces in all parts of a picture that are `share` of its longer side wide, best first."""
        told, (height, width) = self.told, pixels.shape[:2]
        places = parts(height, width, share)
        first = [one for at in places for one in self._look(self._far, told.far, pixels, at, told.least)]
        closer = [self._closer(pixels, one) for one in best_of(first)[: told.most * len(places)]]
        return best_of([one for one in closer if one.score >= told.score])

    def _closer(self, pixels: Pixels, one: Find) -> Find:
        """The same find with score and place of closer looks; score 0 where they see nothing there."""
        product, closest = one.score, one
        for zoom in sorted(self.told.zooms, reverse=True):
            around = square(one.box, zoom)
            seen = self._look(self._near, self.told.near, pixels, around, 0.02)
            there = [find for find in seen if overlap(one.box, find.box[None])[0] > 0.3]
            if not there:
                return Find(one.box, 0.0, one.points)
            closest = there[0]
            product *= closest.score
        return Find(closest.box, product ** (1 / (1 + len(self.told.zooms))), closest.points)

    def _look(self, run: Any, net: Net, pixels: Pixels, place: Floats, least: float) -> list[Find]:
        logits, raw = self._run(run, net.file, cut(pixels, place, net.side) / 127.5 - 1)
        return finds(logits[0], raw[0], self._centres[net.side], place=place, side=net.side, least=least)

    def _read(self, pixels: Pixels, find: Find) -> Face:
        """A find with the joy in it."""
        told, box = self.told, find.box
        side = float(np.max(box[2:] - box[:2]))
        place = square(box - np.array([0, told.joy_up * side] * 2, np.float32), told.joy_zoom)
        grey = cut(pixels, place, told.joy_side) @ GREY[:, None]
        views = (grey, grey[:, ::-1]) if told.joy_mirror else (grey,)
        answers = [self._run(self._joy, told.joy_file, view / 127.5 - 1)[0] for view in views]
        joy = float(np.mean([answer[0, told.joy_class] for answer in answers]))
        if not np.isfinite(joy):
            raise ClassifierError(f"the model {self.name} gave a number that is none (NaN); frame skipped")
        left, top, right, bottom = (float(n) for n in box)
        points = tuple((float(x), float(y)) for x, y in find.points)
        return Face((left, top, right, bottom), find.score, min(max(joy, 0.0), 1.0), points)

    def _open(self, name: str, data: bytes) -> Any:
        where = self._folder / name
        scan(data, where, cap_bytes=CLASSIFIER_CAP_BYTES)
        if not is_shipped(self._folder):
            try_first(data, where)
        return session(data, where)

    def _run(self, run: Any, name: str, image: Floats) -> list[Floats]:
        """All outputs of a network for [side, side, channels]."""
        feed = {run.get_inputs()[0].name: np.ascontiguousarray(image[None], np.float32)}
        try:
            return [np.asarray(out, np.float32) for out in run.run(None, feed)]
        except Exception as error:  # ONNX Runtime raises classes of its own, all of them plain Exceptions
            reason = str(error).splitlines()[0]
            raise ClassifierError(f"{self._folder / name}: the model failed: {reason}") from error

    def _check(self) -> None:
        """The graphs against the manifest, with one run each on grey."""
        told = self.told
        for run, net in ((self._far, told.far), (self._near, told.near)):
            n = len(self._centres[net.side])
            self._shapes(run, net.file, (net.side, net.side, 3), [(1, n), (1, n, 16)])
        shapes = self._shapes(self._joy, told.joy_file, (told.joy_side, told.joy_side, 1), None)
        if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] <= told.joy_class:
            raise ModelError(self._folder / told.joy_file, f"answers with {shapes}, expected [1, classes]")

    def _shapes(
        self, run: Any, name: str, given: tuple[int, ...], wanted: list[tuple[int, ...]] | None
    ) -> list[tuple[int, ...]]:
        try:
            found = [out.shape for out in self._run(run, name, np.zeros(given, np.float32))]
        except ClassifierError as error:
            reason = f"the model does not take what its manifest says: {error}"
            raise ModelError(self._folder / name, reason) from error
        if wanted is not None and found != wanted:
            raise ModelError(self._folder / name, f"answers with {found}, its manifest means {wanted}")
        return found
