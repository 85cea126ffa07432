"""How much of everything goes into a bundle. A preset is data: what differs between them is here alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from synth.speeds import SPEEDS


@dataclass(frozen=True)
class Preset:
    """Amounts for one run of `heychip-synth make`."""

    name: str
    engines: tuple[str, ...]
    """engines that speak, where they are installed"""
    required: tuple[str, ...]
    """engines without which there is nothing to learn from"""
    phrases: int
    """takes of the phrase, all voices together"""
    copies: int
    """how often each take is spoiled anew"""
    near_misses: int
    """takes of what sounds close"""
    sentences: int
    """takes of everyday sentences"""
    negative_copies: int
    """how often each take that is not the phrase is spoiled anew"""
    speech_hours: float
    """at most so much real speech of each package or folder"""
    speech_copies: int
    """how often real speech is spoiled, besides being used as it is"""
    rooms: int
    """simulated rooms"""
    steps: int
    """steps of training"""
    batch: int
    """examples in a step"""
    members: int
    """members of the OR ensemble that are trained; it keeps those that earn their place"""
    nets: int
    """networks whose mean is a member"""
    neural_talk: bool = True
    """whether neural voices speak near-misses and sentences, too"""
    speeds: tuple[float, ...] = field(default=SPEEDS, repr=False)
    """at which what comes near the word is heard once more; no part of the training, whose weights are kept
    under a name made of all that is"""


# Kokoro's clips cost a second of a core each and are worth it for the phrase; sentences are long and only
# have to be something else, so few of them are spoken by it.
PHRASE_SHARES = {"kokoro": 2.0, "google": 2.0, "espeak-ng": 1.0, "flite": 0.5, "festival": 0.5, "piper": 0.5}
NEAR_SHARES = {**PHRASE_SHARES, "kokoro": 0.5, "google": 0.12}
SENTENCE_SHARES = {**PHRASE_SHARES, "kokoro": 0.5, "google": 0.06}

NEURAL = ("kokoro", "google")
PER_VOICE = "per-voice"
PER_VOICE_NETS = 1  # that all those members share
MEMBERS = ("all", PER_VOICE)  # what the members of an ensemble hear

ENGINES = ("espeak-ng", "flite", "festival", "kokoro")
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("quick", ENGINES, ("espeak-ng", "flite"), phrases=160, copies=8, near_misses=300,
               sentences=240, negative_copies=1, speech_hours=0.06, speech_copies=1, rooms=24, steps=400,
               batch=512, members=1, nets=3, neural_talk=False, speeds=()),
        Preset("standard", ENGINES, ("espeak-ng", "flite"), phrases=700, copies=8, near_misses=400,
               sentences=640, negative_copies=1, speech_hours=0.3, speech_copies=1, rooms=60, steps=600,
               batch=512, members=2, nets=3),
        Preset("best", ENGINES, ("espeak-ng", "flite"), phrases=1600, copies=8, near_misses=600,
               sentences=1300, negative_copies=1, speech_hours=4.0, speech_copies=1, rooms=100, steps=700,
               batch=512, members=2, nets=4),
    )
}


def shares(preset: Preset, kind: str) -> dict[str, float]:
    """How much of one kind (phrases, near or sentences) each engine speaks, those that are not in the table
    as much as espeak-ng."""
    row = {"phrases": PHRASE_SHARES, "near": NEAR_SHARES, "sentences": SENTENCE_SHARES}[kind]
    silent = () if kind == "phrases" or preset.neural_talk else NEURAL
    return {name: 0.0 if name in silent else share for name, share in row.items()}
