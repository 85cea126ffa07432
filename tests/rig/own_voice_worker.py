"""One daemon that talks, in one room: `own_voice_worker.py PLAN.json OUT.jsonl`, in the room's environment.

The daemon is the real one: PortAudio, listener, gate, voice, espeak-ng and a player. Lines are offered to its
voice one after the other; where the plan has a caller, the caller's recording is played into the same room
while the line sounds. One JSON object a line tells what was heard, and the margins that were told of.
"""

from __future__ import annotations

import dataclasses
import io
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from edge.commands.run import build
from edge.config import Config, MicrophoneConfig, SpeechConfig
from edge.daemon import Daemon
from edge.eventlog import EventLog
from edge.speech.aloud import Aloud
from edge.speech.espeak import Voice

LOUD = 0.3  # seconds that a player takes to be heard, at least
LAST_S = 1.5  # for a word that ends with the line to be told


class Talk:
    """The daemon, the plan, and what came of it."""

    def __init__(self, plan: dict[str, Any], out: Path) -> None:
        self.plan, self.out = plan, out
        speech = SpeechConfig(backend="espeak", **plan["speech"])
        config = Config(microphone=MicrophoneConfig(backend="sounddevice", device="pulse"), speech=speech)
        parts = build(config)
        self.wet = out.with_name("wet")
        if plan["wet"]:  # what is played is what our line sounds like in the room, not the line itself
            player = ["sh", "-c", f'cat > /dev/null; exec paplay "$(cat {self.wet})"']
            parts = dataclasses.replace(parts, speech=Aloud(Voice(speech), player))
        self.told: list[dict[str, Any]] = []
        self.daemon = Daemon(config, parts, tell=EventLog(out=io.StringIO()))
        tell = self.daemon._tell
        self.daemon._tell = self.daemon._answers._tell = self.remember  # type: ignore
        self.daemon._ears._tell = self.daemon._voice._tell = self.remember  # type: ignore
        self._counts = tell.counts
        self.remember.__func__.counts = tell.counts  # type: ignore[attr-defined]
        self._random = random.Random(plan["seed"])

    def remember(self, event: str, time_s: float, **values: Any) -> None:
        self.told.append({"event": event, "time_s": time_s, "clock_s": time.monotonic(), **values})

    def drive(self) -> None:
        """All utterances, then the end."""
        while self.daemon._ears.state != "LISTENING":
            time.sleep(0.1)
        time.sleep(2.5)  # a fresh null sink gives nothing for 2 s
        with self.out.open("w") as file:
            for utterance in self.plan["utterances"]:
                file.write(json.dumps(self.one(utterance)) + "\n")
                file.flush()
        self.daemon._signals.end = True

    def one(self, utterance: dict[str, Any]) -> dict[str, Any]:
        gate, voice = self.daemon._gate, self.daemon._voice
        first, called_s = len(self.told), None
        self.wet.write_text(utterance["wet"])
        voice.offer(utterance["text"])
        while not voice._busy:
            time.sleep(0.01)
        if utterance.get("caller"):
            spare_s = utterance["line_s"] - utterance["caller_s"] - LOUD
            time.sleep(LOUD + self._random.uniform(0, max(0.0, spare_s)))
            called_s = time.monotonic()
            subprocess.run(["paplay", utterance["caller"]], check=True, timeout=60)
        while not voice.idle or gate.sounds_at(gate.stream_s):
            time.sleep(0.05)
        time.sleep(LAST_S)
        return {**utterance, "called_s": called_s, "told": self.told[first:]}


def main() -> None:
    """Talk until the plan is done."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    talk = Talk(plan, Path(sys.argv[2]))
    threading.Thread(target=talk.drive, daemon=True).start()
    talk.daemon.run()
    Path(sys.argv[2]).with_suffix(".cpu").write_text(str(time.process_time()))


if __name__ == "__main__":
    main()
