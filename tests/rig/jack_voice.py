"""Plays a recording into the first program that records from JACK: `jack_voice.py FILE`.

By ALSA's plug for JACK: PortAudio's own way to play there corrupts its memory (`malloc(): invalid size`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

ASOUNDRC = """
pcm.voice {{ type plug slave.rate 44100 slave.format FLOAT slave.pcm {{
    type jack  playback_ports {{ 0 "{port}" }} }} }}
"""


def main() -> None:
    """Connect to the program's input, and play."""
    ask = ["jack_lsp", "-s", os.environ["JACK_DEFAULT_SERVER"]]
    listing = subprocess.run(ask, check=True, capture_output=True)
    port = next(port for port in listing.stdout.decode().split() if ":in_" in port)
    (Path.home() / ".asoundrc").write_text(ASOUNDRC.format(port=port))
    import sounddevice  # reads what was just written

    with wave.open(sys.argv[1]) as recording:
        frames = recording.readframes(recording.getnframes())
        sound = np.frombuffer(frames, np.int16).astype(np.float32) / 32768
        rate_hz = recording.getframerate()
    sounddevice.play(sound, rate_hz, device="voice", blocking=True)


if __name__ == "__main__":
    main()
