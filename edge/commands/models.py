"""`heychip models`: which bundles there are, whether their files are whole, what a person may ask of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.commands import models_change
from edge.errors import ModelError

BAD = ModelError.exit_code


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "models",
        help="list, check, explain or change the bundles that are here",
        description="A bundle is a name, a folder or an .onnx file; with none given, all are meant.",
    )
    parser.set_defaults(main=main, what="list", bundles=[], json=False)
    # One parser for each: with a plain choice, argparse does not understand `show --json BUNDLE`.
    whats = parser.add_subparsers(metavar="list|verify|show|activate|rollback")
    for what, words in (("list", "a line each"), ("verify", "check the files"), ("show", "all of it")):
        inner = whats.add_parser(what, help=words, description=words)
        inner.add_argument("bundles", nargs="*", metavar="BUNDLE", help="name, folder or .onnx file")
        inner.add_argument("--json", action="store_true", help="one JSON object a line")
        inner.set_defaults(what=what)
    models_change.add(whats)


def main(args: argparse.Namespace) -> int:
    """Exit code 0, or 5 where a bundle is bad or a name unknown; the others are still told of."""
    from edge.bundle import known_bundles

    if args.what in models_change.VERBS:
        return models_change.main(args)
    wanted: list[str | Path] = list(args.bundles) or list(known_bundles().values())
    if not wanted:
        print("heychip: no bundles are installed; `heychip-synth make PHRASE` makes one", file=sys.stderr)
    does = {"list": list_one, "verify": verify_one, "show": show_one}[args.what]
    codes = [does(where, as_json=args.json) for where in wanted]
    return max(codes, default=0)


def list_one(where: str | Path, *, as_json: bool) -> int:
    """One line: name, word, members, promise, licences."""
    about = describe(where)
    if as_json:
        print(json.dumps(about))
    elif "problem" in about:
        print(f"{about['name']}: refused; {about['problem']}")
    else:
        what = about["kind"]
        if what == "hotword":
            count = "1 detector" if about["members"] == 1 else f"{about['members']} detectors"
            promise = f"{about['false_accepts']} false accepts/h, {about['misses']} missed"
            what = f"“{about['word']}”, {count}; {promise}"
        terms = ", ".join(about["licences"]) or "no licences given"
        print(f"{about['name']}: {what}; {terms}  [{about['path']}]")
    return BAD if "problem" in about else 0


def verify_one(where: str | Path, *, as_json: bool) -> int:
    """A line for every file, and a verdict. What is bad is named on standard error, too."""
    from edge.bundle import verify_bundle

    checks = verify_bundle(where)
    for check in checks:
        if as_json:
            row = {"bundle": str(where), "file": check.file, "state": check.state, "note": check.note}
            print(json.dumps(row))
        else:
            print(f"{where}: {check.file}: {check.state}" + (f" ({check.note})" if check.note else ""))
    bad = [check.file for check in checks if check.bad]
    if bad:
        print(f"heychip: {where} is not to be trusted: {', '.join(bad)}", file=sys.stderr)
    return BAD if bad else 0


def show_one(where: str | Path, *, as_json: bool) -> int:
    """Everything that the manifest says, in lines of `key: value`."""
    about = describe(where)
    if "problem" in about:
        print(f"heychip: {about['problem']}", file=sys.stderr)
        return BAD
    about |= details(where)
    if as_json:
        print(json.dumps(about))
        return 0
    print(f"{about.pop('name')}  [{about.pop('path')}]")
    for key, value in about.items():
        for line in lines(key.replace("_", " "), value):
            print(f"  {line}")
    return 0


def describe(where: str | Path) -> dict[str, Any]:
    """What `list` says of a bundle, or a `problem` where it is refused."""
    from edge.bundle import find_bundle, load_bundle, read_files, read_manifest
    from edge.manifest import VISION_KINDS, check_common
    from edge.manifest_check import MANIFEST

    about: dict[str, Any] = {"name": Path(where).stem, "path": str(where)}
    try:
        path = find_bundle(where)
        about |= {"name": path.stem if path.suffix == ".onnx" else path.resolve().name, "path": str(path)}
        raw = read_manifest(path) if path.is_dir() else {}
        if (kind := raw.get("kind")) in VISION_KINDS:
            read_files(path, check_common(raw, kind, path / MANIFEST), keep=())
            return about | {"kind": kind, "licences": licences(raw.get("licence"), raw)}
        manifest = load_bundle(path).manifest
    except ModelError as error:
        return about | {"problem": str(error)}
    return about | {
        "kind": "hotword",
        "word": manifest.word,
        "members": len(manifest.members),
        "false_accepts": measured(manifest.calibration.get("false_accepts"), "per_hour"),
        "misses": measured(clean(manifest.calibration.get("misses")), "percent", " %"),
        "licences": licences(manifest.voices, manifest.data),
    }


def details(where: str | Path) -> dict[str, Any]:
    """What `show` says beyond `describe`."""
    from edge.bundle import find_bundle, load_bundle, read_manifest
    from edge.manifest import VISION_KINDS

    path = find_bundle(where)
    if path.is_dir() and (raw := read_manifest(path)).get("kind") in VISION_KINDS:
        return {key: value for key, value in raw.items() if key not in ("schema", "kind", "files", "name")}
    manifest = load_bundle(path).manifest
    return {
        "language": manifest.language,
        "spellings": list(manifest.spellings),
        "thresholds": {m.name: f"{m.threshold:.2f}, trained on {m.trained_on}" for m in manifest.members},
        "calibration": dict(manifest.calibration),
        "voices": list(manifest.voices),
        "data": list(manifest.data),
        "seed": manifest.seed,
        "versions": dict(manifest.versions),
        "files": list(manifest.files),
    }


def clean(misses: Any) -> Any:
    """Misses are told for each condition: those of clean speech, or of the first condition there is."""
    if not isinstance(misses, dict):
        return None
    return misses.get("clean", next(iter(misses.values()), None))


def measured(row: Any, key: str, sign: str = "") -> str:
    """What was found and its 95 % interval, as people write them; ? where there is none.

    `row` is a table with a number under `key` and, under `ci95`, the ends of its interval.
    """
    table = row if isinstance(row, dict) else {}
    middle, ends = number(table.get(key)), table.get("ci95")
    if middle is None:
        return "?"
    low, high = map(number, ends) if isinstance(ends, list) and len(ends) == 2 else (None, None)
    return f"{middle}{sign}" + (f" ({low} to {high})" if low and high else "")


def number(value: Any) -> str | None:
    """A number as text, or None where it is something else."""
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else f"{value:g}"


def licences(*values: Any) -> list[str]:
    """Every licence that is named anywhere in these tables, once each."""
    found: dict[str, None] = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("licence", "license") and isinstance(inner, str):
                    found[inner] = None
                else:
                    walk(inner)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                walk(inner)

    for value in values:
        if isinstance(value, str):
            found[value] = None
        walk(value)
    return list(found)


def lines(key: str, value: Any) -> Iterator[str]:
    """A value of any shape, as indented lines."""
    if isinstance(value, Mapping):
        if value:
            yield f"{key}:"
        for inner, what in value.items():
            yield from (f"  {line}" for line in lines(str(inner).replace("_", " "), what))
    elif isinstance(value, list):
        if all(not isinstance(one, (dict, list)) for one in value):
            yield f"{key}: {', '.join(str(one) for one in value) or 'none'}"
            return
        yield f"{key}:"
        for one in value:
            plain = isinstance(one, Mapping) and not any(isinstance(v, (dict, list)) for v in one.values())
            text = ", ".join(f"{k}: {v}" for k, v in one.items()) if plain else json.dumps(one)
            yield f"  - {text}"
    elif value is not None and value != "":
        yield f"{key}: {value}"
