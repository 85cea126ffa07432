"""A person's recordings: what is taken, what is refused and in which words, and what is cut out of each."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.acoustics import Sound
from synth.decode import load_audio
from synth.own_recordings import distances, only_word, read_recordings, voiced_frames

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")


def hiss(seconds: float, level: float, seed: int = 0) -> Sound:
    """White noise [n] of a standard deviation of `level`."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    return (noise * level).astype(np.float32)


def said(folder: Path, text: str, take: int = 0, voice: str = "en-us+m3") -> Path:
    """A recording of espeak-ng in a quiet room: a pause, the text, a pause; each take at another speed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{text.replace(' ', '_')}-{take}.wav"
    speed, pitch = 158 + 5 * (take % 4), 46 + 2 * (take % 3)
    how = ["-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path)]
    subprocess.run(["espeak-ng", *how, text], check=True)
    word = load_audio(path)
    sound = np.concatenate([np.zeros(8_000, np.float32), word * 0.6, np.zeros(6_000, np.float32)])
    write_wav(path, sound + hiss(len(sound) / RATE_HZ, 3e-4, take), RATE_HZ)
    return path


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Three recordings of one word."""
    return [said(tmp_path, "marmalade", take) for take in range(3)]


@needs_espeak
def test_the_word_alone_is_cut_out(three: list[Path]) -> None:
    """Of a pause, the word and a pause the word remains, to a tenth of a second, whatever the room's hiss."""
    found = read_recordings(three)
    assert [one.path for one in found] == three
    for one in found:
        loud = np.flatnonzero(np.abs(one.whole) > 0.02)
        spoken_s = (loud[-1] - loud[0]) / RATE_HZ
        assert len(one.word) / RATE_HZ == pytest.approx(spoken_s, abs=0.15)
        assert len(one.word) < len(one.whole) - 10_000


@needs_espeak
def test_one_voice_is_nearer_to_itself_than_another_word(tmp_path: Path, three: list[Path]) -> None:
    """Takes of a word lie closer together than that word and another do."""
    words = [only_word(load_audio(path)) for path in [*three, said(tmp_path, "good evening")]]
    apart = distances(words)
    np.testing.assert_allclose(apart, apart.T, atol=1e-6)
    assert apart[:3, :3].max() < apart[3, :3].min()


def silent(folder: Path) -> Path:
    write_wav(folder / "bad.wav", np.zeros(RATE_HZ, np.float32), RATE_HZ)
    return folder / "bad.wav"


def hissing(folder: Path) -> Path:
    write_wav(folder / "bad.wav", hiss(1.5, 0.05), RATE_HZ)
    return folder / "bad.wav"


def clipped(folder: Path) -> Path:
    sound = load_audio(said(folder, "marmalade", 3))
    write_wav(folder / "bad.wav", np.clip(sound * 40, -1, 1), RATE_HZ)
    return folder / "bad.wav"


def puffed(folder: Path) -> Path:
    """Half a second of loud noise in a quiet room: a sound, but no voice."""
    write_wav(folder / "bad.wav", np.concatenate([hiss(0.5, 1e-3), hiss(0.5, 0.1), hiss(0.5, 1e-3)]), RATE_HZ)
    return folder / "bad.wav"


def twice(folder: Path) -> Path:
    shutil.copy(folder / "marmalade-0.wav", folder / "bad.wav")
    return folder / "bad.wav"


def another_word(folder: Path) -> Path:
    return said(folder, "good evening everybody").rename(folder / "bad.wav")


def text(folder: Path) -> Path:
    (folder / "bad.wav").write_text("this is no sound")
    return folder / "bad.wav"


def missing(folder: Path) -> Path:
    return folder / "bad.wav"


BAD: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "silence": (silent, "silence", "microphone"),
    "a hissing room": (hissing, "no word", "closer"),
    "clipped": (clipped, "clipped", "less gain"),
    "no voice": (puffed, "no voice", "whisper"),
    "the same file again": (twice, "the same recording as", "say it again"),
    "another word": (another_word, "sounds like another word", "leave it out"),
    "a text": (text, "bad.wav", "("),
    "nothing": (missing, "bad.wav", "("),
}


@needs_espeak
@pytest.mark.parametrize("what", BAD)
def test_a_bad_recording_is_refused(what: str, tmp_path: Path, three: list[Path]) -> None:
    """The message names the file, what is wrong with it and what to do; the good ones are not named."""
    make, problem, remedy = BAD[what]
    with pytest.raises(UsageError) as refused:
        read_recordings([*three, make(tmp_path)])
    message = str(refused.value)
    assert refused.value.exit_code == 2
    assert "bad.wav" in message and problem in message and remedy in message
    assert "marmalade-1" not in message


@needs_espeak
def test_all_bad_recordings_are_told_of_at_once(tmp_path: Path, three: list[Path]) -> None:
    """Two bad ones are two lines of one message."""
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match=r"2 problems with the recordings\n  - .*bad.*\n  - .*bad"):
        read_recordings([*three, silent(tmp_path), hissing(other)])


@needs_espeak
def test_force_takes_what_is_doubtful(tmp_path: Path, three: list[Path]) -> None:
    """With `force` a clipped one and another word are taken; silence is not."""
    doubtful = clipped(tmp_path).rename(tmp_path / "loud.wav")
    assert len(read_recordings([*three, doubtful, another_word(tmp_path)], force=True)) == 5
    with pytest.raises(UsageError, match="silence"):
        read_recordings([*three, silent(tmp_path)], force=True)


def test_fewer_than_three_are_too_few(tmp_path: Path) -> None:
    """Two are refused before any is read."""
    with pytest.raises(UsageError, match=r"2 recordings are too few: say the word 3 times"):
        read_recordings([tmp_path / "a.wav", tmp_path / "b.wav"])


def test_only_a_voice_repeats_itself() -> None:
    """A buzz of 120 Hz has voiced frames all along, hiss has none, and silence and a click do no harm."""
    buzz = np.sign(np.sin(2 * np.pi * 120 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    assert voiced_frames(buzz) > 80
    assert voiced_frames(hiss(1.0, 0.1)) < 4
    assert voiced_frames(np.zeros(100, np.float32)) == 0
    assert voiced_frames(np.zeros(RATE_HZ, np.float32)) == 0


@pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.zeros(9_000, np.float32), hiss(1.0, 0.01)])
def test_there_may_be_no_word(sound: Sound) -> None:
    """Nothing, silence and a steady room hold none."""
    assert len(only_word(sound)) == 0
