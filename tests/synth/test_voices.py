"""Voices: the engines that are here speak, and those that are not say the remedy."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.voices import (
    ENGINES,
    Settings,
    Take,
    Voice,
    VoiceError,
    finish,
    make_engine,
    open_engines,
    why_not,
)
from synth.voices import festival as festival_room
from synth.voices.espeak import USELESS, Espeak, accents, variants
from tests.synth.engines import engine_or_skip

KEY = "f2447564f0ddc3e69a119a01609dabf1fa4f71698d5949db56b1785f6a6dc1c8"  # of all versions and machines
SPEECH_S = (0.25, 1.6)  # what "hey chip" may take, from the first loud 10 ms to the last


def speech_s(sound: NDArray[np.float32]) -> float:
    """Seconds from the first to the last 10 ms within 35 dB of the loudest."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    loud = np.flatnonzero(level_db > level_db.max() - 35)
    return float(loud[-1] - loud[0] + 1) / 100


@pytest.mark.parametrize("name", ["espeak-ng", "flite", "festival", "kokoro", "piper"])
def test_every_engine_says_the_phrase(name: str) -> None:
    """A clip is finite float32 at 16 kHz, neither faint nor clipped, with the phrase's worth of speech in
    it."""
    engine = engine_or_skip(name)
    voices = engine.voices()
    chosen = voices[:: max(1, len(voices) // (2 if name in ("kokoro", "piper") else 6))]
    for voice in chosen[:8]:
        assert voice.engine == name
        assert voice.get("version"), "the key of a clip needs the engine's version"
        sound = engine.say("hey chip", voice, Settings())
        assert sound.dtype == np.float32
        assert sound.ndim == 1
        assert np.isfinite(sound).all()
        assert 0.02 < np.abs(sound).max() <= 1.0, voice
        assert SPEECH_S[0] <= speech_s(sound) <= SPEECH_S[1], voice


@pytest.mark.parametrize("name", ["espeak-ng", "flite", "festival", "piper"])
def test_speed_and_repetition(name: str) -> None:
    """Faster is shorter, and the same settings give the same samples."""
    engine = engine_or_skip(name)
    for voice in engine.voices()[:4]:
        slow, fast = (speech_s(engine.say("hey computer", voice, Settings(speed))) for speed in (0.75, 1.35))
        assert fast < 0.85 * slow, voice
        twice = [engine.say("hey chip", voice, Settings(1.1, 1.5, 4)) for _ in range(2)]
        assert np.array_equal(*twice), voice


@pytest.mark.parametrize("name", ["espeak-ng", "flite", "festival"])
def test_pitch(name: str) -> None:
    """Four semitones up raise the fundamental of each voice."""
    engine = engine_or_skip(name)
    for voice in engine.voices()[:4]:
        low, high = (
            fundamental_hz(engine.say("ah no no ah", voice, Settings(0.9, at))) for at in (-2.0, 2.0)
        )
        assert 1.08 < high / low < 1.5, (voice.name, low, high)


def fundamental_hz(sound: NDArray[np.float32]) -> float:
    """Median over the voiced 40 ms of the pitch by autocorrelation."""
    found = []
    for start in range(0, len(sound) - 640, 320):
        frame = sound[start : start + 640] - sound[start : start + 640].mean()
        likeness = np.correlate(frame, frame, "full")[639:]
        lag = 40 + int(np.argmax(likeness[40:260]))
        if likeness[0] > 0.1 * 640 * float(np.mean(sound**2)) and likeness[lag] > 0.6 * likeness[0]:
            found.append(RATE_HZ / lag)
    return float(np.median(found))


@pytest.mark.parametrize(
    "text",
    [
        "$(touch pwned) `id`",
        '") (system "touch pwned") ("',
        "-v --help",
        "a\nb\n\nc",
        "hey \0 chip",
        "\\",
        "(((",
        "hé 🤖",
    ],
)
@pytest.mark.parametrize("name", ["espeak-ng", "flite", "festival"])
def test_texts_are_only_texts(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is a command, an option or a Scheme expression; it is said, or refused with VoiceError."""
    engine = engine_or_skip(name)
    monkeypatch.chdir(tmp_path)
    try:
        sound = engine.say(text, engine.voices()[0], Settings())
    except VoiceError:
        sound = np.zeros(1, np.float32)
    assert np.isfinite(sound).all()
    assert not list(tmp_path.rglob("pwned"))
    assert speech_s(engine.say("hey chip", engine.voices()[0], Settings())) > SPEECH_S[0], "it still speaks"


def test_phonemes_of_espeak_are_said() -> None:
    """[[...]] is spoken as phonemes by the engines that say so, and refused by the others."""
    espeak = engine_or_skip("espeak-ng")
    voice = espeak.voices()[0]
    assert np.array_equal(
        espeak.say("[[h'eI]] [[tS'Ip]]", voice, Settings()), espeak.say("hey chip", voice, Settings())
    )
    for name in ("flite", "festival"):
        engine = make_engine(name)
        if why_not(engine) is None:
            with pytest.raises(VoiceError, match="phonemes"):
                engine.say("[[h'eI]]", engine.voices()[0], Settings())


def test_accents_and_useless_variants() -> None:
    """English has its accents, the asked one first; whispers and robots are left out; German is German."""
    engine_or_skip("espeak-ng")
    english = accents("en-us")
    assert english[0] == "en-us"
    assert {"en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029"} <= set(english)
    names = [name for name, _ in variants()]
    assert {"m1", "m8", "f1", "f5", "klatt"} <= set(names)
    assert not set(names) & USELESS
    assert {voice.language for voice in Espeak("de").voices()} == {"de"}
    assert why_not(Espeak("tlh-nowhere")) is not None


@pytest.mark.parametrize("name", ENGINES)
def test_missing_engines_name_the_remedy(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without its program or files an engine says what to do, and asking for it by name is a UsageError."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    reason = why_not(make_engine(name))
    if name == "piper" and reason is not None and "espeak-ng" not in reason:
        assert "pip install" in reason
    else:
        assert reason is not None
        assert "install" in reason or "--engine" in reason
    with pytest.raises(UsageError, match=name):
        open_engines([name])


def test_opening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unknown names are errors with the nearest; unnamed missing ones are passed over; none at all is an
    error."""
    with pytest.raises(UsageError, match="did you mean kokoro"):
        open_engines(["kokorro"])
    with pytest.raises(UsageError, match="takes no folder"):
        open_engines(["flite=/tmp"])
    engine_or_skip("espeak-ng")
    assert [engine.name for engine in open_engines(["espeak"])] == ["espeak-ng"]
    assert open_engines(None)[0].name == "espeak-ng"
    assert "flite" not in [engine.name for engine in open_engines(None, "de")]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install espeak-ng"):
        open_engines(None, "fr")


def test_keys_are_stable_and_tell_takes_apart() -> None:
    """A key depends on the text, the voice, its engine's version, speed, pitch and seed, and on nothing
    else."""
    voice = Voice("e", "v", "en-us", "none", (("version", "1"), ("sex", "F")))
    take = Take("hey chip", voice, 1.1, -2.0, 7)
    assert take.key == KEY
    turned = Take(
        "hey chip", Voice("e", "v", "en-us", "none", (("sex", "F"), ("version", "1"))), 1.1, -2.0, 7
    )
    assert turned.key == take.key
    newer = Voice("e", "v", "en-us", "none", (("version", "2"), ("sex", "F")))
    others = [Take("hey Chip", voice, 1.1, -2.0, 7), Take("hey chip", newer, 1.1, -2.0, 7),
              Take("hey chip", voice, 1.11, -2.0, 7), Take("hey chip", voice, 1.1, 2.0, 7),
              Take("hey chip", voice, 1.1, -2.0, 8)]  # fmt: skip
    assert len({take.key, *(other.key for other in others)}) == 6


def test_festival_that_hangs_or_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A festival that is gone or silent is a VoiceError for one text; the next text has a new one."""
    engine = engine_or_skip("festival")
    voice = engine.voices()[0]
    first = engine.say("hey chip", voice, Settings())
    child = engine._child  # type: ignore[attr-defined]
    festival_room.kill_group(child._process.pid)
    child._process.wait()
    with pytest.raises(VoiceError, match="festival"):
        engine.say("hey chip", voice, Settings())
    assert np.array_equal(engine.say("hey chip", voice, Settings()), first)
    monkeypatch.setattr(festival_room, "TIMEOUT_S", 0.0)
    with pytest.raises(VoiceError, match="no answer in 0 s"):
        engine.say("hey chip", voice, Settings())
    assert pickle.loads(pickle.dumps(engine))._child is None  # noqa: S301  # our own bytes, as the pool makes them


def test_finish_resamples_and_shifts() -> None:
    """A tone keeps its pitch from 24 to 16 kHz, and an octave of shift doubles it in half the time."""
    tone = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000).astype(np.float32)
    for shift, hertz, seconds in ((0.0, 440, 1.0), (12.0, 880, 0.5)):
        sound = finish(tone, 24_000, shift=shift)
        assert len(sound) == pytest.approx(seconds * RATE_HZ, abs=2)
        peak = np.argmax(np.abs(np.fft.rfft(sound))) * RATE_HZ / len(sound)
        assert peak == pytest.approx(hertz, abs=3)
    for bad in (np.zeros(0, np.float32), np.full(9, np.nan, np.float32)):
        with pytest.raises(VoiceError):
            finish(bad, 16_000)


def test_own_recordings_are_a_voice(tmp_path: Path) -> None:
    """Folders are speakers, each take is one of their recordings, brought to 16 kHz."""
    tone = (0.3 * np.sin(np.arange(48_000) / 20)).astype(np.float32)
    for number, name in enumerate(("ann/1.wav", "ann/2.wav", "bob/1.wav")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_wav(tmp_path / name, tone[: 40_000 + 1_000 * number], 48_000)
    (engine,) = open_engines([f"folder={tmp_path}"])
    ann, bob = engine.voices()
    assert (ann.name, ann.get("recordings"), bob.name) == ("ann", "2", "bob")
    lengths = [len(engine.say("anything", ann, Settings(seed=seed))) for seed in range(3)]
    assert lengths[0] == lengths[2] != lengths[1]
    assert lengths[0] == pytest.approx(40_000 / 3, abs=2)
