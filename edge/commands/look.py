"""`heychip look`: what is seen in pictures, folders and films, or through the camera."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import DeviceError, UsageError
from edge.events import Frame, Seen

if TYPE_CHECKING:
    from edge.album import Album
    from edge.classifier import Classifier
    from edge.faces import Faces

DEFAULT_BUNDLE = "things"
FACES = ("face",)


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "look",
        help="say what is in pictures and films, or before the camera",
        description="Prints one JSON object for every picture and model, in the order given.",
    )
    parser.add_argument("--model", action="append", metavar="BUNDLE",
                        help=f"a vision bundle; repeat it to look with several (default: {DEFAULT_BUNDLE})")
    parser.add_argument("--annotate", metavar="DIR", help="also write the pictures with what was seen drawn "
                        "on them, and sheet.jpg with all of them")
    parser.add_argument("--every", type=float, default=1.0, metavar="S",
                        help="of a film, a picture every so many seconds of it (default: 1; 0: every frame)")
    parser.add_argument("--camera", action="store_true", help="look through the camera of the configuration")
    parser.add_argument("--config", metavar="FILE", help="the configuration, for --camera")
    parser.add_argument("--count", type=int, default=0, help="with --camera: stop after so many pictures")
    parser.add_argument(
        "--json", action="store_true", help="accepted everywhere; look always prints JSON lines"
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="a picture, a folder of them, or a film")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 2 where any of the pictures could not be read; the others are still looked at."""
    if args.camera == bool(args.images):
        raise UsageError("look: name one or more pictures, or give --camera" + " (not both)" * args.camera)
    if not 0 <= args.every < float("inf"):
        raise UsageError(f"look: --every is {args.every:g}, expected seconds from 0 on")
    from edge.album import Album

    album = Album(args.annotate) if args.annotate else None
    try:
        return _through_camera(args, album) if args.camera else _at_files(args, album)
    finally:
        if album and (sheet := album.close()):
            print(f"heychip: {album.count} pictures in {sheet}", file=sys.stderr)


def _at_files(args: argparse.Namespace, album: Album | None) -> int:
    from edge.camera.folder import PictureError

    eyes = Eyes(args.model or [DEFAULT_BUNDLE], album)
    for place in args.images:
        try:
            for path in _files(Path(place)):
                try:
                    for frame in _pictures(path, args.every):
                        eyes.look(frame)
                except (PictureError, DeviceError) as error:
                    eyes.failed(error)
        except PictureError as error:
            eyes.failed(error)
    return eyes.code


def _files(place: Path) -> list[Path]:
    """The file itself, or the pictures and films of a folder by name. PictureError where there are none."""
    from edge.camera.film import VIDEOS
    from edge.camera.folder import PICTURES, PictureError

    if not place.is_dir():
        return [place]
    try:
        found = sorted(p for p in place.iterdir() if p.suffix.lower() in (*PICTURES, *VIDEOS))
    except OSError as error:
        raise PictureError(place, f"cannot be read: {error.strerror}") from error
    if not found:
        raise PictureError(place, "there are no pictures in this folder")
    return found


def _pictures(path: Path, every_s: float) -> Iterator[Frame]:
    """The picture, or those of a film. PictureError, DeviceError."""
    from edge.camera.film import VIDEOS, FilmCamera
    from edge.camera.folder import read_picture

    if path.suffix.lower() not in VIDEOS:
        yield read_picture(path)
        return
    film = FilmCamera(path, every_s=every_s, loop=False)
    try:
        while not film.ended:
            yield film.capture()
    finally:
        film.close()


def _through_camera(args: argparse.Namespace, album: Album | None) -> int:
    from edge.camera import open_camera
    from edge.config import load_config

    config = load_config(args.config).camera
    eyes = Eyes(args.model or config.models, album)
    camera = open_camera(config)
    try:
        for frame in _frames(camera, config.interval_s, args.count):
            eyes.look(frame)
    except KeyboardInterrupt:  # the usual way to end it
        pass
    finally:
        camera.close()
    return eyes.code


def _frames(camera: Any, interval_s: float, count: int) -> Iterator[Frame]:
    """`count` pictures (0: without end) of a Camera, one every `interval_s`."""
    taken = 0
    while not camera.ended:
        yield camera.capture()
        taken += 1
        if taken == count:
            return
        time.sleep(interval_s)


class Eyes:
    """All the models that look; `code` is the exit code so far."""

    def __init__(self, models: Sequence[str], album: Album | None) -> None:
        """Raises ModelError."""
        from edge.lookers import open_looker

        self._lookers: dict[str, Classifier | Faces] = {name: open_looker(name) for name in models}
        self._album, self.code = album, 0

    def look(self, frame: Frame) -> None:
        """Tells what each model sees, a line each; draws it where there is an album."""
        from edge.classifier import ClassifierError

        try:
            seens = {name: looker.classify(frame) for name, looker in self._lookers.items()}
        except ClassifierError as error:
            self.failed(error)
            return
        for name, seen in seens.items():
            faces = self._lookers[name].labels == FACES
            _tell(seen, frame.source, faces=faces, model=name if len(seens) > 1 else "")
        if self._album:
            self._album.add(frame, list(seens.values()))

    def failed(self, error: Exception) -> None:
        """One picture could not be read; the others are still looked at."""
        print(f"heychip: {error}", file=sys.stderr)
        self.code = UsageError.exit_code


def _tell(seen: Seen, file: str, *, faces: bool, model: str = "") -> None:
    """One line of JSON; where faces were looked for, with each of them and the joy of the largest. `model` is
    told where it is not empty."""
    if seen.dark or not (seen.label or faces):
        why = "too dark to say what is in it" if seen.dark else "nothing to be seen in it"
        print(f"heychip: {file}: {why}", file=sys.stderr)
    top = [{"label": label, "score": round(score, 4)} for label, score in seen.top]
    row: dict[str, Any] = {"file": file, "label": seen.label, "score": round(seen.score, 4), "top": top}
    if faces:
        row["faces"] = [
            {
                "box": [round(n, 1) for n in face.box],
                "score": round(face.score, 4),
                "joy": round(face.joy, 4),
            }
            for face in seen.faces
        ]
        row["joy"] = round(seen.faces[0].joy, 4) if seen.faces else None
    if model:
        row["model"] = model
    print(json.dumps(row, ensure_ascii=False), flush=True)
