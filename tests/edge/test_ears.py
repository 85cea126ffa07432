"""The ears: what happens to sound, and microphones that come and go. Table (d)."""

from __future__ import annotations

import dataclasses
import threading
from itertools import pairwise

import numpy as np
import pytest
from daemon_rig import RECORDED, Run, script

from edge.clock import Clock
from edge.config import Config, MicrophoneConfig
from edge.errors import DeviceError, HeychipError
from edge.events import Chunk, Heard
from edge.fakes import (
    FakeListener,
    FakeMicrophone,
    QuietRoom,
    silence,
)
from edge.microphone import Microphone
from edge.parts import Ear, Samples
from edge.resample import Resampler


@pytest.mark.parametrize(("gap_s", "resets"), [(0.1, 0), (0.3, 1)])
def test_d5_gaps(gap_s: float, resets: int) -> None:
    """A gap over 0.2 s makes the ears forget; any gap counts as time that has passed."""
    listener = FakeListener([1.04, 1.52])
    run = Run(script(silence(0.8), silence(1.6, gap_s=gap_s)), listener=listener)
    assert run.go() == 0
    assert listener.resets == 1 + resets  # one when the microphone was opened
    base_s = 0.8 if resets else 0.0
    assert run.times("heard") == pytest.approx([1.04 + gap_s + base_s])
    assert run.rows[-1]["stream_s"] == pytest.approx(2.4 + gap_s)


class HoldsBack(FakeListener):
    """Tells what it hears only when it is asked to flush."""

    held: tuple[Heard, ...] = ()

    def step(self, samples: Samples) -> list[Heard]:
        self.held += tuple(super().step(samples))
        return []

    def flush(self) -> list[Heard]:
        told, self.held = list(self.held), ()
        return told


def test_what_waits_is_told_before_a_gap_and_at_the_end() -> None:
    """A listener that holds a hop back is asked for it where the stream is cut, and its time is that of the
    sound, not of the gap behind it."""
    listener = HoldsBack([0.72, 1.52])
    run = Run(script(silence(0.8), silence(1.6, gap_s=0.5)), listener=listener)
    assert run.go() == 0
    assert run.times("heard") == pytest.approx([0.72, 1.52 + 0.8 + 0.5])


def test_d9_what_is_no_number() -> None:
    """NaN and infinity are silenced and counted, and whatever might remember them is reset."""
    bad = silence(0.08)
    bad.samples[3], bad.samples[7] = np.nan, np.inf
    run = Run(script(silence(0.08), bad, silence(0.08)))
    assert run.go() == 0
    ears = run.daemon._ears
    assert ears is not None
    assert ears.bad_samples == 2
    assert run.listener.finite
    assert run.listener.resets == 2


def test_d10_rates_and_channels() -> None:
    """48 kHz is converted, a change of rate on the way too, and the configured channel is heard."""
    two = Chunk(np.zeros((4_800, 2), np.float32), 48_000)
    two.samples[:, 0] = np.nan
    config = Config(microphone=dataclasses.replace(RECORDED, channel=1))
    run = Run(script(two, silence(1.0, 44_100), silence(0.5)), config=config)
    assert run.go() == 0
    assert run.listener.finite
    assert run.rows[-1]["stream_s"] == pytest.approx(1.6, abs=0.01)


def test_d7_deaf() -> None:
    """A minute of the same value is told as deafness, the first real sound after it as its end."""
    noise = Chunk(np.linspace(-0.1, 0.1, 16_000, dtype=np.float32)[:, None], 16_000)
    run = Run(script(noise, *[silence(1.0)] * 62, noise))
    assert run.go() == 0
    assert run.states() == ["LISTENING", "DEAF", "LISTENING"]
    assert run.times("state")[1] == pytest.approx(61, abs=1.1)


def test_d8_clipping(caplog: pytest.LogCaptureFixture) -> None:
    """More than 1 % of full-scale samples in 10 s is worth one line of advice."""
    loud = silence(1.0)
    loud.samples[:200] = 1.0
    Run(script(*[loud] * 25)).go()
    assert caplog.text.count("gain") == 1


class StillClock(Clock):
    """A clock for the ears that only waiting moves."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 1000.0

    def now_s(self) -> float:
        return self.time_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.time_s += seconds
        return event.is_set()


def test_d1_backoff() -> None:
    """An absent microphone is tried again after 1, 2, 4 … 30 s; state WAITING, with signs of life."""
    from edge.ears import Ears
    from edge.gate import Gate

    clock, tries, told = StillClock(), [], []

    def absent() -> Microphone:
        tries.append(clock.time_s - 1000)
        if len(tries) < 8:
            raise DeviceError("there is no microphone")
        return FakeMicrophone([silence(0.1)])

    ears = Ears(
        MicrophoneConfig(),
        Ear(absent, Resampler, FakeListener()),
        Gate(0.4),
        hear=lambda *_: None,
        tell=lambda *_, **values: told.append(values["state"]),
        wait=lambda seconds: clock.wait(threading.Event(), seconds),
        now_s=clock.now_s,
    )
    signs = []
    while ears.state != "LISTENING":
        ears.step()
        signs.append(ears.signs)
    assert tries == pytest.approx([0, 1, 3, 7, 15, 31, 61, 91])
    assert told == ["WAITING", "LISTENING"]
    assert all(a < b for a, b in pairwise(signs))


@pytest.mark.parametrize(
    ("device", "optional", "waits"), [("", False, True), ("Yeti", False, False), ("Yeti", True, True)]
)
def test_c7_absent_at_boot(device: str, optional: bool, waits: bool) -> None:
    """Absent at boot: the daemon stays up, and READY is sent; a name that fits nothing ends it (exit code 4)
    unless the microphone is optional."""

    def absent() -> Microphone:
        raise DeviceError("no microphone matches")

    run = Run(absent, config=Config(microphone=MicrophoneConfig(device=device, optional=optional)))
    if not waits:
        with pytest.raises(DeviceError) as caught:
            run.go()
        assert caught.value.exit_code == 4
        return
    assert run.until(lambda: "READY=1" in run.told.messages) == 0
    assert run.states() == ["WAITING"]
    assert run.told.messages[-1] == "STOPPING=1"


def test_d2_unplugged_and_back() -> None:
    """A microphone that goes away is closed, waited for and heard again from a fresh start."""
    first = FakeMicrophone([silence(0.4), DeviceError("gone"), silence(0.1)])
    opened = iter([first, QuietRoom()])
    run = Run(lambda: next(opened), config=Config())
    assert run.until(lambda: run.states()[-1:] == ["LISTENING"] and len(run.states()) == 3) == 0
    assert run.states() == ["LISTENING", "WAITING", "LISTENING"]
    assert first.closed
    assert run.listener.resets == 2


def test_d6_stops_silently() -> None:
    """A microphone that gives nothing for 2 s is opened again; the third time in a row ends it, with 1."""
    clock = StillClock()
    opened = []

    class Mute(QuietRoom):
        def read(self, timeout_s: float) -> Chunk | None:
            clock.time_s += timeout_s
            return None

    def open_it() -> Microphone:
        opened.append(Mute())
        return opened[-1]

    run = Run(open_it, config=Config(), clock=clock)
    with pytest.raises(HeychipError, match="stopped 3 times") as caught:
        run.go()
    assert caught.value.exit_code == 1
    assert len(opened) == 3
    assert all(microphone.closed for microphone in opened)
