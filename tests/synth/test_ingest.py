"""Taking in recordings: every format, the ends of a clip, the counts. Faults: `tests/edge/test_wav.py`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.errors import UsageError, WavError
from edge.wav import write_wav
from synth.decode import decode
from synth.ingest import Fault, Rejected, check_clip, find_audio, ingest, load_audio, printable, trim

Sound = NDArray[np.float32]


def voice(seconds: float, rate_hz: int = 16_000, seed: int = 0) -> Sound:
    """Noise of a voice's band, 300 to 3000 Hz, at a third of full scale: every codec keeps it."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * rate_hz)))
    hz = np.fft.rfftfreq(int(seconds * rate_hz), 1 / rate_hz)
    sound = np.fft.irfft(spectrum * ((hz > 300) & (hz < 3_000)), int(seconds * rate_hz))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def encode(path: Path, sound: Sound, rate_hz: int, codec: str, container: str) -> None:
    """Write [n] or [channels, n] with one of FFmpeg's encoders, or libsndfile's where FFmpeg has none."""
    if codec == "vorbis":
        pytest.importorskip("soundfile").write(path, sound, rate_hz, format="OGG", subtype="VORBIS")
        return
    channels = np.atleast_2d(sound)
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono" if len(channels) == 1 else "stereo")
        to_codec = av.AudioResampler(stream.codec_context.format, stream.layout, rate_hz)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", stream.layout.name)
        frame.sample_rate = rate_hz
        for piece in [*to_codec.resample(frame), *to_codec.resample(None), None]:
            out.mux(stream.encode(piece))


def likeness(a: Sound, b: Sound) -> float:
    """The largest correlation coefficient of two sounds, shifted by up to 0.1 s against each other."""
    size = max(len(a), len(b))
    a, b = np.pad(a, (0, size - len(a) + 1_600)), np.pad(b, (0, size - len(b) + 1_600))
    product = np.fft.irfft(np.fft.rfft(a) * np.conj(np.fft.rfft(b)), len(a))
    return float(np.max(np.r_[product[:1_600], product[-1_600:]]) / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(
    ("name", "rate_hz", "codec", "container"),
    [
        ("a.flac", 44_100, "flac", "flac"),
        ("a.ogg", 22_050, "vorbis", "ogg"),
        ("a.opus", 48_000, "libopus", "ogg"),
        ("a.mp3", 44_100, "libmp3lame", "mp3"),
        ("a.m4a", 32_000, "aac", "ipod"),
        ("a.aiff", 8_000, "pcm_s16be", "aiff"),
        ("a.webm", 48_000, "libopus", "webm"),
        ("a.g722", 16_000, "g722", "g722"),
        ("a.au", 22_050, "pcm_mulaw", "au"),
        ("a.wav", 44_100, "pcm_s24le", "wav"),
    ],
)
def test_every_format_gives_the_same_sound(
    name: str, rate_hz: int, codec: str, container: str, tmp_path: Path
) -> None:
    """Whatever the codec and rate, a voice comes back as itself at 16 kHz: level, length and shape."""
    encode(tmp_path / name, voice(1.0, rate_hz), rate_hz, codec, container)
    sound, expected = load_audio(tmp_path / name), voice(1.0)
    if rate_hz != 16_000:
        write_wav(tmp_path / "reference.wav", voice(1.0, rate_hz), rate_hz)
        expected = load_audio(tmp_path / "reference.wav")
    assert sound.dtype == np.float32
    assert abs(len(sound) - 16_000) < 3_200  # some codecs pad
    assert likeness(sound, expected) > 0.95
    assert np.linalg.norm(sound) == pytest.approx(np.linalg.norm(expected), rel=0.1)


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.wav", "pcm_s16le")])
def test_one_channel_is_taken_never_the_average(name: str, codec: str, tmp_path: Path) -> None:
    """Of two opposite channels, whose average is silence, the first is heard, or the one that is named."""
    both = np.stack([voice(0.5), -voice(0.5)])
    encode(tmp_path / name, both, 16_000, codec, name.split(".")[1])
    np.testing.assert_allclose(load_audio(tmp_path / name), both[0], atol=1e-4)
    np.testing.assert_allclose(load_audio(tmp_path / name, channel=1), both[1], atol=1e-4)
    with pytest.raises(WavError, match=r"no channel 2.*choose channel 0 to 1"):
        load_audio(tmp_path / name, channel=2)


def test_a_long_recording_is_read_in_pieces_without_seams(tmp_path: Path) -> None:
    """Half a minute at 44.1 kHz, which is decoded in pieces, is the same as resampling it at once."""
    soxr = pytest.importorskip("soxr")
    sound = voice(25.0, 44_100)
    for name, codec in (("a.wav", "pcm_s16le"), ("a.flac", "flac")):
        encode(tmp_path / name, sound, 44_100, codec, name.split(".")[1])
        np.testing.assert_allclose(
            load_audio(tmp_path / name), soxr.resample(sound, 44_100, 16_000), atol=1e-4
        )


def test_only_what_is_needed_is_decoded(tmp_path: Path) -> None:
    """To find that a recording is too long its first half minute is enough."""
    encode(tmp_path / "long.flac", np.tile(voice(10.0), 20), 16_000, "flac", "flac")
    assert len(decode(tmp_path / "long.flac", at_most_s=31.0).samples) <= 42 * 16_000
    assert len(load_audio(tmp_path / "long.flac")) == 200 * 16_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.mp3", b""),
        ("noise.mp3", bytes(np.random.default_rng(0).integers(0, 256, 5_000, np.uint8))),
        ("page.ogg", b"<!DOCTYPE html><title>404</title>"),
        ("text.wav", b"this is a text, whatever it is called"),
        ("missing.flac", None),
    ],
)
def test_what_does_not_decode_is_a_wav_error(name: str, data: bytes | None, tmp_path: Path) -> None:
    """Whatever FFmpeg raises arrives as a WavError that names the file and a remedy."""
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(WavError) as refused:
        load_audio(tmp_path / name)
    assert name in str(refused.value)
    assert refused.value.remedy


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    """A list of files that is called .m4a, which FFmpeg alone would follow, is refused."""
    encode(tmp_path / "secret.flac", voice(0.5), 16_000, "flac", "flac")
    (tmp_path / "list.m4a").write_text("ffconcat version 1.0\nfile secret.flac\n")
    with av.open(str(tmp_path / "list.m4a")) as followed:  # so the danger is real
        assert sum(frame.samples for frame in followed.decode(audio=0)) == 8_000
    with pytest.raises(WavError, match="cannot be decoded"):
        load_audio(tmp_path / "list.m4a")


def test_names_that_look_like_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colon, a byte that is no UTF-8 or a newline in a name changes nothing."""
    encode(tmp_path / "a.flac", voice(0.5), 16_000, "flac", "flac")
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.flac", "concat:a.flac", os.fsdecode(b"caf\xe9.flac"), "a\nb.flac"):
        shutil.copy("a.flac", name)
        assert len(load_audio(name)) == 8_000


def test_trim_keeps_30_ms_of_silence() -> None:
    """Of half a second of silence at either end 30 ms remain, to the 10 ms that are looked at."""
    silence = np.zeros(8_000, np.float32)
    kept = trim(np.concatenate([silence, voice(1.0), silence]))
    np.testing.assert_array_equal(kept[480:16_480], voice(1.0))
    assert len(kept) == 16_000 + 2 * 480
    assert not kept[:480].any() and not kept[-480:].any()


def test_trim_keeps_a_weak_beginning() -> None:
    """A breath 30 dB below the word, as an "h" is, belongs to it; a room 50 dB below does not."""
    breath, room = voice(0.2, seed=1) * 10 ** (-30 / 20), voice(0.5, seed=2) * 10 ** (-50 / 20)
    kept = trim(np.concatenate([room, breath, voice(0.5), room]))
    assert len(kept) == len(breath) + 8_000 + 2 * 480


@given(st.integers(0, 6_000), st.integers(0, 6_000), st.integers(1_600, 4_000), st.integers(0, 2**16))
def test_trim_only_ever_takes_silence(before: int, after: int, length: int, seed: int) -> None:
    """No sample of the sound goes, no more than 40 ms of silence stay, and trimming again does nothing."""
    sound = voice(length / 16_000, seed=seed)
    kept = trim(np.concatenate([np.zeros(before, np.float32), sound, np.zeros(after, np.float32)]))
    loud = np.flatnonzero(kept)
    assert len(loud) >= len(sound) - 5  # the noise itself crosses zero
    assert loud[0] <= 641 and len(kept) - loud[-1] <= 643
    np.testing.assert_array_equal(trim(kept), kept)


@pytest.mark.parametrize(
    "sound", [np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(9_000, np.float32)]
)
def test_trim_of_nothing_is_nothing_loud(sound: Sound) -> None:
    """Silence and clips under 10 ms do no harm."""
    assert not trim(sound).any()


@pytest.mark.parametrize(
    ("sound", "kind"),
    [
        (voice(1.0), None),
        (voice(0.2), None),
        (voice(30.0), None),
        (voice(0.19), "too short"),
        (voice(30.1), "too long"),
        (voice(1.0) * 2e-4, "silence"),
        (voice(1.0) + np.float32(0.05), None),
        (voice(1.0) + np.float32(0.2), "DC offset"),
        (np.full(16_000, 0.02, np.float32), "DC offset"),
        (np.clip(voice(1.0) * 5, -1, 1), None),
        (np.clip(voice(1.0) * 9, -1, 1), "clipped"),
    ],
)
def test_rules_have_edges(sound: Sound, kind: str | None) -> None:
    """Each rule refuses on its side of its number, with the number it measured, and not on the other."""
    fault = check_clip(sound)
    assert (fault.kind if fault else None) == kind
    assert fault is None or any(c.isdigit() for c in fault.detail)


def test_clipping_is_seen_before_resampling(tmp_path: Path) -> None:
    """Resampling rounds the flat tops off, so a clip that was cut off at 48 kHz is counted by what it was."""
    cut = np.clip(voice(1.0, 48_000) * 12, -1, 1)
    encode(tmp_path / "cut.flac", cut, 48_000, "flac", "flac")
    decoded = decode(tmp_path / "cut.flac")
    share = float(np.mean(np.abs(cut) >= 0.999))
    assert decoded.clipped == pytest.approx(share, abs=0.01)
    assert float(np.mean(np.abs(decoded.samples) >= 0.999)) < 0.9 * share
    assert ingest(tmp_path)[1].counts == {"clipped": 1}


def test_rejections_add_up() -> None:
    """Counts sum by reason, keep the first example of each, and print as a table, the most frequent first."""
    first = Rejected.of([("a.wav", Fault("silence", "-80 dB")), ("b.wav", Fault("too long", "31.0 s"))])
    second = Rejected.of([("c.wav", Fault("silence", "-90 dB"))])
    both = sum([first, second], Rejected())
    assert (both.total, both.counts) == (3, {"silence": 2, "too long": 1})
    lines = str(both).splitlines()
    assert lines[0].split() == ["2", "silence", "a.wav:", "-80", "dB"]
    assert lines[1].split() == ["1", "too", "long", "b.wav:", "31.0", "s"]
    assert str(Rejected()).split() == ["0", "rejected"]


def test_a_folder_is_walked_in_the_order_of_its_names(tmp_path: Path) -> None:
    """Sound is found at any depth, in the same order everywhere, each content once; no other file counts."""
    for name in ("b/2.wav", "b/1.wav", "a/9.WAV", "c.flac", "b/copy.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        source = "b/1.wav" if "copy" in name else name
        (tmp_path / name).write_bytes(source.encode())
    (tmp_path / "README.txt").write_text("b/1.wav")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "away").symlink_to("/usr")
    found = find_audio(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.files] == [
        "c.flac",
        "a/9.WAV",
        "b/1.wav",
        "b/2.wav",
    ]
    assert found.rejected.counts == {"duplicate": 1, "link out of the folder": 1}
    assert set(found.sha256) == set(found.files)
    with pytest.raises(UsageError, match="no such folder"):
        find_audio(tmp_path / "nowhere")


def test_names_are_printed_on_one_line() -> None:
    """Newlines, escape sequences and bytes that are no UTF-8 are shown, not sent to the terminal."""
    assert printable(os.fsdecode(b"a\n\x1b[2J\xff.wav")) == r"a\n\x1b[2J\xff.wav"
    assert printable("naïve 声.wav") == "naïve 声.wav"
