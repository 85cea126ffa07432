"""What PortAudio is kept from loading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge.microphone import lean_alsa

CODECS = "libavcodec"
LOOK = f"""
import sys
from pathlib import Path
from edge.microphone import sound_device
lean = sys.argv[1] == "lean"
if not lean:
    sound_device.lean_alsa.leave_out = lambda: None
for _ in range(2):  # PortAudio ends and starts anew
    names = [device.name for device in sound_device.devices()]
maps = Path("/proc/self/maps").read_text()
print("{CODECS}" in maps, *sorted(name for name in names if name != "a52"), sep="|")
"""


def look(how: str) -> list[str]:
    """In a process of its own, whether video codecs are there afterwards, and the devices that were found."""
    run = subprocess.run([sys.executable, "-c", LOOK, how], capture_output=True, text=True, check=True,
                         cwd=Path(__file__).parents[2])
    return run.stdout.strip().split("|")


def test_no_video_codec_is_loaded_and_no_microphone_is_lost():
    """Without the encoder for home cinemas PortAudio finds the same devices, whenever it is started."""
    pytest.importorskip("sounddevice", exc_type=ImportError)
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_a52.so")):
        pytest.skip("libasound2-plugins is not installed")
    lean, fat = look("lean"), look("fat")
    assert (lean[0], fat[0]) == ("False", "True")
    assert lean[1:] == fat[1:]


@pytest.mark.parametrize("library", ["libnowhere.so.2", "libm.so.6"])
def test_where_there_is_no_alsa_nothing_is_done(monkeypatch, library):
    """A machine without the library, or with another one in its place, is no reason to stop."""
    monkeypatch.setattr(lean_alsa, "LIBRARY", library)
    lean_alsa.leave_out()
