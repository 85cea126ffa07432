"""The lines that a configuration may speak, and which of them would wake it."""

from __future__ import annotations

from collections.abc import Iterator

from edge.bundle import load_bundle
from edge.config import Config
from edge.listener import Listener
from edge.own_voice import Own, OwnVoice
from edge.phrases import fill
from edge.resample import at_16_khz
from edge.speech.espeak import Voice

MOST = 200  # lines that are looked at; each takes espeak-ng a tenth of a second


def lines(config: Config, words: tuple[str, ...]) -> list[str]:
    """What the rules may say, each line once, with every word in the place of {word}."""
    found = [
        fill(line, {"word": word, "label": "something", "score": "0.5", "member": "all"})
        for rule in config.rules
        for line in rule.lines
        for word in (words if "{word}" in line.replace(" ", "") else words[:1])
    ]
    return list(dict.fromkeys(found))


def scored(config: Config) -> Iterator[tuple[str, Own]]:
    """The first `MOST` of them with their scores. Raises ModelError, SpeechError."""
    listener = Listener([load_bundle(name) for name in config.listen.bundles], offset=config.listen.offset)
    own_voice, voice = OwnVoice(lambda: listener), Voice(config.speech)
    for line in lines(config, listener.words)[:MOST]:
        sound = voice.sound(line)
        yield line, own_voice.score(at_16_khz(sound.samples, sound.rate_hz))
