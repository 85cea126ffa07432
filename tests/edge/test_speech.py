"""Speech: real espeak-ng where it is installed, stand-in programs for all that goes wrong with programs."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.config import SpeechConfig
from edge.errors import DeviceError
from edge.events import Chunk, Said
from edge.speech import MAX_CHARS, SpeechError, clean, open_speech
from edge.speech import wav_file as wav_file_room
from edge.speech.aloud import Aloud, alsa_plays, find_player
from edge.speech.espeak import Voice
from edge.speech.silent import Silent
from edge.speech.sound import Sound, from_pipe
from edge.speech.wav_file import WavFile
from edge.wav import read_wav, write_wav

real = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")

NASTY = [
    "quotes \" ' ` and a backslash \\",
    "$(touch gone) `touch gone`; touch gone | touch gone & touch gone",
    "--help -w gone.wav",
    "<speak>&amp;</speak>",
    "%s %n {0} {label}",
    "two\nlines\tand a bell\a",
    "a robot 🤖 says Grüße, 你好",
    "a" * 10_000,
    "word " * 2_000,
]


def program(folder: Path, name: str, code: str) -> Path:
    """A program on the PATH: Python code, with `tone` to write a wav file as espeak-ng would."""
    path = folder / name
    head = f"#!{sys.executable}\nimport os, struct, sys, time\n"
    tone = (
        "def tone():\n    out = sys.stdout.buffer\n"
        "    out.write(b'RIFF' + struct.pack('<I', 0x7fff0024) + b'WAVEfmt ')\n"
        "    out.write(struct.pack('<IHHIIHH', 16, 1, 1, 22050, 44100, 2, 16))\n"
        "    out.write(b'data' + struct.pack('<I', 0x7fff0000) + bytes(4410))\n"
    )
    path.write_text(head + tone + code)
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, and no sound server."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    return folder


@real
@pytest.mark.parametrize("text", NASTY)
def test_f2_any_text_is_spoken_and_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Quotes, shell syntax, options, markup, emoji and 10 kB: a whole wav file, and no other file."""
    monkeypatch.chdir(tmp_path)
    speech = open_speech(SpeechConfig(backend="wav", folder="said"))
    said = speech.say(text)
    with wave.open(said.file) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getnframes() / file.getframerate() == pytest.approx(said.duration_s, abs=1e-3)
        assert any(file.readframes(file.getnframes()))
    assert len(said.text) <= MAX_CHARS
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["0001.wav", "said"]


@real
def test_wav_files_are_numbered_on(tmp_path: Path) -> None:
    """A second run goes on after the last number; no temporary file stays."""
    config = SpeechConfig(backend="wav", folder=str(tmp_path))
    assert [Path(open_speech(config).say("hi").file).name for _ in range(2)] == ["0001.wav", "0002.wav"]
    (tmp_path / "0041.wav").touch()
    assert Path(open_speech(config).say("hi").file).name == "0042.wav"
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".wav"]


@real
def test_a_full_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A robot without a speaker does not fill the card."""
    monkeypatch.setattr(wav_file_room, "MOST_FILES", 1)
    speech = WavFile(Voice(SpeechConfig()), tmp_path)
    speech.say("hi")
    with pytest.raises(SpeechError, match="move them away"):
        speech.say("hi")


@real
def test_unknown_voice_and_unspeakable_text(tmp_path: Path) -> None:
    """A voice that espeak-ng does not know is found when speech is opened; an empty line is no sound."""
    with pytest.raises(SpeechError, match="voice"):
        open_speech(SpeechConfig(backend="wav", folder=str(tmp_path), voice="qqq"))
    with pytest.raises(SpeechError, match="nothing can be spoken"):
        Voice(SpeechConfig()).sound(" \n ")


@real
def test_settings_change_the_sound() -> None:
    """Speed and pitch arrive at espeak-ng."""
    slow, fast = (Voice(SpeechConfig(speed_wpm=s)).sound("hello robot").duration_s for s in (80, 300))
    assert slow > 1.5 * fast
    low, high = (Voice(SpeechConfig(pitch=p)).sound("hello robot").pcm for p in (0, 99))
    assert low != high


def test_clean() -> None:
    """One line, no control characters, cut at a word, never longer than 500 characters."""
    assert clean(" a\n\n b\x00c\x1b[31m ") == "a b c [31m"
    assert clean("word " * 200) == ("word " * 100).strip()
    assert clean("a" * 600) == "a" * MAX_CHARS


def test_from_pipe() -> None:
    """The header of a pipe lies about the length; the bytes that came count, whole samples only."""
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 22050, 44100, 2, 16)
    sound = from_pipe(head + b"LIST\x02\x00\x00\x00ab" + b"data\x00\xf0\xff\x7f" + b"\x01\x00\x02\x00\x03")
    assert sound == Sound(b"\x01\x00\x02\x00", 22050)
    assert from_pipe(sound.wav()) == sound
    assert from_pipe(sound.padded(1.0).wav()).duration_s == pytest.approx(1.0, abs=1e-3)
    for wrong in (b"", b"Error", head, head.replace(b"\x01\x00\x01\x00", b"\x03\x00\x02\x00", 1)):
        with pytest.raises(SpeechError):
            from_pipe(wrong)


def test_f1_missing(bin_folder: Path) -> None:
    """Without espeak-ng the error is a DeviceError that says how to get it."""
    with pytest.raises(DeviceError, match="apt-get install espeak-ng"):
        open_speech(SpeechConfig(backend="espeak"))
    with pytest.raises(DeviceError, match="apt-get install espeak-ng"):
        open_speech(SpeechConfig(backend="wav", folder="x"))


def test_f1_exit_code(bin_folder: Path) -> None:
    """A program that fails is told with its own last words."""
    program(bin_folder, "espeak-ng", "print('no data path', file=sys.stderr)\nsys.exit(1)")
    with pytest.raises(SpeechError, match="no data path"):
        Voice(SpeechConfig())


def test_f1_killed(bin_folder: Path) -> None:
    """A program that dies by a signal is an error, not silence."""
    program(bin_folder, "espeak-ng", "os.kill(os.getpid(), 9)")
    with pytest.raises(SpeechError, match="-9"):
        Voice(SpeechConfig())


def test_f1_hangs_and_forks(bin_folder: Path, tmp_path: Path) -> None:
    """A player that hangs with a child is killed with it when the time is over, and the next line goes on."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    hang = (
        f"if os.path.exists({str(tmp_path / 'well')!r}): sys.exit(0)\n"
        f"if os.fork() == 0: open({str(tmp_path / 'child')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    player = program(bin_folder, "aplay", hang)
    speech = Aloud(Voice(SpeechConfig(), timeout_s=3.0), [str(player), "-"])
    with pytest.raises(SpeechError, match="killed after"):
        speech.say("hello")
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not alive(child):
            break
        time.sleep(0.05)
    assert not alive(child)
    (tmp_path / "well").touch()
    assert speech.say("hello").duration_s == pytest.approx(0.1)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_close_ends_a_line(bin_folder: Path) -> None:
    """close() from another thread ends say() at once, and nothing is spoken after it."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    player = program(bin_folder, "aplay", "time.sleep(600)")
    speech = Aloud(Voice(SpeechConfig()), [str(player)])
    failed: list[SpeechError] = []

    def say() -> None:
        try:
            speech.say("hello")
        except SpeechError as error:
            failed.append(error)

    thread = threading.Thread(target=say)
    thread.start()
    time.sleep(0.5)
    speech.close()
    thread.join(8)
    assert not thread.is_alive()
    assert failed
    with pytest.raises(SpeechError, match="closed"):
        speech.say("again")


def test_a_player_gets_a_whole_wav_file(bin_folder: Path, tmp_path: Path) -> None:
    """What the player reads from its standard input has a true length, after the preroll; it may seek in it;
    the service manager's socket is not its business."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    keep = (
        "data = os.read(0, 10**6)\nos.lseek(0, 0, 0)\n"
        f"open({str(tmp_path / 'played.wav')!r}, 'wb').write(data)\nsys.exit('NOTIFY_SOCKET' in os.environ)"
    )
    player = program(bin_folder, "aplay", keep)
    os.environ["NOTIFY_SOCKET"] = "@test"
    try:
        said = Aloud(Voice(SpeechConfig()), [str(player)], preroll_s=0.3).say("hello")
    finally:
        del os.environ["NOTIFY_SOCKET"]
    with wave.open(str(tmp_path / "played.wav")) as file:
        assert file.getnframes() == round(0.4 * 22050)
    assert said.duration_s == pytest.approx(0.4)


def test_long_lines_end_in_time(bin_folder: Path, tmp_path: Path) -> None:
    """A line that would sound longer than say() may block is cut, not killed."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\n[tone() if not i else None for i in (0,)]")
    text = (bin_folder / "espeak-ng").read_text().replace("bytes(4410)", "bytes(44100 * 60)")
    (bin_folder / "espeak-ng").write_text(text)
    player = program(bin_folder, "aplay", "sys.stdin.buffer.read()")
    said = Aloud(Voice(SpeechConfig(), timeout_s=5.0), [str(player)]).say("a long story")
    assert 0 < said.duration_s < 5.0


def test_auto_falls_back_and_says_why(bin_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """auto: the speaker, else a folder, else silence; each step down is logged with its reason."""
    assert open_speech(SpeechConfig()).how == "silent"
    reasons = "\n".join(caplog.messages)
    assert "espeak-ng is not installed" in reasons
    assert "speech.folder names no folder" in reasons
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    caplog.clear()
    assert open_speech(SpeechConfig(folder="lines")).how == "wav"
    assert "no player" in caplog.text


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ((), ["aplay", "-q", "-"]),
        (("pulse/native",), ["paplay"]),
        (("pulse/native", "pipewire-0"), ["pw-play", "/dev/stdin"]),
    ],
)
def test_players(
    bin_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    servers: tuple[str, ...],
    expected: list[str],
) -> None:
    """The player is that of the sound server that runs for this user, else ALSA's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in ("aplay", "paplay", "pw-play"):
        program(bin_folder, name, "")
    for name in servers:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_player(need_device=False) == expected


def test_players_need_a_device(bin_folder: Path, tmp_path: Path) -> None:
    """ALSA's table of devices decides whether anything can sound; one that is missing means no."""
    table = tmp_path / "pcm"
    assert not alsa_plays(table)
    table.write_text("00-00: USB Audio : USB Audio : capture 1\n")
    assert not alsa_plays(table)
    table.write_text("00-00: bcm2835 : bcm2835 : playback 8\n")
    assert alsa_plays(table)
    with pytest.raises(SpeechError, match="aplay is not installed"):
        find_player(need_device=False)


def test_silent() -> None:
    """Silence takes as long as the words would, at the configured speed."""
    assert Silent(120).say("one two three four").duration_s == pytest.approx(2.0)


def test_f4_no_loudspeaker(bin_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A player that finds no device costs the lines, each with its reason in the log; what is heard is
    counted on, and the gate is open again after each."""
    from daemon_rig import Run

    from edge.fakes import FakeListener, FakeMicrophone, silence

    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    complaint = "print('audio open error: No such file', file=sys.stderr)\nsys.exit(1)"
    player = program(bin_folder, "aplay", complaint)
    speech = Aloud(Voice(SpeechConfig()), [str(player)])

    def pieces() -> Iterator[Chunk]:
        yield from [silence(0.08)] * 13
        until_s = time.monotonic() + 10
        while "audio open error" not in caplog.text and time.monotonic() < until_s:
            time.sleep(0.02)  # a recording is read faster than a program starts
        yield from [silence(0.08)] * 362

    run = Run(lambda: FakeMicrophone(pieces()), listener=FakeListener([1.04, 20.0]), speech=speech)
    assert run.go() == 0
    assert len(run.times("heard")) + len(run.times("gated")) == 2
    assert run.times("heard")[0] == 1.04
    assert run.times("said") == []
    assert "audio open error" in caplog.text


def keeping(folder: Path) -> list[str]:
    """A player that keeps what it was given."""
    code = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    return [sys.executable, "-c", code, str(folder / "played.wav")]


@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_recordings_are_played_as_they_are(bin_folder: Path, tmp_path: Path, rate_hz: int) -> None:
    """Every sample at its own rate, none of them changed, two channels made one; before that, what is about
    to sound is shown to whoever listens."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    samples = (np.arange(-400, 400, dtype=np.float32) * 40) / 32_768
    write_wav(tmp_path / "mono.wav", samples, rate_hz)
    write_wav(tmp_path / "two.wav", np.stack([samples, -samples], 1), rate_hz)
    speech, shown = Aloud(Voice(SpeechConfig()), keeping(tmp_path)), []
    speech.before = lambda sound, rate: shown.append((len(sound), rate))
    said = speech.play(str(tmp_path / "mono.wav"))
    assert said == Said("@mono.wav", "espeak", round(800 / rate_hz, 3))
    played = read_wav(tmp_path / "played.wav")
    assert played.rate_hz == rate_hz
    assert np.array_equal(played.samples[:, 0], samples)
    speech.play(str(tmp_path / "two.wav"))
    assert not read_wav(tmp_path / "played.wav").samples.any()
    assert shown == [(800, rate_hz)] * 2


@real
def test_recordings_without_a_loudspeaker(tmp_path: Path) -> None:
    """The wav backend keeps a copy under its next number, the silent one takes as long as it would sound."""
    write_wav(tmp_path / "hi.wav", np.full(1_600, 0.25, np.float32), 16_000)
    into_files = open_speech(SpeechConfig(backend="wav", folder=str(tmp_path / "said")))
    said = into_files.play(str(tmp_path / "hi.wav"))
    assert (said.text, said.duration_s, Path(said.file).name) == ("@hi.wav", 0.1, "0001.wav")
    assert np.array_equal(read_wav(said.file).samples, read_wav(tmp_path / "hi.wav").samples)
    assert Silent().play(str(tmp_path / "hi.wav")) == Said("@hi.wav", "silent", 0.1)


def test_f1_a_recording_that_is_gone(bin_folder: Path, tmp_path: Path) -> None:
    """F1: a recording that was taken away, or spoilt, while the daemon ran is told, and the next line goes
    on; a long one ends in time."""
    program(bin_folder, "espeak-ng", "sys.stdin.read()\ntone()")
    speech = Aloud(Voice(SpeechConfig(), timeout_s=5.0), keeping(tmp_path))
    (tmp_path / "text.wav").write_text("text")
    for name in ("gone.wav", "text.wav"):
        with pytest.raises(SpeechError, match=name):
            speech.play(str(tmp_path / name))
    assert speech.say("hello").duration_s == pytest.approx(0.1)
    write_wav(tmp_path / "long.wav", np.zeros(8_000 * 60, np.float32), 8_000)
    assert 0 < speech.play(str(tmp_path / "long.wav")).duration_s < 5.0
