"""`heychip say`: speak a line, through the loudspeaker or into a file."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.speech.espeak import Voice
    from edge.speech.piper import Piper

LONGEST_S = 120.0  # in the daemon a line ends after 10 s; here somebody is waiting for all of it


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "say",
        help="speak a line",
        description="Speaks at most 500 characters, or writes them into a wav file.",
    )
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--voice", default="en", help="a voice of espeak-ng: en, en-us, de, … (default: en)")
    parser.add_argument("--piper", nargs="?", const="", metavar="NAME.onnx",
                        help="a voice of Piper instead: that of the extra [piper], or this file")
    parser.add_argument("--file", metavar="OUT.wav", help="write the sound there instead of playing it")
    parser.add_argument("--score", action="store_true",
                        help="do not speak: tell how near the line comes to waking heychip itself")
    parser.add_argument("--models", nargs="+", metavar="BUNDLE", help="for --score (default: hey_chip)")
    parser.add_argument("--json", action="store_true", help="tell how it went as one JSON object")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0. Raises UsageError for nothing to say, SpeechError where it cannot be spoken."""
    from edge.config import SpeechConfig
    from edge.errors import UsageError
    from edge.speech import clean
    from edge.speech.espeak import Voice
    from edge.speech.piper import Piper

    if not clean(args.text):
        raise UsageError("say: there is nothing to say; give a text with at least one word")
    voice: Voice | Piper
    if args.piper is None:
        voice = Voice(SpeechConfig(voice=args.voice), timeout_s=LONGEST_S)
    else:
        voice = Piper(SpeechConfig(backend="piper", piper=args.piper), timeout_s=LONGEST_S)
    try:
        return spoken(voice, args)
    finally:
        voice.close()


def spoken(voice: Voice | Piper, args: argparse.Namespace) -> int:
    """The line in this voice. Exit code 0."""
    from edge.errors import UsageError
    from edge.events import Said
    from edge.files import write_whole
    from edge.speech import clean
    from edge.speech.aloud import Aloud, find_player

    if args.score:
        return score(voice, args)
    if args.file:
        sound = voice.sound(args.text)
        try:
            write_whole(args.file, sound.wav())
        except OSError as error:
            raise UsageError(f"say: {args.file} cannot be written: {error.strerror}") from error
        said = Said(clean(args.text), "wav", round(sound.duration_s, 3), args.file)
    else:
        said = Aloud(voice, find_player(need_device=True)).say(args.text)
    if args.json:
        print(json.dumps(asdict(said), ensure_ascii=False))
    return 0


def score(voice: Voice | Piper, args: argparse.Namespace) -> int:
    """What our own ears would make of the line. Exit code 0. Raises ModelError."""
    from edge.bundle import load_bundle
    from edge.listener import Listener
    from edge.own_voice import OwnVoice
    from edge.speech import clean

    sound = voice.sound(args.text)
    bundles = [load_bundle(name) for name in args.models or ["hey_chip"]]
    own = OwnVoice(lambda: Listener(bundles)).score(sound.samples, sound.rate_hz)
    row = {"text": clean(args.text), "word": own.word, "member": own.member, "score": round(own.score, 2),
           "at_s": round(own.at_s, 2), "wakes": own.wakes}
    if args.json:
        print(json.dumps(row, ensure_ascii=False))
    else:
        verdict = "would wake it" if own.wakes else "would not wake it"
        print(f"{verdict}: {own.score:+.1f} (a logit; from 0 on) for {own.word!r} at {own.at_s:.1f} s")
    return 0
