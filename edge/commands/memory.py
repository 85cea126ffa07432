"""`heychip memory`: what the daemon kept of the field, for a person to judge, and then to learn from."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.errors import UsageError

if TYPE_CHECKING:
    from edge.memories import Memory

FOLDERS = {"yes": "positives", "no": "negatives", "": "unmarked"}


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "memory",
        help="what was kept of the field: list, mark, export or forget it",
        description="The daemon keeps the seconds around each word that it heard or nearly heard, where "
        "[memory] of its configuration names a folder.",
    )
    parser.set_defaults(main=main, what="list", json=False, numbers=[])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", metavar="FILE", help="whose [memory] folder is meant")
    common.add_argument("--folder", metavar="DIR", help="the folder itself")
    parser.set_defaults(config=None, folder=None)
    whats = parser.add_subparsers(metavar="list|path|mark|export|forget")

    def verb(name: str, words: str) -> Any:
        inner = whats.add_parser(name, help=words, description=words, parents=[common])
        inner.set_defaults(what=name)
        return inner

    verb("list", "a line each, oldest first").add_argument("--json", action="store_true",
                                                           help="one JSON object a line")
    numbers = {"nargs": "+", "type": int, "metavar": "NUMBER"}
    verb("path", "where the recordings are, to play them").add_argument("numbers", **numbers)
    inner = verb("mark", "say whether the word was said in it")
    inner.add_argument("numbers", **numbers)
    inner.add_argument("label", choices=("yes", "no", "unmark"))
    inner = verb("export", "copy the marked ones into positives and negatives, to learn from")
    inner.add_argument("out", type=Path, metavar="DIR", help="gets positives, negatives and unmarked")
    inner.add_argument("--word", help="only those of this word")
    inner = verb("forget", "remove recordings for good")
    inner.add_argument("numbers", **{**numbers, "nargs": "*"})
    inner.add_argument("--all", action="store_true", dest="everything", help="all of them")


def main(args: argparse.Namespace) -> int:
    """Exit code 0; errors are raised."""
    from edge.memories import find, forget, mark

    folder = where(args)
    if args.what == "list":
        return list_all(folder, as_json=args.json)
    if args.what == "export":
        return export(folder, args.out, args.word)
    if args.what == "forget" and bool(args.numbers) == args.everything:
        raise UsageError("memory forget: give numbers, or --all")
    everything = args.what == "forget" and args.everything
    chosen = there(folder) if everything else [find(folder, number) for number in args.numbers]
    for one in chosen:
        if args.what == "path":
            print(one.wav)
        elif args.what == "mark":
            mark(one, "" if args.label == "unmark" else args.label)
        else:
            forget(one)
    if args.what != "path":
        print(f"{len(chosen)} {'forgotten' if args.what == 'forget' else 'marked ' + args.label}")
    return 0


def where(args: argparse.Namespace) -> Path:
    """The folder that is meant. Raises UsageError where none is, or it is not there."""
    from edge.config import load_config

    asked = args.folder or load_config(args.config).memory.folder
    if not asked:
        raise UsageError('memory: nothing is kept: the configuration has no folder in [memory]; '
                         'name one there, or with --folder')
    if not Path(asked).is_dir():
        raise UsageError(f"{asked}: no such folder; the daemon makes it when there is something to remember")
    return Path(asked)


def there(folder: Path) -> list[Memory]:
    """All of them. Raises UsageError where we may not look."""
    from edge.memories import read_memories

    try:
        return read_memories(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); try it with sudo") from error


def list_all(folder: Path, *, as_json: bool) -> int:
    """Number, kind, word, margin and what a person said; times as the clock had them."""
    for one in there(folder):
        facts = one.facts
        if as_json:
            print(json.dumps({"file": str(one.wav), **facts}, ensure_ascii=False))
            continue
        said = f"marked {one.label}" if one.label else ""
        print(f"{one.number:6d}  {facts.get('kind', ''):9}  {facts.get('word', '')}  "
              f"{facts.get('margin', 0):+.2f}  {facts.get('wall_clock', '')}  {said}".rstrip())
    return 0


def export(folder: Path, out: Path, word: str | None) -> int:
    """Copies, whole files, under names that stay the same: what is there already is written again."""
    from edge.files import write_whole
    from edge.rule_config import word_key

    counts: Counter[str] = Counter()
    for one in there(folder):
        if word is not None and word_key(str(one.facts.get("word"))) != word_key(word):
            continue
        name = FOLDERS[one.label]
        for other in set(FOLDERS.values()) - {name}:  # it was marked otherwise when it was last exported
            for file in (one.wav, one.json):
                (out / other / file.name).unlink(missing_ok=True)
        try:
            write_whole(out / name / one.wav.name, one.wav.read_bytes())
            write_whole(out / name / one.json.name, one.json.read_bytes())
        except FileNotFoundError:  # the daemon needed the room
            continue
        except OSError as error:
            raise UsageError(f"{out}: cannot be written ({error.strerror})") from error
        counts[name] += 1
    print(", ".join(f"{counts[name]} {name}" for name in FOLDERS.values()) + f" in {out}")
    return 0
