"""`heychip listen`: what the microphone hears and how near it comes to the word, live."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.config import Config
    from edge.events import Heard
    from edge.listener import Listener
    from edge.parts import Samples

QUIET_DB = -60.0  # the left end of the meter
FAR = -10.0  # margins are logits; further below the threshold makes no difference to the eye
METER = 24
SILENT_S = 3.0
GREEN, YELLOW, BOLD, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


def add(subparsers: Any) -> None:
    """Describe the command to argparse."""
    parser = subparsers.add_parser(
        "listen",
        help="show what the microphone hears, live",
        description="Shows the level, and the margin: at 0 the word is heard. Ctrl-C ends it.",
    )
    parser.add_argument("--models", nargs="+", action="extend", metavar="BUNDLE", help="default: hey_chip")
    parser.add_argument("--device", help="a part of the microphone's name; `heychip devices` lists them")
    parser.add_argument("--config", metavar="FILE", help="take microphone and bundles from this file")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after so much sound")
    parser.add_argument("--json", action="store_true", help="one JSON object for every hop and every word")
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Exit code 0 after `--seconds` or at the end of a recording. Raises DeviceError, ModelError."""
    from edge.bundle import load_bundle
    from edge.errors import DeviceError, UsageError
    from edge.intake import mono
    from edge.listener import Listener
    from edge.microphone import open_microphone
    from edge.resample import Resampler

    if not args.seconds > 0:
        raise UsageError(f"listen: --seconds is {args.seconds:g}, expected more than 0")
    config = _config(args)
    listen = config.listen
    listener = Listener(
        [load_bundle(name) for name in listen.bundles],
        refractory_s=listen.refractory_s,
        release=listen.release,
        offset=listen.offset,
    )
    microphone = open_microphone(config.microphone)
    show = _Json() if args.json else _Screen(sys.stdout.isatty())
    print(f"heychip: listening through {microphone.name}; Ctrl-C ends", file=sys.stderr)
    resampler, rate_hz, heard_s = Resampler(microphone.rate_hz), microphone.rate_hz, time.monotonic()
    try:
        while listener.time_s < args.seconds and not microphone.ended:
            chunk = microphone.read(0.5)
            if chunk is None:
                if time.monotonic() - heard_s > SILENT_S:
                    raise DeviceError(f"{microphone.name} gives no sound; does another program use it?")
                continue
            heard_s = time.monotonic()
            if chunk.rate_hz != rate_hz:
                resampler, rate_hz = Resampler(chunk.rate_hz), chunk.rate_hz
            show.step(listener, resampler.step(mono(chunk, config.microphone.channel)))
    finally:
        microphone.close()
        show.close()
    return 0


def _config(args: argparse.Namespace) -> Config:
    """The configuration with what the command line says in its place."""
    from dataclasses import replace

    from edge.config import load_config

    config = load_config(args.config, defaults=args.config is None)
    listen, microphone = config.listen, config.microphone
    if args.models:
        listen = replace(listen, bundles=tuple(args.models))
    if args.device is not None:
        microphone = replace(microphone, device=args.device)
    return replace(config, listen=listen, microphone=microphone)


class _Show:
    """Feeds the listener and tells of every hop; the level is that of the sound since the last one."""

    def __init__(self) -> None:
        self._energy, self._samples = 0.0, 0

    def step(self, listener: Listener, sound: Samples) -> None:
        """16 kHz samples [n]."""
        import numpy as np

        found = listener.step(sound)
        self._energy += float(np.square(sound, dtype=np.float64).sum())
        self._samples += len(sound)
        if listener.margins:
            level_db = 10 * math.log10(max(self._energy / self._samples, 1e-12))
            self._energy, self._samples = 0.0, 0
            self.hop(listener.time_s, level_db, listener.margins[-1])
        for heard in found:
            self.word(heard)

    def hop(self, time_s: float, level_db: float, margin: float) -> None:
        raise NotImplementedError

    def word(self, heard: Heard) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """The end."""


class _Json(_Show):
    def hop(self, time_s: float, level_db: float, margin: float) -> None:
        row = {"event": "level", "time_s": round(time_s, 3), "level_db": round(level_db, 1)}
        print(json.dumps(row | {"margin": round(margin, 3)}), flush=True)

    def word(self, heard: Heard) -> None:
        row = {"event": "heard", "time_s": heard.time_s, "word": heard.word, "member": heard.member}
        print(json.dumps(row | {"score": heard.score, "members": list(heard.members)}), flush=True)


class _Screen(_Show):
    """A line that moves on a terminal; elsewhere only the words."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def hop(self, time_s: float, level_db: float, margin: float) -> None:
        if not self._terminal:
            return
        level = bar((level_db - QUIET_DB) / -QUIET_DB)
        near = bar((margin - FAR) / -FAR / 2)
        colour = GREEN if margin >= 0 else YELLOW if margin > FAR / 4 else ""
        line = f"{time_s:7.1f} s  {max(level_db, -99):4.0f} dB {level}  "
        shown = f"{max(margin, -99):+6.1f} {near}"
        room = shutil.get_terminal_size().columns - 1 - len(line)
        print(f"\r\x1b[K{line}{colour}{shown[: max(0, room)]}{PLAIN}", end="", flush=True)

    def word(self, heard: Heard) -> None:
        text = f"{heard.time_s:7.1f} s  heard “{heard.word}”  ({heard.member}, {heard.score:+.1f})"
        print(f"\r\x1b[K{BOLD}{GREEN}{text}{PLAIN}" if self._terminal else text, flush=True)

    def close(self) -> None:
        if self._terminal:
            print()


def bar(share: float) -> str:
    """A meter of `METER` cells for 0..1."""
    full = round(METER * min(max(share, 0.0), 1.0))
    return "█" * full + "·" * (METER - full)
