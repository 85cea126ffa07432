"""How well faces and joy are found on pictures that ship in packages: the tables of docs/faces.md.

    python -m tests.bench.faces --pictures DIR [--choose] [--out docs/faces.md]

DIR holds the unpacked packages that tests/bench/faces.json names. What was chosen by looking (the least score
of a face, and how much of it is shown to the network that reads joy) was chosen by `--choose` on one half of
the pictures; the other half, and the 200 squares of scikit-image's lfw_subset.npy, are only reported.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.camera.folder import read_picture
from edge.events import Frame
from edge.face_finder import overlap
from edge.faces import Faces
from edge.files import write_whole
from tests.bench.faces_page import CROWD, SMILE, Row, joys, page, share

TRUTH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "faces.md"
TOGETHER = (
    "test_images/"  # four of these seven are cuts or copies of one another: all in the half that is reported
)
SAME = 0.3  # the overlap from which on a face that was found is the one that is there
LOW = 0.3  # scores below that are of no interest to the choice
LFW_PX, CANVAS_PX = 120, 256

Truth = dict[str, list[list[float | str]]]
Spoil = Callable[[Frame], Frame]


def halves(names: Iterable[str]) -> dict[str, str]:
    """Every second picture by name, but what belongs together in one half."""
    alone = sorted(name for name in names if not name.startswith(TOGETHER))
    return {name: "chosen on" if k % 2 == 0 else "reported" for k, name in enumerate(alone)}


def look(faces: Faces, frame: Frame, truth: list[list[float | str]], name: str, half: str) -> Row:
    """One picture against what is there; each face that is there is found once at most."""
    start_s = time.process_time()
    seen = list(faces.classify(frame).faces)
    row = Row(name, half, [str(face[4]) for face in truth], cpu_s=time.process_time() - start_s)
    for face in truth:
        box = np.array(face[:4], np.float32)
        shares = [float(overlap(box, np.array([one.box], np.float32))[0]) for one in seen]
        best = int(np.argmax(shares)) if shares else -1
        row.found.append(seen.pop(best) if shares and shares[best] >= SAME else None)
    row.false = seen
    return row


def untouched(frame: Frame) -> Frame:
    return frame


def level(times: float) -> Spoil:
    return lambda frame: Frame(np.clip(frame.pixels * times, 0, 255).astype(np.uint8), frame.source)


def noise(step: float) -> Spoil:
    def spoil(frame: Frame) -> Frame:
        grain = np.random.default_rng(0).normal(0, step, frame.pixels.shape)
        return Frame(np.clip(frame.pixels + grain, 0, 255).astype(np.uint8), frame.source)

    return spoil


SPOILS: dict[str, Spoil] = {
    "at a third of the light": level(0.33),
    "at a sixth of the light": level(0.167),
    "twice too bright": level(2.0),
    "noise of 12 steps of 255": noise(12),
    "noise of 25 steps of 255": noise(25),
}


def pictures(faces: Faces, folder: Path, told: Truth, spoil: Spoil = untouched) -> list[Row]:
    """All pictures of faces.json, in its order. A picture that is not there is an error: totals would lie."""
    half = halves(told)
    rows = []
    for name, truth in told.items():
        place = next(
            (path for path in sorted(folder.rglob(Path(name).name)) if str(path).endswith(name)), None
        )
        if place is None:
            raise SystemExit(f"{folder}: no {name} in it; {TRUTH.name} tells the packages to unpack there")
        rows.append(look(faces, spoil(read_picture(place)), truth, name, half.get(name, "reported")))
    return rows


def squares(faces: Faces, folder: Path, truth: dict[str, list[int]]) -> list[Row]:
    """lfw_subset.npy: 100 faces of 25 pixels, then 100 squares of something else, each on a plain ground."""
    from PIL import Image

    place = next(iter(sorted(folder.rglob("lfw_subset.npy"))), None)
    if place is None:
        raise SystemExit(f"{folder}: no lfw_subset.npy in it (scikit-image-0.16.2)")
    rows = []
    edge = (CANVAS_PX - LFW_PX) // 2
    for k, square in enumerate(np.load(place, allow_pickle=False)):
        large = Image.fromarray((square * 255).astype(np.uint8)).resize(
            (LFW_PX, LFW_PX), Image.Resampling.BICUBIC
        )
        canvas: NDArray[np.uint8] = np.full((CANVAS_PX, CANVAS_PX), int(np.asarray(large).mean()), np.uint8)
        canvas[edge : edge + LFW_PX, edge : edge + LFW_PX] = large
        label = "S" if k in truth["lfw_smiles"] else "?" if k in truth["lfw_unsure"] else "-"
        box: list[float | str] = [edge + 10, edge + 10, edge + LFW_PX - 10, edge + LFW_PX - 10, label]
        frame = Frame(np.repeat(canvas[:, :, None], 3, axis=2), f"lfw {k}")
        rows.append(look(faces, frame, [box] if k < 100 else [], f"lfw {k}", "reported"))
    return rows


def choose(folder: Path, told: Truth) -> None:
    """Prints what the choosing half says of the least score and of the zoom."""
    mine = {name: truth for name, truth in told.items() if halves(told).get(name) == "chosen on"}
    faces = Faces.load("faces")
    shipped = faces.told
    for zoom in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5):
        faces.told = replace(shipped, score=LOW, part_score=LOW, joy_zoom=zoom)
        rows = pictures(faces, folder, mine)
        good = sorted(face.score for row in rows for face in row.found if face)
        false = sorted(face.score for row in rows for face in row.false)
        read = joys(rows)
        right = [(joy >= SMILE) == (label == "S") for label, joy in read if label != "?"]
        gap = min(joy for label, joy in read if label == "S") - max(
            joy for label, joy in read if label == "-"
        )
        print(
            f"zoom {zoom}: joy right {sum(right)} of {len(right)}, gap {gap:+.2f}; "
            f"faces from {good[0]:.3f}, others to {false[-1]:.3f}"
        )


def spoiled(faces: Faces, folder: Path, told: Truth) -> list[str]:
    """The table of pictures that were made worse, without the crowd."""
    few = {name: truth for name, truth in told.items() if len(truth) <= CROWD}
    lines = ["", "| the pictures without the crowd | faces found | false faces in all |", "|---|---|---|"]
    for name, spoil in {"as they are": untouched, **SPOILS}.items():
        rows = pictures(faces, folder, few, spoil)
        found = [face is not None for row in rows for face in row.found]
        lines.append(f"| {name} | {share(sum(found), len(found))} | {sum(len(row.false) for row in rows)} |")
    return lines


BEGIN, END = "<!-- from python -m tests.bench.faces -->", "<!-- until here -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, metavar="DIR")
    parser.add_argument("--choose", action="store_true", help="what the choosing half says, and nothing else")
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    truth = json.loads(TRUTH.read_text())
    if args.choose:
        choose(args.pictures, truth["pictures"])
        return 0
    faces = Faces.load("faces")
    rows, lfw = pictures(faces, args.pictures, truth["pictures"]), squares(faces, args.pictures, truth)
    table = page(rows, lfw, spoiled(faces, args.pictures, truth["pictures"]))
    text = args.out.read_text() if args.out.exists() else f"{BEGIN}\n{END}\n"
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    write_whole(args.out, f"{before}{BEGIN}\n{table}{END}{after}".encode())
    print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
