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
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edge.camera.folder import read_picture
from edge.events import Face, Frame
from edge.face_finder import overlap
from edge.faces import Faces
from edge.files import write_whole
from synth.statistics import wilson

TRUTH = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "faces.md"
TOGETHER = (
    "test_images/"  # four of these seven are cuts or copies of one another: all in the half that is reported
)
SAME = 0.3  # the overlap from which on a face that was found is the one that is there
SMILE = 0.5
LOW = 0.3  # scores below that are of no interest to the choice
LFW_PX, CANVAS_PX = 120, 256


@dataclass
class Row:
    """What became of one picture."""

    name: str
    half: str
    """chosen on, or reported"""
    there: list[str]
    """of each face that is there: S, - or ?"""
    found: list[Face | None] = field(default_factory=list)
    """the same faces, None where not found"""
    false: list[Face] = field(default_factory=list)
    cpu_s: float = 0.0


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


def pictures(faces: Faces, folder: Path, told: dict[str, list[list[float | str]]]) -> list[Row]:
    """All pictures of faces.json, in its order. A picture that is not there is an error: totals would lie."""
    half = halves(told)
    rows = []
    for name, truth in told.items():
        place = next(
            (path for path in sorted(folder.rglob(Path(name).name)) if str(path).endswith(name)), None
        )
        if place is None:
            raise SystemExit(f"{folder}: no {name} in it; {TRUTH.name} tells the packages to unpack there")
        rows.append(look(faces, read_picture(place), truth, name, half.get(name, "reported")))
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


def share(k: int, n: int) -> str:
    """k of n with its 95 % interval."""
    if not n:
        return "none there"
    low, high = wilson(k, n)
    return f"{k} of {n} ({100 * low:.0f} to {100 * high:.0f} %)"


def joys(rows: list[Row]) -> list[tuple[str, float]]:
    """Of every face that was found what is true of it, and its joy."""
    pairs = [pair for row in rows for pair in zip(row.there, row.found, strict=True)]
    return [(label, face.joy) for label, face in pairs if face is not None]


def totals(rows: list[Row]) -> str:
    """A row of the table of totals."""
    found = [face for row in rows for face in row.found]
    read = joys(rows)
    smiles = [joy for label, joy in read if label == "S"]
    others = [joy for label, joy in read if label == "-"]
    empty = [row for row in rows if not row.there]
    cells = [
        share(sum(face is not None for face in found), len(found)),
        share(sum(bool(row.false) for row in empty), len(empty)),
        str(sum(len(row.false) for row in rows)),
        share(sum(joy >= SMILE for joy in smiles), len(smiles)),
        share(sum(joy < SMILE for joy in others), len(others)),
        share(sum(joy > 0.85 for joy in others), len(others)),
    ]
    return " | ".join(cells)


def choose(folder: Path, told: dict[str, list[list[float | str]]]) -> None:
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


def page(rows: list[Row], lfw: list[Row]) -> str:
    """The generated part of docs/faces.md."""
    heads = "faces found", "pictures without a face where one was seen", "false faces in all"
    heads += "smiles read as such (joy of 0.5 or more)", "others read as such", "others above 0.85"
    head = " | ".join(heads) + " |"
    lines = [f"| pictures {head}", "|---|---|---|---|---|---|---|"]
    kinds = {
        "the half that was chosen on": [row for row in rows if row.half == "chosen on"],
        "the half that is only reported": [row for row in rows if row.half == "reported"],
        "both": rows,
        "lfw_subset: 100 faces of 25 pixels, 100 others": lfw,
    }
    lines += [f"| {name} | {totals(some)} |" for name, some in kinds.items()]
    cpu_ms = 1000 * median(row.cpu_s for row in rows)
    lines += ["", f"CPU for a picture here, median of {len(rows)} of all sizes: {cpu_ms:.0f} ms.", ""]
    lines += ["| picture | half | faces there | found | false | joy: of those who smile / others / unclear |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in rows:
        texts = {
            label: " ".join(
                ("missed" if face is None else f"{face.joy:.2f}")
                for there, face in zip(row.there, row.found, strict=True)
                if there == label
            )
            for label in "S-?"
        }
        joy = " / ".join(texts[label] or "none" for label in "S-?") if row.there else ""
        if len(row.there) > 10:
            some = [face.joy for face in row.found if face]
            joy = f"none / {len(some)} from {min(some):.2f} to {max(some):.2f} / none" if some else ""
        got = sum(face is not None for face in row.found)
        lines.append(f"| {row.name} | {row.half} | {len(row.there)} | {got} | {len(row.false)} | {joy} |")
    return "\n".join(lines) + "\n"


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
    table = page(pictures(faces, args.pictures, truth["pictures"]), squares(faces, args.pictures, truth))
    text = args.out.read_text() if args.out.exists() else f"{BEGIN}\n{END}\n"
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    write_whole(args.out, f"{before}{BEGIN}\n{table}{END}{after}".encode())
    print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
