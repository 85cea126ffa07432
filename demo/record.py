"""Speaks the clips of the demo's recording, once: `python -m demo.record`. They are in the repository.

The voices are Kokoro's (Apache-2.0), a neural engine that the preset "quick" does not train on, so that what
the demo hears it has never heard before. Needs `heychip-synth voices install kokoro`.
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
CALLERS = ("af_bella", "am_michael", "bf_emma", "bm_george", "af_heart", "am_adam")
TALKERS = {
    "af_nicole": "The road to the desert is long, but the sky over it is longer.",
    "bm_lewis": "Nobody knows who put the chess board out here.",
    "am_puck": "They ship the big tent on Friday, and we build it on Saturday.",
    "bf_isabella": "Could you hand me the chips, please? I have had nothing since breakfast.",
    "am_eric": "Hey, Jim, did you bring water for everybody?",
    "af_sky": "It was so hot that even the robots were looking for shade.",
}


def main() -> int:
    """Writes clips/*.wav and clips/clips.json."""
    engine = open_engines(["kokoro"])[0]
    voices = {voice.name: voice for voice in engine.voices()}
    rows = []
    said = [(name, PHRASE) for name in CALLERS] + list(TALKERS.items())
    for name, text in said:
        sound = trim(engine.say(text, voices[name], Settings(seed=0)))
        sound = sound / abs(sound).max() * 0.5
        file = f"{'call' if text == PHRASE else 'talk'}-{name}.wav"
        write_wav(CLIPS / file, sound, RATE_HZ)
        rows.append({"file": file, "voice": f"kokoro {name}", "text": text, "phrase": text == PHRASE})
    write_whole(CLIPS / "clips.json", (json.dumps(rows, indent=1) + "\n").encode())
    print(f"{len(rows)} clips in {CALLERS and CLIPS}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
