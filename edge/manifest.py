"""The manifest of a bundle: what a folder says of the model in it, as dataclasses.

All that is wrong with a manifest is reported together. Keys that this version does not know are left alone,
so that a bundle may say more than an older heychip reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from edge.errors import ModelError
from edge.events import RATE_HZ
from edge.graphs import manifest as own_manifest
from edge.manifest_check import Checks, Same, number

DETECTORS = "detectors.onnx"
VISION_KINDS = ("classifier", "faces")
KINDS = ("hotword", *VISION_KINDS)
MELS, FFT, HOP_MS, SCALE = 32, 512, 10, "int16"  # the front end that this edge has
BACKBONES = {"speech_embedding": "backbone", "hardened_embedding": "hardened"}  # name: file in data/
FRAMES, SIZE = 16, 96  # embeddings that a detector looks at, numbers in each
INPUT, OUTPUT = "embeddings", "logits"
MOST_MEMBERS = 4_096
SLOWEST, FASTEST, MOST_SPEEDS = 0.8, 1.25, 8

# Key of the manifest, what this edge has, and how a person says it.
_FRONTEND: Same = (("rate_hz", RATE_HZ, "Hz"), ("hop_ms", HOP_MS, "ms a frame"), ("mels", MELS, "mels"))
_FRONTEND += (("fft", FFT, "points of FFT"), ("scale", SCALE, "as the scale of samples"))
_BACKBONE: Same = (("frames", FRAMES, "embeddings in a window"), ("size", SIZE, "numbers in an embedding"))


@dataclass(frozen=True)
class Member:
    """One detector of the OR."""

    name: str
    """unique within the bundle"""
    trained_on: str
    """in words"""
    threshold: float
    """as a logit: the member fires at or above it"""


@dataclass(frozen=True)
class Golden:
    """A recording whose result is known."""

    file: str
    """its name in the folder"""
    heard: bool
    """whether the word is heard in it"""
    margin: float
    """the largest margin over the recording, as a logit"""


@dataclass(frozen=True)
class Manifest:
    """What a hotword bundle says of itself."""

    word: str
    """as people say it"""
    members: tuple[Member, ...]
    """in the order of the model's outputs"""
    backbone: str = next(iter(BACKBONES))
    """the one that its detectors were trained on"""
    language: str = ""
    """as a tag: en-us"""
    speeds: tuple[float, ...] = ()
    """at which what comes near the word is heard once more, 1 being as it was said"""
    spellings: tuple[str, ...] = ()
    """other ways to write it that were trained"""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """target, hours of negatives, expected misses and false accepts"""
    voices: tuple[Any, ...] = ()
    """engines and voices with their licences"""
    data: tuple[Any, ...] = ()
    """recordings it was trained with, with their licences"""
    seed: int | None = None
    """of the training"""
    versions: Mapping[str, Any] = field(default_factory=dict)
    """of the programs that made it"""
    golden: Golden | None = None
    """the recording to check it with"""
    counter: Golden | None = None
    """and one in which it must not hear anything"""
    files: Mapping[str, str] = field(default_factory=dict)
    """name and sha256 of every file of the folder"""


def read_json(data: bytes, where: object) -> dict[str, Any]:
    """The bytes of a manifest to its table. ModelError where they are not one."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number")

    try:
        found = json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        begins = f"{len(data)} bytes that begin with {data[:12]!r}"
        raise ModelError(where, f"is not JSON: {error}; {begins}", "copy the bundle again") from None
    if not isinstance(found, dict):
        raise ModelError(where, "is JSON, but not a table", "copy the bundle again")
    return found


def check_common(raw: Mapping[str, Any], kind: str, where: object) -> Mapping[str, str]:
    """What every kind of bundle must say: schema, kind, and its files; gives the files with their sha256."""
    checks = Checks()
    listed = checks.common(raw, kind)
    checks.done(where)
    return listed


def parse(raw: Mapping[str, Any], where: object) -> Manifest:
    """The table of a hotword bundle to a Manifest. ModelError names all that is wrong with it."""
    checks = Checks()
    listed = checks.common(raw, "hotword")
    if listed and DETECTORS not in listed:
        checks.problems.append(f"files does not list {DETECTORS}")
    checks.same(raw.get("frontend"), "frontend", _FRONTEND)
    checks.same(raw.get("backbone"), "backbone", _BACKBONE)
    manifest = Manifest(
        word=checks.text(raw, "word"),
        members=_members(checks, raw.get("members")),
        backbone=_backbone(checks, raw.get("backbone")),
        language=checks.text(raw, "language", required=False),
        speeds=_speeds(checks, checks.row(raw, "speeds")),
        spellings=tuple(str(spelling) for spelling in checks.row(raw, "spellings")),
        calibration=checks.table(raw, "calibration"),
        voices=checks.row(raw, "voices"),
        data=checks.row(raw, "data"),
        seed=raw["seed"] if isinstance(raw.get("seed"), int) else None,
        versions=checks.table(raw, "versions"),
        golden=_golden(checks, raw, "golden", listed),
        counter=_golden(checks, raw, "counter", listed),
        files=listed,
    )
    checks.done(where)
    return manifest


def _members(checks: Checks, rows: object) -> tuple[Member, ...]:
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_MEMBERS:
        checks.problems.append(f"members is not a list of 1 to {MOST_MEMBERS} detectors")
        return ()
    out: dict[str, Member] = {}
    for place, row in enumerate(rows, 1):
        table = row if isinstance(row, dict) else {}
        name, threshold = table.get("name"), number(table.get("threshold"))
        if not isinstance(name, str) or not name:
            checks.problems.append(f"member {place} has no name")
            name = f"member {place}"
        elif name in out:
            checks.problems.append(f"two members are called {name!r}")
        if threshold is None:
            found = repr(table.get("threshold"))[:40]
            checks.problems.append(f"the threshold of {name!r} is {found}, not a finite number")
        out[name] = Member(name, str(table.get("trained_on", "")), threshold or 0.0)
    return tuple(out.values())


def _backbone(checks: Checks, table: object) -> str:
    """Its name; the sha256, if there is one, is that of our graph or of the one that it came from."""
    known = table if isinstance(table, dict) else {}
    name, theirs = known.get("name"), known.get("sha256")
    if table is not None and name not in BACKBONES:
        ours = " or ".join(BACKBONES)
        found = f"backbone.name: trained with {str(name)[:40]} as backbone, this edge has {ours}"
        checks.problems.append("backbone.name is missing" if name is None else found)
    elif theirs is not None and str(theirs) not in backbone_hashes(str(name)):
        checks.problems.append(f"backbone.sha256: trained with {str(theirs)[:12]}…, not with our {name}")
    return name if isinstance(name, str) and name in BACKBONES else next(iter(BACKBONES))


def _speeds(checks: Checks, row: Sequence[object]) -> tuple[float, ...]:
    """What is missing is none: a bundle of before the second look."""
    found = [number(one) for one in row]
    speeds = tuple(one for one in found if one is not None and SLOWEST <= one <= FASTEST)
    if len(speeds) != len(row) or len(row) > MOST_SPEEDS:
        wanted = f"at most {MOST_SPEEDS} numbers from {SLOWEST} to {FASTEST}"
        checks.problems.append(f"speeds is not a list of {wanted}")
    return speeds[:MOST_SPEEDS]


def _golden(checks: Checks, raw: Mapping[str, Any], key: str, listed: Mapping[str, str]) -> Golden | None:
    if (table := raw.get(key)) is None:
        return None
    known = table if isinstance(table, dict) else {}
    file, heard, margin = str(known.get("file")), known.get("heard"), number(known.get("margin"))
    if not isinstance(heard, bool) or margin is None:
        checks.problems.append(f"{key} is not a table of file, heard (true or false) and margin (a number)")
        return None
    if listed and file not in listed:
        checks.problems.append(f"{key}.file {file!r} is not among the files")
    return Golden(file, heard, margin)


@cache
def backbone_hashes(name: str) -> frozenset[str]:
    """The sha256 of a backbone of ours and, of the reference, that of the graph which it was derived from;
    both give the same numbers."""
    identity = own_manifest(BACKBONES[name])
    return frozenset(identity[key] for key in ("sha256", "source_sha256") if key in identity)
