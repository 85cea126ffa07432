"""The fault table of recordings, A1 to A16, and what is true of every good one."""

from __future__ import annotations

import os
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import wavfile

from edge.errors import UsageError, WavError
from edge.wav import open_wav, read_wav, write_wav
from synth.ingest import ingest, load_audio, resolve_inside

FOUR = np.array([0, 16384, -32768, 32767], "<i2")  # 8 bytes of samples for the small files
EXTENSION = bytes.fromhex("000000001000800000aa00389b71")
TONE = (0.3 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000)).astype(np.float32)


def wav(data: bytes = FOUR.tobytes(), claimed: int | None = None, before: bytes = b"", **form: Any) -> bytes:
    """A wav file; `claimed` is the size in its data chunk, `form` overrides fields of its fmt chunk."""
    channels, rate, bits = form.get("channels", 1), form.get("rate", 16_000), form.get("bits", 16)
    block = form.get("block", channels * bits // 8)
    byte_rate = form.get("byte_rate", rate * block) & 0xFFFFFFFF
    head = struct.pack("<HHIIHH", form.get("tag", 1), channels, rate, byte_rate, block, bits) + form.get(
        "more", b""
    )
    size = struct.pack("<I", len(data) if claimed is None else claimed)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + before + b"data" + size + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extensible(tag: int) -> bytes:
    """What follows the fmt chunk of a WAVE_EXTENSIBLE file."""
    return struct.pack("<HHIH", 22, 16, 4, tag) + EXTENSION


def float_wav(values: list[float], bits: int = 32) -> bytes:
    """A wav file of floats."""
    return wav(np.array(values, f"<f{bits // 8}").tobytes(), tag=3, bits=bits)


@dataclass(frozen=True)
class Row:
    """One fault: the bytes of a file called clip.wav, and what read_wav must make of it."""

    id: str
    data: bytes
    says: tuple[str, ...] = ()
    """words of the refusal, or of the warnings where something is kept"""
    kept: tuple[float, ...] | None = None
    """the samples of channel 0 that must remain, or None: refused"""


CONVERTED = "ffmpeg -i"
TABLE = [
    Row("A1 empty", b"", ("not a wav: 0 bytes", "record or download")),
    Row("A1 three bytes", b"RIF", ("not a wav: 3 bytes", "record or download")),
    Row("A2 text", b"hello, this is no sound at all\n", ("b'hello, t'", "text", CONVERTED)),
    Row("A2 mp3 with a tag", b"ID3\x04" + bytes(60), ("b'ID3", "mp3", CONVERTED)),
    Row("A2 mp3", b"\xff\xfb\x90\x64" + bytes(60), ("xff", "mp3", CONVERTED)),
    Row("A2 ogg", b"OggS" + bytes(60), ("b'OggS", "ogg", CONVERTED)),
    Row("A2 flac", b"fLaC" + bytes(60), ("b'fLaC", "flac", CONVERTED)),
    Row("A2 avi", b"RIFF\0\0\0\0AVI LIST", ("'AVI '", CONVERTED)),
    Row("A3 header only", wav(b""), ("no samples", "record or download")),
    Row(
        "A3 header and a list",
        wav(b"", claimed=0) + b"LIST\4\0\0\0INFO",
        ("no samples", "record or download"),
    ),
    Row("A4 truncated", wav(claimed=3200), ("3200 bytes of samples expected, got 8", "--salvage")),
    Row("A5 size 4 GiB", wav(claimed=0xFFFFFFFF), ("does not know its length",), (0, 0.5, -1, 32767 / 32768)),
    Row(
        "A5 size of espeak",
        wav(claimed=0x7FFFF000),
        ("does not know its length",),
        (0, 0.5, -1, 32767 / 32768),
    ),
    Row("A5 size 0", wav(claimed=0), ("does not know its length",), (0, 0.5, -1, 32767 / 32768)),
    Row("A6 odd", wav(FOUR.tobytes() + b"\7"), ("last 1 bytes", "dropped"), (0, 0.5, -1, 32767 / 32768)),
    Row("A7 rate 0", wav(rate=0), ("rate 0 Hz", "8000-192000", CONVERTED)),
    Row("A7 rate 4 GHz", wav(rate=4_000_000_000), ("rate 4000000000 Hz", "8000-192000", CONVERTED)),
    Row("A7 rate 4 kHz", wav(rate=4_000), ("rate 4000 Hz", "8000-192000", CONVERTED)),
    Row("A8 no channel", wav(channels=0), ("0 channels, not 1 to 8", CONVERTED)),
    Row("A8 65535 channels", wav(channels=65535, block=2), ("65535 channels, not 1 to 8", CONVERTED)),
    Row("A9 block align", wav(block=7), ("contradicts itself", "block align 7", CONVERTED)),
    Row("A9 byte rate", wav(byte_rate=5), ("contradicts itself", "5 bytes/s", CONVERTED)),
    Row("A10 8 bit", wav(bytes([0, 128, 255, 192]), bits=8), (), (-1, 0, 127 / 128, 0.5)),
    Row("A10 16 bit", wav(), (), (0, 0.5, -1, 32767 / 32768)),
    Row("A10 24 bit", wav(b"\0\0\x80\xff\xff\x7f\1\0\0", bits=24), (), (-1, 1 - 2**-23, 2**-23)),
    Row("A10 32 bit", wav(struct.pack("<3i", -(2**31), 2**30, 256), bits=32), (), (-1, 0.5, 2**-23)),
    Row("A10 float", float_wav([-1.0, 0.25, 1.0]), (), (-1, 0.25, 1)),
    Row("A10 double", float_wav([-1.0, 0.25, 1.0], 64), (), (-1, 0.25, 1)),
    Row("A11 NaN", float_wav([0.0, np.nan]), ("1 samples are NaN or infinite", "export it again")),
    Row("A11 infinity", float_wav([0.0, -np.inf], 64), ("1 samples are NaN or infinite", "export it again")),
    Row(
        "A11 beyond", float_wav([0.5, 1.5, -7.0]), ("2 samples beyond full scale", "less gain"), (0.5, 1, -1)
    ),
    Row("A12 mu-law", wav(tag=7, bits=8), ("codec mu-law", CONVERTED)),
    Row("A12 ADPCM", wav(tag=2, bits=4), ("codec Microsoft ADPCM", CONVERTED)),
    Row("A12 IMA", wav(tag=0x11, bits=4), ("codec IMA ADPCM", CONVERTED)),
    Row("A12 unheard of", wav(tag=0x4242), ("codec 0x4242", CONVERTED)),
    Row("A12 12 bit", wav(bits=12, block=2), ("codec 12-bit PCM", CONVERTED)),
    Row("A12 extensible", wav(tag=0xFFFE, more=extensible(1)), (), (0, 0.5, -1, 32767 / 32768)),
    Row("A12 extensible mu-law", wav(tag=0xFFFE, bits=8, more=extensible(7)), ("codec mu-law", CONVERTED)),
    Row("A12 extensible, alien", wav(tag=0xFFFE, more=bytes(24)), ("WAVE_EXTENSIBLE 0000", CONVERTED)),
    Row("A12 RIFX", b"RIFX" + wav()[4:], ("big-endian wav (RIFX)", CONVERTED)),
    Row(
        "A13 LIST of 4 GB",
        wav(before=b"LIST\xff\xff\xff\xff"),
        ("'LIST' claims 4294967295", "record or download"),
    ),
    Row("A13 no data", wav()[:36], ("no data chunk", "record or download")),
    Row("A13 no fmt", b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", ("0 bytes of fmt chunk", "record or download")),
    Row(
        "A13 chunks for ever", wav(before=b"JUNK\0\0\0\0" * 5000), ("first 1000 chunks", "record or download")
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_table(row: Row, tmp_path: Path) -> None:
    """Each fault is refused with what, where and the remedy, or kept exactly, in next to no memory."""
    path = tmp_path / "clip.wav"
    path.write_bytes(row.data)
    warnings: list[str] = []
    tracemalloc.start()
    try:
        if row.kept is None:
            with pytest.raises(WavError) as refused:
                read_wav(path, warn=warnings.append)
        else:
            kept = read_wav(path, warn=warnings.append).samples[:, 0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    if row.kept is None:
        messages = [str(refused.value)]
        assert refused.value.remedy
        assert refused.value.exit_code == 2
    else:
        messages = warnings
        np.testing.assert_array_equal(kept, np.array(row.kept, np.float32))
    assert all(str(path) in message for message in messages)
    assert len(messages) == (1 if row.says else 0)
    assert all(word in messages[0] for word in row.says)


@pytest.mark.parametrize("row", [row for row in TABLE if row.kept is None], ids=lambda row: row.id)
def test_table_never_ends_a_run(row: Row, tmp_path: Path) -> None:
    """A folder with a faulty recording still gives its good one, and the fault is counted."""
    (tmp_path / "clip.wav").write_bytes(row.data)
    write_wav(tmp_path / "good.wav", TONE, 16_000)
    clips, rejected = ingest(tmp_path)
    assert [clip.path.name for clip in clips] == ["good.wav"]
    assert (rejected.total, dict(rejected.counts)) == (1, {"unreadable": 1})
    assert row.says[0] in str(rejected)


def rule(sound: NDArray[np.float32]) -> Callable[[Path], None]:
    """A folder whose clip.wav holds this."""
    return lambda folder: write_wav(folder / "clip.wav", sound, 16_000)


def harmonics(rate_hz: int, top_hz: int = 7_000) -> NDArray[np.float32]:
    """Two seconds that are built as a voice is: 120 Hz and its harmonics up to `top_hz`."""
    time_s = np.arange(2 * rate_hz) / rate_hz
    partials = [np.sin(2 * np.pi * hz * time_s) / np.sqrt(hz) for hz in range(120, top_hz, 120)]
    return (0.2 * np.sum(partials, axis=0)).astype(np.float32)


def link_out(folder: Path) -> None:
    """A link to a recording outside."""
    write_wav(folder.parent / "outside.wav", TONE / 2, 16_000)
    (folder / "clip.wav").symlink_to(folder.parent / "outside.wav")


def dead_link(folder: Path) -> None:
    """A link to nowhere."""
    (folder / "clip.wav").symlink_to(folder / "nowhere.wav")


def fifo(folder: Path) -> None:
    """A pipe, which whoever opens it waits for."""
    os.mkfifo(folder / "clip.wav")


def named(name: bytes) -> Callable[[Path], None]:
    """A good recording under an unusual name."""
    return lambda folder: write_wav(folder / os.fsdecode(name), TONE / 2, 16_000)


@dataclass(frozen=True)
class FolderRow:
    """One fault of a folder that also holds good.wav: how many clips it gives, and what is counted."""

    id: str
    build: Callable[[Path], None]
    kept: int
    says: tuple[str, ...] = ()


FOLDER_TABLE = [
    FolderRow("A14 silence", rule(np.zeros(16_000, np.float32)), 1, ("silence", "-200 dB, under -60 dB")),
    FolderRow("A14 nearly silence", rule(TONE / 900), 1, ("silence", "under -60 dB")),
    FolderRow("A14 constant", rule(np.full(16_000, 0.5, np.float32)), 1, ("DC offset", "+0.500")),
    FolderRow("A14 offset", rule(TONE + np.float32(0.3)), 1, ("DC offset", "+0.300")),
    FolderRow(
        "A14 clipped", rule(np.clip(9 * TONE, -1, 1)), 1, ("clipped", "% of its samples at full scale")
    ),
    FolderRow("A14 too short", rule(TONE[:1_600]), 1, ("too short", "0.10 s, under 0.2 s")),
    FolderRow("A14 too long", rule(np.tile(TONE, 31)), 1, ("too long", "over 30 s")),
    FolderRow("A16 link out", link_out, 1, ("link out of the folder", "outside.wav")),
    FolderRow("A16 dead link", dead_link, 1, ("dead link",)),
    FolderRow("A16 pipe", fifo, 1, ("not a file",)),
    FolderRow("A16 not UTF-8", named(b"caf\xe9.wav"), 2),
    FolderRow("A16 newline", named(b"a\nb.wav"), 2),
    FolderRow("A16 255 characters", named(b"x" * 251 + b".wav"), 2),
    FolderRow("A16 copy", rule(TONE), 1, ("duplicate", "the same as")),
]


@pytest.mark.parametrize("row", FOLDER_TABLE, ids=lambda row: row.id)
def test_folder_table(row: FolderRow, tmp_path: Path) -> None:
    """Clips that teach nothing and files that are not what they seem are counted, with the number."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write_wav(folder / "good.wav", TONE, 16_000)
    row.build(folder)
    clips, rejected = ingest(folder)
    assert len(clips) == row.kept
    assert rejected.total == (1 if row.says else 0)
    assert all(word in str(rejected) for word in row.says)
    assert all(clip.sha256.isalnum() and len(clip.sha256) == 64 for clip in clips)
    assert str(rejected).isascii()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "a\0b", "", ".", "link/x"])
def test_a16_names_out_of_archives_stay_inside(name: str, tmp_path: Path) -> None:
    """A name that leaves its folder, by dots, by its root or through a link, is refused."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match=r"leaves|no usable name"):
        resolve_inside(folder, name)
    assert resolve_inside(folder, "a/b.wav") == (folder / "a/b.wav").resolve()


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a15_other_rates_are_resampled_through_a_filter(rate_hz: int, tmp_path: Path) -> None:
    """Of 1 kHz and 10 kHz at 44.1 or 48 kHz only the former is left: nothing folds back to 6 kHz."""
    time_s = np.arange(rate_hz) / rate_hz
    tones = 0.3 * np.sin(2 * np.pi * 1_000 * time_s) + 0.3 * np.sin(2 * np.pi * 10_000 * time_s)
    write_wav(tmp_path / "two.wav", tones.astype(np.float32), rate_hz)
    sound = load_audio(tmp_path / "two.wav")
    assert len(sound) == 16_000
    power = np.abs(np.fft.rfft(sound[4_000:12_000] * np.hanning(8_000)))
    assert np.argmax(power) == 500
    assert power[2_900:3_100].max() < 1e-3 * power[500]


def test_a15_a_wrong_label_is_a_warning(tmp_path: Path) -> None:
    """A voice at 48 kHz labelled 16 kHz is kept with a warning; with the right label there is none, even for
    a voice that is dull."""
    dull = harmonics(48_000, top_hz=2_400)
    for sound, label_hz, count in (
        (harmonics(48_000), 16_000, 1),
        (harmonics(48_000), 48_000, 0),
        (dull, 48_000, 0),
    ):
        warnings: list[str] = []
        write_wav(tmp_path / "voice.wav", sound, label_hz)
        assert len(read_wav(tmp_path / "voice.wav", warn=warnings.append).samples) == 96_000
        assert len(warnings) == count
        assert all("slowed down" in w and "16000 Hz" in w for w in warnings)


def test_a4_salvage_takes_what_is_there(tmp_path: Path) -> None:
    """A recording that was cut off is used when it is asked for, down to the last whole frame."""
    (tmp_path / "cut.wav").write_bytes(wav(FOUR.tobytes()[:7], claimed=3200))
    warnings: list[str] = []
    samples = read_wav(tmp_path / "cut.wav", salvage=True, warn=warnings.append).samples
    np.testing.assert_array_equal(samples[:, 0], np.array([0, 0.5, -1], np.float32))
    assert "3200 bytes of samples expected, 7 salvaged" in warnings[0]


def test_a8_a_channel_is_picked_never_mixed(tmp_path: Path) -> None:
    """All channels are given, or the one asked for; one that is not there is refused with the range."""
    frames = np.stack([TONE, -TONE, TONE / 2], axis=1)
    write_wav(tmp_path / "three.wav", frames, 16_000)
    whole = read_wav(tmp_path / "three.wav").samples
    assert whole.shape == (16_000, 3)
    for channel in range(3):
        picked = read_wav(tmp_path / "three.wav", channel=channel).samples
        np.testing.assert_array_equal(picked, whole[:, channel : channel + 1])
    with pytest.raises(WavError, match=r"no channel 3.*choose channel 0 to 2"):
        read_wav(tmp_path / "three.wav", channel=3)


@pytest.mark.parametrize("name", ["missing.wav", ".", "pipe.wav"])
def test_what_is_no_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    """A missing file, a folder and a pipe are errors that name them; nothing waits for the pipe."""
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(WavError) as refused:
        read_wav(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)
    assert refused.value.remedy


@settings(deadline=None)  # a busy disk is no fault
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_wav_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Whatever follows a wav's first bytes, there are samples in range or there is a WavError."""
    path = tmp_path_factory.mktemp("bytes") / "any.wav"
    for head in (b"", b"RIFF\0\0\0\0WAVE", wav()[:36], wav()[:20]):
        path.write_bytes(head + data)
        try:
            samples = read_wav(path, warn=lambda _: None).samples
        except WavError:
            continue
        assert np.abs(samples).max() <= 1.0


@settings(deadline=None)  # a busy disk is no fault
@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=50), st.sampled_from([8_000, 16_000, 192_000])
)
def test_16_bits_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], rate_hz: int
) -> None:
    """What was read from 16 bits is written as the same 16 bits, and SciPy reads the same."""
    path = tmp_path_factory.mktemp("round") / "trip.wav"
    samples = np.array(values, np.float32) / 32768
    write_wav(path, samples, rate_hz)
    recording = read_wav(path, warn=lambda _: None)
    np.testing.assert_array_equal(recording.samples[:, 0], samples)
    assert recording.rate_hz == rate_hz
    np.testing.assert_array_equal(wavfile.read(path)[1], np.array(values, np.int16))


@pytest.mark.parametrize("sample", [np.nan, np.inf])
def test_nan_is_never_written(sample: float, tmp_path: Path) -> None:
    """A recording that holds NaN or infinity is refused before a file is touched."""
    with pytest.raises(WavError, match="NaN or infinity"):
        write_wav(tmp_path / "bad.wav", np.array([0, sample], np.float32), 16_000)
    assert list(tmp_path.iterdir()) == []


def test_pieces_are_the_whole(tmp_path: Path) -> None:
    """A recording read piece by piece is the one that is read at once; beyond its end there is nothing."""
    write_wav(tmp_path / "tone.wav", np.stack([TONE, -TONE], axis=1), 16_000)
    with open_wav(tmp_path / "tone.wav", channel=1) as file:
        pieces = [file.read(start, 3_000) for start in range(0, file.frames, 3_000)]
        assert file.read(99_999, 10).shape == (0, 1)
    np.testing.assert_array_equal(np.concatenate(pieces), read_wav(tmp_path / "tone.wav").samples[:, 1:])
