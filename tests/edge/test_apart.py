"""A camera in a process of its own: real processes that hang, crash, fall silent and talk nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from films import pi_camera

from edge.camera import apart, open_camera
from edge.camera.apart import ApartCamera
from edge.config import CameraConfig
from edge.errors import DeviceError

FAKE = """
import sys, time, os
import numpy as np
from edge.camera.serve import serve
from edge.errors import DeviceError
from edge.events import Frame

class Camera:
    name, ended, count, skipped = "fake", False, 0, 0
    def capture(self):
        self.count += 1
        WHAT
        return Frame(np.full((4, 6, 3), self.count, np.uint8), f"picture {self.count}")
    def close(self):
        open("closed", "w").close()
OTHER
sys.exit(serve(Camera))
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def served(what: str = "pass", other: str = "", **options: float) -> ApartCamera:
    """A camera that does `what` at each capture, served by the real server in a child."""
    code = FAKE.replace("WHAT", what).replace("OTHER", other)
    return ApartCamera("camera", [sys.executable, "-P", "-c", code], **options)


def is_gone(pid: int | None) -> bool:
    """Whether a process has ended, for at most two seconds from now."""
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


def test_pictures_come_as_they_are() -> None:
    """Pixels, shape, source and name arrive; close lets the child close its camera and end."""
    camera = served()
    assert camera.name == "fake"
    frames = [camera.capture() for _ in range(3)]
    assert [(f.source, f.pixels.shape, int(f.pixels[0, 0, 0])) for f in frames] == [
        (f"picture {n}", (4, 6, 3), n) for n in (1, 2, 3)
    ]
    pid = camera.pid
    camera.close()
    camera.close()
    assert is_gone(pid)
    assert Path("closed").exists()
    with pytest.raises(DeviceError, match="closed"):
        camera.capture()


@pytest.mark.parametrize(
    "hang",
    [
        "time.sleep(60)",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals)); time.sleep(60)",
        "os.write(1, b'{'); time.sleep(60)",
        "os.read(os.open(os.mkfifo('pipe') or 'pipe', os.O_RDONLY), 1)",
    ],
    ids=["sleeps", "deaf to signals", "begins to answer", "waits for a pipe"],
)
@pytest.mark.fault("E3")
def test_a_capture_that_hangs_is_given_up(hang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: after the limit it is a DeviceError, the child is gone, and a fresh one works."""
    assert apart.CAPTURE_S <= 5.0
    monkeypatch.setattr(apart, "CAPTURE_S", 0.3)
    camera = served(hang)
    pid = camera.pid
    with pytest.raises(DeviceError, match="no picture for"):
        camera.capture()
    assert is_gone(pid)
    camera.close()
    again = served()
    assert again.pid != pid
    assert again.capture().pixels.any()
    again.close()


def test_e3_a_child_that_cannot_be_ended_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: while the kernel holds on to a child, no other is started, and what helps is said; it is never
    opened twice."""
    monkeypatch.setattr(apart, "CAPTURE_S", 0.3)
    monkeypatch.setattr(apart, "end_group", lambda _: None)
    camera = served("time.sleep(60)")
    process = camera._process
    assert process is not None
    with pytest.raises(DeviceError, match="restart of this machine"):
        camera.capture()
    with pytest.raises(DeviceError, match="restart of this machine"):
        served()
    process.kill()
    process.wait()
    monkeypatch.undo()
    again = served()
    again.close()


def test_e3_an_open_that_hangs_is_given_up() -> None:
    """E3: the same for a camera that does not open."""
    with pytest.raises(DeviceError, match=r"did not open within 0\.5 s"):
        ApartCamera("camera", [sys.executable, "-c", "import time; time.sleep(60)"], open_s=0.5)


@pytest.mark.parametrize(
    ("crash", "told"),
    [
        ("os.kill(os.getpid(), 11)", "ended with status -11"),
        ("os._exit(3)", "ended with status 3"),
        ("raise DeviceError('the ribbon is loose')", "the ribbon is loose"),
        ("os.write(1, b'hello, I am a library\\n')", "hello, I am"),
        ("os.write(1, b'x' * 9999)", "its process said"),
        ("""os.write(1, b'{"shape": [9999999, 9999999, 3], "dtype": "|u1"}\\n')""", "is none"),
        ("""os.write(1, b'{"shape": [4], "dtype": "|O"}\\n')""", "is none"),
        ("""os.write(1, b'{"shape": "x"}\\n')""", "answered with"),
    ],
)
def test_a_child_that_crashes_or_talks_nonsense_is_an_error(crash: str, told: str) -> None:
    """Whatever the child does, it is a DeviceError with the reason, and no memory is taken for claims."""
    camera = served(crash.replace("\\n", "\\n"))
    pid = camera.pid
    with pytest.raises(DeviceError, match=told):
        camera.capture()
    camera.close()
    assert is_gone(pid)


def test_e6_odd_pictures_arrive_as_they_are() -> None:
    """E6: shapes and types that are no picture pass, as it is the classifier who refuses and counts them."""
    grey, empty = "np.zeros((480, 640), np.uint8)", "np.zeros((0, 640, 3), np.uint8)"
    for odd in (grey, empty, "np.ones((2, 2, 3), '>u2')"):
        camera = served(f"return Frame({odd}, 'odd')")
        pixels = camera.capture().pixels
        expected = eval(odd, {"np": np})  # noqa: S307 - the lines above
        assert (pixels.shape, pixels.dtype) == (expected.shape, expected.dtype)
        camera.close()


def test_a_live_camera_gives_the_newest_picture() -> None:
    """Pictures that come while nobody asks go by: what is given is new, not the next of a queue."""
    live = "def skip(self):\n    self.count += 1; time.sleep(0.01)\nCamera.skip = skip"
    camera = served(other=live)
    first = camera.capture().pixels[0, 0, 0]
    time.sleep(0.3)
    assert camera.capture().pixels[0, 0, 0] > first + 5
    camera.close()


def test_a_child_ends_with_its_parent() -> None:
    """A parent that is killed leaves no child with the camera behind: its input ends, and it closes."""
    fake = FAKE.replace("WHAT", "pass").replace("OTHER", "")
    code = (
        "import sys, os; from edge.camera.apart import ApartCamera\n"
        f"camera = ApartCamera('camera', [sys.executable, '-P', '-c', {fake!r}])\n"
        "print(camera.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert is_gone(int(out.stdout))
    assert Path("closed").exists()


# The Pi's camera, served


def test_a_pis_camera_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E5: backend = "picamera2" runs in a process of its own; a red card is red at this end, too, and turned
    pictures are turned."""
    pi_camera(tmp_path, monkeypatch, scene=[220, 30, 20])
    camera = open_camera(CameraConfig(backend="picamera2", rotate=90))
    frame = camera.capture()
    assert frame.source == camera.name == "picamera2:0"
    assert frame.pixels.shape == (640, 480, 3)
    np.testing.assert_allclose(frame.pixels.mean(axis=(0, 1)), (220, 30, 20), atol=3)
    camera.close()


def test_e2_a_pis_camera_that_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E2: what the child meets is told here in its own words."""
    pi_camera(tmp_path, monkeypatch, acquired=True)
    with pytest.raises(DeviceError, match=r"busy.*only one program"):
        open_camera(CameraConfig(backend="picamera2"))


@pytest.mark.fault("F11")
def test_cameras_leave_no_files_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """F11: closed, crashed and hung, each leaves as many open files as there were, and no child."""
    monkeypatch.setattr(apart, "CAPTURE_S", 0.3)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for what in ("pass", "os._exit(3)", "time.sleep(60)"):
        camera = served(what)
        pid = camera.pid
        if what == "pass":
            camera.capture()
        else:
            with pytest.raises(DeviceError):
                camera.capture()
        camera.close()
        assert is_gone(pid)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
