"""The unplug matrix: what happens to a microphone, done to the real daemon on a real sound server.

`python -m tests.rig.unplug` measures the same, and tells how long each takes to come back.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.rig import jack, pulse
from tests.rig.unplug.rows import ROWS
from tests.rig.unplug.stage import Result, play

pytestmark = [
    pytest.mark.rig,
    pytest.mark.slow,
    pytest.mark.skipif(bool(pulse.missing()), reason=f"this rig needs {pulse.missing()}"),
]
LONG = {"gone_long"}  # as another row, but longer
NEEDS = {"own_rate_only": jack.missing(), "in_use": "" if shutil.which("cc") else "a C compiler"}
PYAUDIO = importlib.util.find_spec("pyaudio") is not None
EVENTS = [(name, "sounddevice") for name in ROWS if name not in LONG]
EVENTS += [(name, "pyaudio") for name in ("gone", "suspended", "frozen_long", "moved_named") if PYAUDIO]
AT_ONCE = 4  # they mostly wait


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future[Result]]]:
    """All events, under way several at once, each with a sound server of its own."""
    folder = tmp_path_factory.mktemp("unplug")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (name, backend): pool.submit(play, *ROWS[name], folder / f"{name}-{backend}", backend)
            for name, backend in EVENTS
            if not NEEDS.get(name)
        }


@pytest.mark.parametrize(("name", "backend"), EVENTS)
def test_d2_the_microphone_comes_back(
    results: dict[tuple[str, str], Future[Result]], name: str, backend: str
) -> None:
    """After each event the word is heard again, by the same process or, where the library hangs, by the one
    after it; every end that was not asked for has exit code 1, and SIGTERM ends it with 0."""
    if NEEDS.get(name):
        pytest.skip(f"this event needs {NEEDS[name]}")
    result = results[name, backend].result()
    assert not result.problems, result.story


def test_d4_16_khz_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The rig's JACK is a device that refuses 16 kHz, as PortAudio says it: else its row proves nothing."""
    if jack.missing():
        pytest.skip(f"this event needs {jack.missing()}")
    room = jack.JackRoom(tmp_path_factory.mktemp("jack"))
    room.start()
    try:
        assert room.refuses(16_000) == "-9997"
        assert room.refuses(jack.RATE_HZ) == ""
    finally:
        room.close()
