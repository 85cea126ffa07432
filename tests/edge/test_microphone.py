"""Microphones without hardware: recordings, the choice of a device, and what both live backends share.

The backends themselves are tested on a real sound server in `tests/rig/test_portaudio.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.commands import devices as command
from edge.config import MicrophoneConfig
from edge.errors import DeviceError
from edge.events import Chunk
from edge.microphone import Device, Microphone, choose_input, list_devices, open_microphone
from edge.microphone.live import Live, attempts
from edge.microphone.recording import RecordedMicrophone
from edge.wav import write_wav

USB = Device(3, "USB PnP Sound Device: Audio (hw:2,0)", "ALSA", 1, 0, 44_100)
ARRAY = Device(4, "ReSpeaker 4 Mic Array (hw:3,0)", "ALSA", 4, 2, 48_000)
SERVER = Device(6, "default", "ALSA", 32, 32, 44_100, default_input=True, default_output=True)
TWIN = Device(5, "sysdefault", "ALSA", 128, 128, 48_000)
SPEAKER = Device(0, "bcm2835 Headphones: - (hw:0,0)", "ALSA", 0, 8, 44_100, default_output=True)
ALL = [SPEAKER, USB, ARRAY, TWIN, SERVER]


def ramp(seconds: float, rate_hz: int, channels: int = 1) -> NDArray[np.float32]:
    """Sound in which every sample tells where it is: [n, channels]."""
    count = int(seconds * rate_hz)
    return (np.arange(count * channels, dtype=np.float32) % 20_000 / 32_768).reshape(count, channels)


def listen(microphone: Microphone) -> list[Chunk]:
    """All that a recording gives."""
    chunks = []
    while not microphone.ended:
        chunk = microphone.read(0.0)
        assert chunk is not None
        chunks.append(chunk)
    assert microphone.read(0.0) is None
    return chunks


def test_recordings_follow_each_other_each_at_its_rate(tmp_path: Path) -> None:
    """Two files of other rates and channels come one after the other, whole, each chunk carrying its rate."""
    first, second = ramp(0.5, 16_000, 2), ramp(0.3, 44_100)
    write_wav(tmp_path / "first.wav", first, 16_000)
    write_wav(tmp_path / "second.wav", second, 44_100)
    files = (str(tmp_path / "first.wav"), str(tmp_path / "second.wav"))
    microphone = open_microphone(MicrophoneConfig(backend="recording", files=files, pace=0.0))
    assert (microphone.name, microphone.rate_hz) == (files[0], 16_000)
    chunks = listen(microphone)
    for rate_hz, sound in ((16_000, first[:, :1]), (44_100, second)):
        heard = np.concatenate([chunk.samples for chunk in chunks if chunk.rate_hz == rate_hz])
        np.testing.assert_array_equal(heard, sound)
    assert [chunk.rate_hz for chunk in chunks] == [16_000] * 7 + [44_100] * 4
    assert len(chunks[0].samples) == 1_280


def test_a_recording_keeps_the_pace_of_the_clock(tmp_path: Path) -> None:
    """At pace 2 a chunk of 80 ms is there after 40 ms of the clock, not before; a late reader catches up."""
    write_wav(tmp_path / "a.wav", ramp(1.0, 16_000), 16_000)
    now_s = [100.0]
    microphone = RecordedMicrophone([tmp_path / "a.wav"], pace=2.0, clock=lambda: now_s[0])
    assert microphone.read(0.0) is None
    now_s[0] += 0.039
    assert microphone.read(0.0) is None
    now_s[0] += 0.002
    assert microphone.read(0.0) is not None
    assert microphone.read(0.0) is None
    now_s[0] += 10.0
    assert len(listen(microphone)) == 12


def test_a_bad_recording_is_passed_over(tmp_path: Path) -> None:
    """Of four files the two that cannot be read are noted with their reasons, and the others are heard."""
    write_wav(tmp_path / "mono.wav", ramp(0.2, 16_000), 16_000)
    write_wav(tmp_path / "stereo.wav", ramp(0.2, 16_000, 2), 16_000)
    (tmp_path / "text.wav").write_text("this is no sound, whatever its name says")
    files = [tmp_path / name for name in ("text.wav", "stereo.wav", "mono.wav", "stereo.wav")]
    microphone = RecordedMicrophone(files, channel=1, pace=0.0)
    heard = np.concatenate([chunk.samples for chunk in listen(microphone)])
    np.testing.assert_array_equal(heard, np.tile(ramp(0.2, 16_000, 2)[:, 1:], (2, 1)))
    assert [error.reason[:9] for error in microphone.refused] == ["not a wav", "it has no"]


def test_recordings_that_cannot_be_read_are_a_device_error(tmp_path: Path) -> None:
    """No files at all, or none that can be read, is an error that lists every reason."""
    with pytest.raises(DeviceError, match="files names none"):
        open_microphone(MicrophoneConfig(backend="recording"))
    missing = tuple(str(tmp_path / name) for name in ("a.wav", "b.wav"))
    with pytest.raises(
        DeviceError, match=r"none of the 2 recordings(.|\n)*a\.wav: no such(.|\n)*b\.wav: no such"
    ):
        open_microphone(MicrophoneConfig(backend="recording", files=missing))


def test_a_closed_recording_is_over(tmp_path: Path) -> None:
    """After close a recording has ended and gives nothing more; closing twice does no harm."""
    write_wav(tmp_path / "a.wav", ramp(1.0, 16_000), 16_000)
    microphone = RecordedMicrophone([tmp_path / "a.wav", tmp_path / "a.wav"], pace=0.0)
    assert microphone.read(0.0) is not None
    microphone.close()
    microphone.close()
    assert microphone.ended
    assert microphone.read(0.0) is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", SERVER),
        ("usb pnp", USB),
        ("respeaker", ARRAY),
        ("default", SERVER),
        ("hw:3,0", ARRAY),
        ("sysd", TWIN),
    ],
)
def test_a_device_is_chosen_by_a_part_of_its_name(wanted: str, found: Device) -> None:
    """A part of one name is enough, in any case of letters; a whole name wins over others that contain it."""
    assert choose_input(ALL, wanted) is found


@pytest.mark.parametrize(
    ("wanted", "says", "listed"),
    [
        ("hw:", "2 microphones match 'hw:'", [USB, ARRAY]),
        ("defau", "2 microphones match 'defau'", [TWIN, SERVER]),
        ("blue yeti", "no microphone matches 'blue yeti'", [USB, ARRAY, TWIN, SERVER]),
        ("headphones", "no microphone matches", [USB, ARRAY, TWIN, SERVER]),
    ],
)
def test_an_unclear_name_lists_the_candidates(wanted: str, says: str, listed: list[Device]) -> None:
    """Several matches are all listed, and where none matches every microphone is; speakers never are."""
    with pytest.raises(DeviceError, match=says) as refused:
        choose_input(ALL, wanted)
    assert [line for line in str(refused.value).splitlines() if line.startswith("  - ")] == [
        f"  - {device}" for device in listed
    ]
    assert "[microphone] device" in str(refused.value)
    assert refused.value.exit_code == 4


def test_without_a_default_the_only_microphone_is_taken() -> None:
    """An empty name is the default; without one it is the only microphone, or an error that lists them."""
    assert choose_input([SPEAKER, USB], "") is USB
    with pytest.raises(DeviceError, match=r"no default microphone(.|\n)*USB PnP(.|\n)*ReSpeaker"):
        choose_input([USB, ARRAY], "")
    with pytest.raises(DeviceError, match="there is no microphone: connect one"):
        choose_input([SPEAKER], "")


@pytest.mark.parametrize(
    ("device", "channel", "first"),
    [(USB, 0, (44_100, 1)), (ARRAY, 0, (48_000, 4)), (ARRAY, 3, (48_000, 4)), (SERVER, 0, (44_100, 2)),
     (SERVER, 5, (44_100, 6))],
)  # fmt: skip
def test_d4_a_device_is_opened_as_it_is(device: Device, channel: int, first: tuple[int, int]) -> None:
    """The first attempt is a device's own rate with all its channels, so that nothing below mixes them; a
    sound server, which claims 32, is asked for no more than are needed. Every attempt holds the channel."""
    ways = list(attempts(device, channel))
    assert ways[0] == first
    assert {rate_hz for rate_hz, _ in ways} >= {48_000, 44_100, 16_000}
    assert all(channel < channels <= device.inputs for _, channels in ways)


def test_a_channel_that_is_not_there_is_a_device_error() -> None:
    """Channel 1 of a device with one channel is refused in words that say which there are."""
    with pytest.raises(DeviceError, match=r"channels 0 to 0 only.*channel = 1"):
        attempts(USB, 1)


def test_a_callback_copies_one_channel() -> None:
    """The chunk is the configured channel alone, and is not touched when the backend reuses its buffer."""
    live, block = Live(ARRAY, 48_000, channel=2), ramp(0.04, 48_000, 4)
    expected = block[:, 2:3].copy()
    live.hear(block, overflow=False)
    block[:] = 0.0
    chunk = live.read(0.0)
    assert chunk is not None
    np.testing.assert_array_equal(chunk.samples, expected)
    assert (chunk.rate_hz, chunk.gap_s) == (48_000, 0.0)
    assert live.read(0.0) is None


def test_d5_a_hundred_overflows_are_counted_and_mark_their_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each overflow is counted, and its chunk tells how much longer than its own 40 ms it took to come."""
    now_s = [50.0]
    monkeypatch.setattr("edge.microphone.live.time.monotonic", lambda: now_s[0])
    live, block = Live(USB, 44_100, channel=0), ramp(0.04, 44_100)
    live.hear(block, overflow=True)  # the very first has nothing before it
    for _ in range(99):
        now_s[0] += 0.34
        live.hear(block, overflow=True)
    assert live.overflows == 100
    gaps_s = [chunk.gap_s for chunk in iter(lambda: live.read(0.0), None)]
    assert gaps_s[0] == 0.0
    assert gaps_s[1:] == pytest.approx([0.3] * 99, abs=0.002)  # less what two clocks may drift


def test_d16_the_true_rate_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that says 48 kHz and gives 44.1 kHz is found out after 10 s, and not judged before."""
    now_s = [50.0]
    monkeypatch.setattr("edge.microphone.live.time.monotonic", lambda: now_s[0])
    live, block = Live(ARRAY, 48_000, channel=0), ramp(0.04, 48_000, 4)
    for _ in range(300):
        live.hear(block, overflow=False)
        if now_s[0] < 60.0:
            assert live.measured_rate_hz is None
        now_s[0] += len(block) / 44_100
    assert live.measured_rate_hz == pytest.approx(44_100)


def test_a_device_that_went_away_is_an_error_after_its_last_sound() -> None:
    """What was heard before a device went away can still be read; then reading says that it is gone."""
    live = Live(USB, 44_100, channel=0)
    live.hear(ramp(0.04, 44_100), overflow=False)
    live.lost()
    assert live.read(60.0) is not None
    with pytest.raises(DeviceError, match=r"USB PnP.*went away; reconnect it"):
        live.read(60.0)


@pytest.fixture
def no_backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which sounddevice lacks PortAudio and PyAudio is not installed."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("no_backends")
def test_missing_libraries_name_their_remedies(caplog: pytest.LogCaptureFixture) -> None:
    """Each backend says what to install; `auto` logs why it passed each over and raises both reasons."""
    portaudio, pyaudio = "apt install libportaudio2", r"portaudio19-dev.*pip install 'heychip\[pyaudio\]'"
    with pytest.raises(DeviceError, match=portaudio):
        open_microphone(MicrophoneConfig(backend="sounddevice"))
    with pytest.raises(DeviceError, match=pyaudio):
        open_microphone(MicrophoneConfig(backend="pyaudio"))
    with pytest.raises(DeviceError, match=rf"{portaudio}(.|\n)*{pyaudio}"):
        open_microphone(MicrophoneConfig())
    passed = [
        record.getMessage() for record in caplog.records if "microphone_passed_over" in record.getMessage()
    ]
    assert ["backend=sounddevice" in passed[0], "backend=pyaudio" in passed[1]] == [True, True]
    with pytest.raises(DeviceError, match=portaudio):
        list_devices()
    with pytest.raises(DeviceError, match=portaudio):
        command.main(argparse.Namespace(json=False))


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_lists_inputs_and_outputs(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`heychip devices` marks the defaults for people, and gives every field to programs."""
    monkeypatch.setattr(command, "list_devices", lambda: ALL)
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["devices", *(["--json"] if as_json else [])])
    assert args.main(args) == 0
    printed = capsys.readouterr().out
    if as_json:
        rows = [json.loads(line) for line in printed.splitlines()]
        assert [row["name"] for row in rows] == [device.name for device in ALL]
        assert rows[1]["inputs"] == 1 and rows[1]["rate_hz"] == 44_100
    else:
        microphones, speakers = printed.split("speakers:\n")
        assert "* default  [ALSA, 32 ch, 44100 Hz]" in microphones
        assert "  USB PnP Sound Device: Audio (hw:2,0)  [ALSA, 1 ch, 44100 Hz]" in microphones
        assert "bcm2835" not in microphones
        assert "* bcm2835 Headphones" in speakers


def test_no_devices_are_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no device the command says so on standard error, prints nothing, and returns 0."""
    monkeypatch.setattr(command, "list_devices", list)
    assert command.main(argparse.Namespace(json=False)) == 0
    printed = capsys.readouterr()
    assert (printed.out, "no sound devices" in printed.err) == ("", True)
