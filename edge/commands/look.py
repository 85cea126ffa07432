"""`heychip look`: what the classifier sees in pictures, or through the camera."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from edge.errors import UsageError
from edge.events import Frame, Seen

DEFAULT_BUNDLE = "things"
FACES = ("face",)  # the labels of a bundle that looks for faces


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser(
        "look",
        help="say what is in pictures, or before the camera",
        description="Prints one JSON object for every picture, in the order given.",
    )
    parser.add_argument("--model", metavar="BUNDLE", help=f"a vision bundle (default: {DEFAULT_BUNDLE})")
    parser.add_argument("--camera", action="store_true", help="look through the camera of the configuration")
    parser.add_argument("--config", metavar="FILE", help="the configuration, for --camera")
    parser.add_argument("--count", type=int, default=0, help="with --camera: stop after so many pictures")
    parser.add_argument(
        "--json", action="store_true", help="accepted everywhere; look always prints JSON lines"
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 2 where any of the pictures could not be read; the others are still looked at."""
    if args.camera == bool(args.images):
        raise UsageError("look: name one or more pictures, or give --camera" + " (not both)" * args.camera)
    return _through_camera(args) if args.camera else _at_pictures(args)


def _at_pictures(args: argparse.Namespace) -> int:
    from edge.camera.folder import PictureError, read_picture
    from edge.classifier import ClassifierError
    from edge.lookers import open_looker

    classifier = open_looker(args.model or DEFAULT_BUNDLE)
    code = 0
    for path in args.images:
        try:
            seen = classifier.classify(read_picture(path))
        except (PictureError, ClassifierError) as error:
            print(f"heychip: {error}", file=sys.stderr)
            code = UsageError.exit_code
            continue
        _tell(seen, path, faces=classifier.labels == FACES)
    return code


def _through_camera(args: argparse.Namespace) -> int:
    from edge.camera import open_camera
    from edge.classifier import ClassifierError
    from edge.config import load_config
    from edge.lookers import open_looker

    config = load_config(args.config).camera
    classifier = open_looker(args.model or config.models[0])
    camera = open_camera(config)
    code = 0
    try:
        for frame in _frames(camera, config.interval_s, args.count):
            try:
                _tell(classifier.classify(frame), frame.source, faces=classifier.labels == FACES)
            except ClassifierError as error:
                print(f"heychip: {error}", file=sys.stderr)
                code = UsageError.exit_code
    except KeyboardInterrupt:  # the usual way to end it
        pass
    finally:
        camera.close()
    return code


def _frames(camera: Any, interval_s: float, count: int) -> Iterator[Frame]:
    """`count` pictures (0: without end) of a Camera, one every `interval_s`."""
    taken = 0
    while not camera.ended:
        yield camera.capture()
        taken += 1
        if taken == count:
            return
        time.sleep(interval_s)


def _tell(seen: Seen, file: str, *, faces: bool) -> None:
    """One line of JSON; where faces were looked for, with each of them and the joy of the largest."""
    if seen.dark or (not seen.label and not faces):
        print(f"heychip: {file}: too dark to say what is in it", file=sys.stderr)
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
    print(json.dumps(row, ensure_ascii=False), flush=True)
