"""The engine google against a server of its own messages on this machine: its voices, how it says a text, and
that nobody gets it who has not named it."""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import UsageError
from edge.events import RATE_HZ
from synth.commands import voices as command
from synth.voices import ENGINES, Costs, Settings, Take, Voice, make_engine, open_engines, why_not
from synth.voices import google as room
from synth.voices.cache import speak_all
from synth.voices.google import Google
from tests.synth.google_server import HZ, LISTED, Hands, Refusal, Server

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's cache, credentials or endpoint."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "HEYCHIP_GOOGLE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    """Listens for one test."""
    listening = Server()
    yield listening
    listening.close()


def google(server: Server, lang: str = "en-us", *more: str) -> Google:
    """The engine at that server, with a clock that does not wait."""
    return Google(lang, ",".join((server.address, *more)), clock=Hands().clock)


def voice_of(engine: Google, name: str) -> Voice:
    """The voice of that name."""
    return next(voice for voice in engine.voices() if voice.name == name)


def peak_hz(sound: NDArray[np.float32]) -> float:
    """Where most of its power is."""
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * RATE_HZ / len(sound))


def test_voices_are_those_of_the_language(server: Server) -> None:
    """All accents of English for en-us, German for de; names without a tag are of another service."""
    english = google(server).voices()
    assert [v.name for v in english] == sorted(name for name in LISTED if name.startswith("en-"))
    assert {v.get("accent") for v in english} == {"en-US", "en-GB", "en-AU", "en-IN"}
    assert [v.name for v in google(server, "de").voices()] == ["de-DE-Wavenet-B"]
    assert google(server, "fr").voices() == []
    facts = {v.name: v for v in english}
    assert {v.get("version") for v in english} == {"v1.1"}
    kore = facts["en-US-Chirp3-HD-Kore"]
    assert (kore.get("kind"), kore.get("sex"), kore.language) == ("Chirp3-HD", "F", "en-us")
    assert kore.speaker == facts["en-IN-Chirp3-HD-Kore"].speaker, "one person in two countries"
    assert facts["en-US-Wavenet-A"].speaker == facts["en-US-Standard-A"].speaker
    assert len({v.speaker for v in english}) == len(english) - 2


def test_kinds_of_voices_can_be_chosen(server: Server) -> None:
    """`google=WaveNet,Standard` takes those, however they are written; what is none is named with the
    nearest."""
    chosen = google(server, "en-us", "wavenet", "STANDARD").voices()
    assert {voice.get("kind") for voice in chosen} == {"WaveNet", "Standard"}
    with pytest.raises(UsageError, match="did you mean WaveNet"):
        open_engines(["google=wavnet"])
    with pytest.raises(UsageError, match="an amount in USD"):
        open_engines(["google=spend=lots"])


def test_the_list_is_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for once, used when the server is gone, and asked for anew when it is old; an old one is
    better than none."""
    first = google(server).voices()
    assert [google(server).voices(), google(server).voices()] == [first, first]
    assert server.lists == 1
    monkeypatch.setattr(room, "LIST_DAYS", -1)
    assert google(server).voices() == first
    assert server.lists == 2
    server.close()
    assert google(server).voices() == first
    for file in room.default_folder().glob("voices-*.json"):
        file.write_text('{"date": "2026-01-01", "voices": [["half', "utf-8")
    with pytest.raises(UsageError, match="the list of voices: UNAVAILABLE"):
        google(server).voices()


def test_a_text_goes_there_and_sound_comes_back(server: Server) -> None:
    """LINEAR16 at 16 kHz, sample for sample; speed and pitch are asked for where they are not the voice's
    own."""
    engine = google(server)
    voice = voice_of(engine, "en-GB-Neural2-B")
    sound = engine.say("hey chip", voice, Settings())
    assert sound.dtype == np.float32
    wanted = np.trunc(9_000 * np.sin(2 * np.pi * HZ * np.arange(round(0.48 * RATE_HZ)) / RATE_HZ)) / 32_768
    assert np.allclose(sound, wanted, atol=1e-7)
    asked = server.asked[0]
    assert (asked.voice.name, asked.voice.language_code) == ("en-GB-Neural2-B", "en-GB")
    audio = asked.audio_config
    assert (audio.audio_encoding.name, audio.sample_rate_hertz) == ("LINEAR16", RATE_HZ)
    assert (audio.speaking_rate, audio.pitch) == (0.0, 0.0), "unset"
    other = engine.say("hey chip", voice, Settings(1.25, 2.0))
    assert len(other) == pytest.approx(len(sound) / 1.25, abs=2)
    assert peak_hz(other) == pytest.approx(HZ * 2 ** (2 / 12), abs=3)
    assert server.asked[1].audio_config.pitch == 2.0
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("name", "semitones", "asked", "length"),
    [
        ("en-US-Chirp3-HD-Kore", 2.0, 1, 1.0),
        ("en-US-Studio-O", -2.0, 1, 1.0),
        ("en-US-Chirp-HD-D", 2.0, 1, 2 ** (-2 / 12)),
        ("en-US-Novel-Z", 2.0, 2, 1.0),
    ],
)
def test_voices_that_take_no_pitch_are_shifted(
    name: str, semitones: float, asked: int, length: float, server: Server
) -> None:
    """The pitch is right and the time, too, where the voice takes a speed; a kind that nobody knows is asked
    once, and from then on as it can be."""
    engine = google(server)
    voice = voice_of(engine, name)
    sound = engine.say("hey computer", voice, Settings(1.0, semitones))
    assert peak_hz(sound) == pytest.approx(HZ * 2 ** (semitones / 12), abs=3)
    assert len(sound) == pytest.approx(0.72 * RATE_HZ * length, rel=0.01)
    assert len(server.asked) == asked
    assert server.asked[-1].audio_config.pitch == 0.0
    engine.say("hey chip", voice, Settings(1.1, semitones))
    assert len(server.asked) == asked + 1


def test_one_refused_voice_costs_only_its_clips(server: Server, tmp_path: Path) -> None:
    """INVALID_ARGUMENT for a voice is the reason of its clips; all others are made."""
    no = Refusal(INVALID, "no such voice")
    server.fails = lambda request, _n: no if "Neural2" in request.voice.name else None
    engine = google(server, "en-us", "spend=1")
    takes = [Take(f"hey {n}", voice) for n in range(8) for voice in engine.voices()]
    spoken = list(speak_all(takes, [engine], jobs=1, cache=tmp_path))
    for take, sound, reason in spoken:
        if "Neural2" in take.voice.name:
            assert "no such voice" in reason
        else:
            assert sound is not None, reason
    assert sum("Neural2" in request.voice.name for request in server.asked) == 5, "then it is left alone"


@pytest.mark.parametrize("reply", [b"", b"<html>", b"RIFF\0\0\0\0WAVE"])
def test_a_reply_without_sound_is_a_reason(reply: bytes, server: Server, tmp_path: Path) -> None:
    """What is no wav is refused for that clip, and never kept."""
    server.reply = reply
    engine = google(server, "en-us", "spend=1")
    ((_, sound, reason),) = speak_all([Take("hey", engine.voices()[0])], [engine], jobs=1, cache=tmp_path)
    assert sound is None
    assert "gave" in reason
    assert not list(tmp_path.rglob("*.wav"))


def test_texts_that_google_does_not_take_are_not_sent(server: Server) -> None:
    """Phonemes of espeak-ng, more than 5000 bytes, speeds that nobody speaks: refused here; the rest is
    text, never markup."""
    engine = google(server)
    voice = voice_of(engine, "en-US-Standard-A")
    for text, settings in (("[[h'eI]]", Settings()), ("ü" * 2501, Settings()), ("hey", Settings(2.5))):
        with pytest.raises(UsageError, match="google"):
            engine.say(text, voice, settings)
    assert not server.asked
    engine.say("<speak>\0 & \ud800", voice, Settings())
    assert server.texts == ["<speak>\0 & ?"]
    assert server.asked[0].input.ssml == ""


def test_it_is_never_used_unless_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready to speak, it is passed over by default, and a list of all engines does not even ask it."""
    monkeypatch.setenv("HEYCHIP_GOOGLE_ENDPOINT", server.address)
    assert why_not(make_engine("google")) is None
    assert "google" not in [engine.name for engine in open_engines(None)]
    (row,) = [row for row in facts() if row["engine"] == "google"]
    assert "only when named: --engine google" in row["missing"]
    assert (server.lists, len(server.asked)) == (0, 0)
    (row,) = facts("--engine", "google")
    assert (row["missing"], len(row["voices"]), server.lists) == ("", 9, 1)
    (engine,) = open_engines(["google"])
    assert isinstance(engine, Costs)
    assert not any(isinstance(make_engine(name), Costs) for name in ENGINES if name != "google")


def facts(*words: str) -> list[dict[str, object]]:
    """What `voices list` has to say."""
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    return command.facts(parser.parse_args(["voices", "list", *words]))


def test_without_credentials_or_library_it_says_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login that is not there, a key file that is not there, a package that is not there."""
    assert "gcloud auth application-default login" in (why_not(make_engine("google")) or "")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    assert "key.json: no such file" in (why_not(make_engine("google")) or "")
    with pytest.raises(UsageError, match=r"key\.json: no such file"):
        open_engines(["google"])
    (tmp_path / "key.json").write_text("{}", "utf-8")
    assert why_not(make_engine("google")) is None
    monkeypatch.setattr(room, "_has_library", lambda: False)
    assert "pip install 'heychip[google]'" in (why_not(make_engine("google")) or "")


def test_the_engine_travels_to_workers(server: Server) -> None:
    """Pickled after it has spoken, it speaks; a connection does not travel."""
    engine = Google("en-us", server.address)
    voice = engine.voices()[0]
    said = engine.say("hey", voice, Settings())
    twin = pickle.loads(pickle.dumps(engine))  # noqa: S301  # our own bytes, as the pool makes them
    assert np.array_equal(twin.say("hey", voice, Settings()), said)


def test_lists_on_disk_are_whole_json(server: Server) -> None:
    """One file for an endpoint, with the day it was asked for."""
    google(server).voices()
    (file,) = room.default_folder().glob("voices-*.json")
    kept = json.loads(file.read_text("utf-8"))
    assert len(kept["voices"]) == len(LISTED)
    assert kept["date"] == room.datetime.date.today().isoformat()
