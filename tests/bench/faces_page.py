"""The tables of docs/faces.md, from what `tests.bench.faces` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from edge.events import Face
from synth.statistics import wilson

SMILE = 0.5
CROWD = 10  # faces in one picture: it would outweigh all others


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


def page(rows: list[Row], lfw: list[Row], worse: list[str]) -> str:
    """The generated part of docs/faces.md."""
    heads = "faces found", "pictures without a face where one was seen", "false faces in all"
    heads += "smiles read as such (joy of 0.5 or more)", "others read as such", "others above 0.85"
    head = " | ".join(heads) + " |"
    lines = [f"| pictures | {head}", "|---|---|---|---|---|---|---|"]
    kinds = {
        "the half that was chosen on": [row for row in rows if row.half == "chosen on"],
        "the half that is only reported": [row for row in rows if row.half == "reported"],
        "both": rows,
        "lfw_subset: 100 faces of 25 pixels, 100 others": lfw,
    }
    lines += [f"| {name} | {totals(some)} |" for name, some in kinds.items()]
    lines += worse
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
        if len(row.there) > CROWD:
            some = [face.joy for face in row.found if face]
            joy = f"none / {len(some)} from {min(some):.2f} to {max(some):.2f} / none" if some else ""
        got = sum(face is not None for face in row.found)
        lines.append(f"| {row.name} | {row.half} | {len(row.there)} | {got} | {len(row.false)} | {joy} |")
    return "\n".join(lines) + "\n"
