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


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("quick", ("espeak-ng", "flite", "festival"), ("espeak-ng", "flite"), phrases=700, copies=4,
               near_misses=900, sentences=500, negative_copies=1, speech_hours=0.5, speech_copies=1, rooms=24,
               steps=2000, batch=512, members=1),
        Preset("standard", ("espeak-ng", "flite", "festival", "kokoro"), ("espeak-ng", "flite"), phrases=2000,
               copies=6, near_misses=2500, sentences=1800, negative_copies=2, speech_hours=1.0, speech_copies=2,
               rooms=60, steps=6000, batch=512, members=2),
        Preset("best", ("espeak-ng", "flite", "festival", "kokoro", "piper"), ("espeak-ng", "flite"), phrases=4000,
               copies=8, near_misses=5000, sentences=4000, negative_copies=3, speech_hours=4.0, speech_copies=3,
               rooms=120, steps=12000, batch=768, members=3),
    )
}
