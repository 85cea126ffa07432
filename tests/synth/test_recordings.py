"""Recordings to measure with: every file once, whatever it is, and each with whoever speaks in it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tones import silence, tone

from edge.errors import UsageError, WavError
from edge.events import RATE_HZ
from edge.wav import write_wav
from synth.recordings import above, audio_files, end_of_speech, read_mono, voices


def touch(root: Path, *names: str) -> list[Path]:
    """Empty files below `root`."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return [root / name for name in names]


def test_files_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """Of every sub-folder, by suffix in any case; links are followed, but for one that leads back."""
    touch(tmp_path, "b/2.wav", "b/1.FLAC", "a.ogg", "notes.txt", "b.wav", "c/x.wav")
    (tmp_path / "linked").symlink_to(tmp_path / "c")
    (tmp_path / "c" / "back").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in audio_files(tmp_path)]
    assert found == sorted(found, key=lambda name: Path(name).parts)
    assert found == ["a.ogg", "b/1.FLAC", "b/2.wav", "b.wav", "c/x.wav", "linked/x.wav"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Neither an empty result nor a traceback."""
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        audio_files(tmp_path / "nowhere")


@pytest.mark.parametrize("without", [False, True])
def test_channels_are_averaged_and_rates_are_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: bool
) -> None:
    """Two channels at 44.1 kHz become their mean at 16 kHz, with libsndfile and without it."""
    if without:
        monkeypatch.setitem(sys.modules, "soundfile", None)
    left, right = tone(1.0, 44_100, 500.0), tone(1.0, 44_100, 900.0)
    write_wav(tmp_path / "x.wav", np.stack([left, right], axis=1), 44_100)
    found = read_mono(tmp_path / "x.wav")
    wanted = (tone(1.0, RATE_HZ, 500.0) + tone(1.0, RATE_HZ, 900.0)) / 2
    assert found.dtype == np.float32
    assert len(found) == RATE_HZ
    assert np.abs(found - wanted)[400:-400].max() < 2e-3


def test_a_compressed_file_is_the_same_without_libsndfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLAC loses nothing, so both readers give the same samples."""
    soundfile = pytest.importorskip("soundfile")
    sound = np.round(tone(0.5) * 32768) / 32768
    soundfile.write(tmp_path / "x.flac", np.stack([sound, -sound / 2], axis=1), RATE_HZ)
    first = read_mono(tmp_path / "x.flac")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert np.array_equal(first, read_mono(tmp_path / "x.flac"))
    assert np.abs(first - sound / 4).max() < 1e-4


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3", "x.g722"])
@pytest.mark.parametrize("data", [b"", b"no sound at all", b"RIFF\xff\xff\xff\xffWAVEfmt "])
def test_what_cannot_be_read_is_a_wav_error(tmp_path: Path, name: str, data: bytes) -> None:
    """Whatever stands in a file, it is named with a reason; headerless G.722 takes any bytes for sound."""
    (tmp_path / name).write_bytes(data)
    if name == "x.g722" and data:
        assert np.isfinite(read_mono(tmp_path / name)).all()
        return
    with pytest.raises(WavError, match=name):
        read_mono(tmp_path / name)


def test_the_end_of_speech_is_where_it_falls_silent() -> None:
    """To 10 ms, in a quiet room; in a loud one it is the end of the recording."""
    call = np.concatenate([silence(0.3), tone(0.5), silence(0.4)])
    assert end_of_speech(call) == pytest.approx(0.8 * RATE_HZ, abs=RATE_HZ // 100)
    assert end_of_speech(call + 0.1 * tone(1.2, hertz=300.0)) == len(call)
    assert end_of_speech(call[:100]) == 100


GROUPED = {
    "folders": (["women/anna/1.wav", "men/1.wav"], ["women/anna", "men"]),
    "names with numbers": (
        ["anna-01.wav", "anna-02.wav", "ben_1.wav", "ben_2.wav", "ben_take3.wav"],
        ["anna", "anna", "ben", "ben", "ben"],
    ),
    "speakers by number": (["speaker_1.wav", "speaker_2.wav"], ["speaker_1", "speaker_2"]),
    "speakers with takes": (["spk3-hello-1.wav", "spk4-hello-1.wav"], ["spk3", "spk4"]),
    "names in a folder": (
        ["uk/a-1.wav", "uk/a-2.wav", "uk/b-1.wav", "uk/b-2.wav"],
        ["uk/a", "uk/a", "uk/b", "uk/b"],
    ),
    "one word, many takes": (["alexa-001.wav", "alexa-002.wav"], ["calls", "calls"]),
    "numbers only": (["000.flac", "001.flac"], ["calls", "calls"]),
    "every name another": (["x7f.wav", "b2-1.wav", "c9-4.wav", "q-5.wav"], ["calls"] * 4),
}  # fmt: skip


@pytest.mark.parametrize("what", GROUPED)
def test_voices_are_told_by_folders_and_names(tmp_path: Path, what: str) -> None:
    """Folders and names tell people apart where they can; where they cannot, all are one voice."""
    names, wanted = GROUPED[what]
    root = tmp_path / "calls"
    assert voices(touch(root, *names), root) == wanted


def test_a_voice_belongs_to_the_groups_above_it() -> None:
    """A folder of women holds Anna's."""
    assert above("women/anna") == ["women", "women/anna"]
