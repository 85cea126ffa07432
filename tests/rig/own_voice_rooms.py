"""Barge-in without a sound server: our lines and people who call over them in simulated rooms, through the
same echo, gate and listener as in the daemon.

    python -m tests.rig.own_voice_rooms --scenes 60 --callers FOLDER

Each row of the table is a condition: scenes with a caller (heard or missed) and the same scenes without one
(anything that is heard is a self-trigger). Needs espeak-ng and pyroomacoustics (heychip[synth])."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.barge_in import BargeIn
from edge.bundle import load_bundle
from edge.config import SpeechConfig
from edge.events import RATE_HZ, STEP
from edge.gate import Gate
from edge.listener import Listener
from edge.own_voice import Own, OwnVoice
from edge.resample import Resampler, at_16_khz
from edge.speech.espeak import Voice
from edge.wav import read_wav

sys.path.insert(0, str(Path(__file__).parent))
from own_voice import REPOSITORY, VOICES, script
from rooms import active, room

Samples = NDArray[np.float32]
LEVEL = 0.05  # of the caller at the microphone
QUIET_S, AFTER_S = 2.0, 1.6  # before and after a line


@dataclass(frozen=True)
class Condition:
    """What is spoiled."""

    echo_db: float = 0.0
    """our voice over the caller's at the microphone"""
    drift_ppm: float = 0.0
    """of the microphone's clock against the loudspeaker's"""
    drive: float = 0.0
    """share of the peak at which the loudspeaker clips softly; 0: it does not"""
    late_s: float = 0.5
    """most between the announcement and the sound"""
    noise_db: float = -30.0
    """over the caller"""
    rooms: bool = True


CONDITIONS = {
    "no room, equal level": Condition(rooms=False),
    "rooms, equal level": Condition(),
    "rooms, we are 6 dB louder": Condition(echo_db=6),
    "rooms, we are 6 dB softer": Condition(echo_db=-6),
    "rooms, clock 100 ppm off": Condition(drift_ppm=100),
    "rooms, loudspeaker clips": Condition(drive=0.5),
    "rooms, player takes up to 2 s": Condition(late_s=2.0),
    "rooms, noise 10 dB under the caller": Condition(noise_db=-10),
    "all: 6 dB louder, 100 ppm, clips": Condition(echo_db=6, drift_ppm=100, drive=0.5),
}


def drifted(sound: Samples, ppm: float) -> Samples:
    """As a clock hears it that is off by so much."""
    if not ppm:
        return sound
    fine = Resampler(RATE_HZ, 6 * RATE_HZ)
    dense = np.concatenate([fine.step(sound), fine.flush()])
    places = np.arange(int(len(sound) / (1 + ppm * 1e-6))) * 6 * (1 + ppm * 1e-6)
    return np.interp(places, np.arange(len(dense)), dense).astype(np.float32)


def scene(
    rng: np.random.Generator, line: Samples, caller: Samples, how: Condition
) -> tuple[Samples, Samples, float]:
    """What the microphone hears with a caller and without, from `QUIET_S` before the line is announced, and
    when the caller begins."""
    ways = room(rng) if how.rooms else [np.ones(1, np.float32)] * 2
    late_s = rng.uniform(0.05, how.late_s)
    size = int((QUIET_S + late_s + AFTER_S) * RATE_HZ) + len(line)
    played = line
    if how.drive:
        peak = how.drive * np.abs(line).max()
        played = peak * np.tanh(line / peak)
    at = int((QUIET_S + late_s) * RATE_HZ)
    ours = placed(
        np.convolve(drifted(played, how.drift_ppm), ways[0]), at, size, LEVEL * 10 ** (how.echo_db / 20)
    )
    at += int(rng.uniform(0, max(0.1, (len(line) - len(caller)) / RATE_HZ)) * RATE_HZ)
    theirs = placed(np.convolve(caller, ways[1]), at, size, LEVEL)
    noise = rng.standard_normal(size).astype(np.float32) * LEVEL * 10 ** (how.noise_db / 20)
    return ours + theirs + noise, ours + noise, at / RATE_HZ


def placed(sound: Samples, at: int, size: int, level: float) -> Samples:
    """A sound at a place of a longer silence, at a level."""
    out = np.zeros(size, np.float32)
    sound = sound[: size - at]
    out[at : at + len(sound)] = sound * level / active(sound)
    return out


def heard(listener: Listener, own: Own, sound: Samples, mode: str) -> list[float]:
    """The times of what counts, in one scene."""
    gate = Gate(0.4)
    over = None if mode == "open" else BargeIn(mode, gate)
    listener.reset()
    listener.raise_by(gate.raised_at if over else lambda _: 0.0)
    times, given = [], 0
    for at in range(0, len(sound) - STEP + 1, STEP):
        if over and at == int(QUIET_S * RATE_HZ):
            gate.begin()
            over.announce(own)
        piece = sound[at : at + STEP]
        if over:
            piece = over.step(piece, given / RATE_HZ)
        given += len(piece)
        told = listener.step(piece)
        times += [e.time_s for e in told if e.score >= (gate.raised_at(e.time_s) if over else 0.0)]
        gate.advance(given / RATE_HZ)
    return times


def row(
    listener: Listener,
    lines: Sequence[Own],
    callers: Sequence[Samples],
    how: Condition,
    *,
    args: argparse.Namespace,
    mode: str,
) -> dict[str, object]:
    """One condition in one mode, on the same scenes as in every other mode."""
    rng = np.random.default_rng(args.seed)
    got = selves = waking = 0
    for number in range(args.scenes):
        own, caller = lines[number % len(lines)], callers[rng.integers(len(callers))]
        with_caller, without, at_s = scene(rng, own.sound, caller, how)
        end_s = at_s + len(caller) / RATE_HZ + 1.0
        times = heard(listener, own, with_caller, mode)
        got += any(at_s + 0.1 <= time_s <= end_s for time_s in times)
        selves += len(heard(listener, own, without, mode))
        waking += own.score >= 0
    return {
        "mode": mode,
        "heard": got,
        "of": args.scenes,
        "self_triggers": selves,
        "lines_that_would_wake": waking,
    }


def main() -> int:
    """Print a JSON object for each condition and mode."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.own_voice_rooms", description=__doc__)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--callers", type=Path, default=REPOSITORY / "demo" / "clips")
    parser.add_argument("--modes", nargs="+", default=["open", "raise", "subtract"])
    args = parser.parse_args()
    bundles = [load_bundle("hey_chip")]
    listener, own_voice = Listener(bundles), OwnVoice(lambda: Listener(bundles))
    lines = []
    texts = script(args.seed + 77)
    for number in range(min(args.scenes, 60)):
        sound = Voice(SpeechConfig(**VOICES[number % len(VOICES)])).sound(next(texts))
        lines.append(own_voice.score(sound.samples, sound.rate_hz))
    files = sorted(args.callers.glob("call*.wav")) or sorted(args.callers.glob("*.wav"))
    callers = [at_16_khz(read_wav(file).samples[:, 0], read_wav(file).rate_hz) for file in files]
    for name, how in CONDITIONS.items():
        for mode in args.modes:
            found = row(listener, lines, callers, how, args=args, mode=mode)
            print(json.dumps({"condition": name, **found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
