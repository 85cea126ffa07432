"""The lines that a configuration may speak or play, and which of them would wake it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge.bundle import load_bundle
from edge.config import Config
from edge.listener import Listener
from edge.own_voice import Own, OwnVoice
from edge.phrases import Line, fill, parse
from edge.speech import voice_of
from edge.speech.sound import recorded

MOST = 200  # lines that are looked at; each takes espeak-ng a tenth of a second
VALUES: dict[str, object] = {
    "label": "something",
    "score": "0.5",
    "member": "all",
    "count": "3",
    "faces": "2",
    "joy": "0.5",
}


def lines(config: Config, words: tuple[str, ...]) -> list[Line]:
    """What the rules may say, each line once, with every word in the place of {word}."""
    found: dict[str, Line] = {}
    for written in (line for rule in config.rules for line in rule.lines):
        line = parse(written, Path())
        for word in words if "{word}" in line.text.replace(" ", "") else words[:1]:
            values = VALUES | {"word": word, "name": word}
            text = line.text if line.file else fill(line.text, values)
            found.setdefault(line.file or text, replace(line, text=text))
    return list(found.values())


def scored(config: Config) -> Iterator[tuple[str, Own]]:
    """The first `MOST` of them with their scores. Raises ModelError, SpeechError."""
    keenest = config.listen.offset + (config.prior.facing if config.prior.on else 0.0)
    listener = Listener([load_bundle(name) for name in config.listen.bundles], offset=keenest)
    own_voice, voice = OwnVoice(lambda: listener), voice_of(config.speech)
    try:
        for line in lines(config, listener.words)[:MOST]:
            sound = recorded(line.file) if line.file else voice.sound(line.text)
            yield line.text, own_voice.score(sound.samples, sound.rate_hz)
    finally:
        voice.close()
