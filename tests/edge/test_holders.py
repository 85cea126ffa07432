"""D3, E2: who has the sound card, and who the camera."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import checkup
from edge.config import CameraConfig, Config
from edge.errors import DeviceError
from edge.holders import camera_holders
from edge.microphone import choose_input, live
from edge.microphone.device import Device
from edge.microphone.holders import holders
from edge.microphone.live import is_gone, refusal

HOLD = "import sys; held = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
USB = Device(1, "USB PnP Sound Device: Audio (hw:1,0)", "ALSA", 1, 0, 44_100)


def test_d3_the_program_that_holds_the_device_is_named(tmp_path: Path) -> None:
    """A real program that has a capture device open is found by name and number, one that plays is not."""
    for name in ("pcmC0D0c", "pcmC0D0p"):
        (tmp_path / name).touch()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    programs = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / name)], **pipes)
        for name in ("pcmC0D0c", "pcmC0D0p")
    ]
    try:
        for program in programs:
            assert program.stdout is not None and program.stdout.readline()
        (found,) = holders(sound=tmp_path)
        assert found.startswith("python")
        assert found.endswith(f"({programs[0].pid})")
    finally:
        for program in programs:
            program.communicate()
    assert holders(sound=tmp_path) == []
    assert holders(sound=tmp_path / "none") == []


def test_d3_errors_name_the_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a device cannot be opened, or is not listed because it is in use, the message says by whom."""
    monkeypatch.setattr(live, "holders", lambda: ["arecord (4711)"])
    monkeypatch.setattr("edge.microphone.holders", lambda: ["arecord (4711)"])
    assert "in use by arecord (4711)" in str(refusal(USB, ["Device unavailable at 44100 Hz, 1 channels"]))
    with pytest.raises(DeviceError, match=r"no microphone matches 'yeti'(.|\n)*in use by arecord \(4711\)"):
        choose_input([USB], "yeti")


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (OSError(-9985, "Device unavailable"), True),
        (OSError(-9997, "Invalid sample rate"), False),
        (OSError(-9998, "Invalid number of channels"), False),
        (RuntimeError("Error opening", -9999, (8, -16, "Device or resource busy")), True),
        (RuntimeError("Error opening", -9999, (8, -22, "Invalid argument")), False),
        (ValueError("no number at all"), False),
    ],
)
def test_d4_what_another_rate_may_mend(error: Exception, gone: bool) -> None:
    """After -9997 and -9998 the next rate is tried; after busy and gone nothing is."""
    assert is_gone(error) is gone


@pytest.mark.fault("E2")
def test_the_program_that_has_the_camera_is_named(tmp_path: Path) -> None:
    """E2: a program that has a camera open is found by name and number; we and our parent are not."""
    for number, (name, target) in {
        "11": ("libcamerify", "/dev/media3"),
        "12": ("sh", "/dev/null"),
        "13": ("motion", "/dev/video0"),
        str(os.getpid()): ("heychip", "/dev/video0"),
        "self": ("other", "/dev/video0"),
    }.items():
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "fd" / "5").symlink_to(target)
        (tmp_path / number / "comm").write_text(f"{name}\n")
    (tmp_path / "14").mkdir()
    assert camera_holders(tmp_path) == ["libcamerify (11)", "motion (13)"]


@pytest.mark.fault("E2")
def test_the_doctor_names_who_has_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E2: with a camera in use the doctor names the program; without PyAV or the device, the remedy."""
    pytest.importorskip("av")
    monkeypatch.setattr("edge.holders.camera_holders", lambda: ["motion (13)"])
    there = Config(camera=CameraConfig(backend="v4l2", device=str(tmp_path)))
    note = checkup._camera(there)
    assert note.state == "note"
    assert "motion (13)" in note.found
    assert "end that program" in note.remedy
    absent = checkup._camera(Config(camera=CameraConfig(backend="v4l2", device=str(tmp_path / "video7"))))
    assert (absent.state, absent.code) == ("bad", 4)
    monkeypatch.setattr("edge.holders.camera_holders", list)
    assert checkup._camera(there).state == "ok"
    assert checkup._camera(Config()).state == "ok"
    monkeypatch.setattr(checkup, "find_spec", lambda _: None)
    assert "heychip[video]" in checkup._camera(there).remedy
