"""How much of everything goes into a bundle. A preset is data: what differs between them is here alone."""

from __future__ import annotations

from dataclasses import dataclass


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
    """members of the OR ensemble that see every voice, beside one for each family of voices"""


# Kokoro's clips cost a second of a core each and are worth it for the phrase; sentences are long and only
# have to be something else, so few of them are spoken by it.
PHRASE_SHARES = {"kokoro": 2.0, "google": 2.0, "espeak-ng": 1.0, "flite": 0.5, "festival": 0.5, "piper": 0.5}
NEAR_SHARES = {**PHRASE_SHARES, "kokoro": 0.5, "google": 0.12}
SENTENCE_SHARES = {**PHRASE_SHARES, "kokoro": 0.5, "google": 0.06}

PER_VOICE = "per-voice"
MEMBERS = ("all", PER_VOICE)  # what the members of an ensemble hear

ENGINES = ("espeak-ng", "flite", "festival", "kokoro")
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("quick", ENGINES, ("espeak-ng", "flite"), phrases=340, copies=6,
               near_misses=700, sentences=400, negative_copies=1, speech_hours=0.5, speech_copies=1, rooms=24,
               steps=1000, batch=512, members=1),
        Preset("standard", ENGINES, ("espeak-ng", "flite"), phrases=700, copies=7, near_misses=1200,
               sentences=900, negative_copies=1, speech_hours=1.0, speech_copies=2, rooms=60, steps=2500,
               batch=512, members=1),
        Preset("best", (*ENGINES, "piper"), ("espeak-ng", "flite"), phrases=4000, copies=8, near_misses=5000,
               sentences=4000, negative_copies=3, speech_hours=4.0, speech_copies=3, rooms=120, steps=10000,
               batch=768, members=3),
    )
}
