"""The ears: what happens to sound, and microphones that come and go. Table (d)."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from daemon_rig import RECORDED, Run, script

from edge.clock import Clock
from edge.config import Config, MicrophoneConfig
from edge.ears import Ears
from edge.errors import DeviceError, HeychipError
from edge.events import Chunk, Heard
from edge.fakes import (
    FakeListener,
    FakeMicrophone,
    QuietRoom,
    silence,
)
from edge.gate import Gate
from edge.microphone import Microphone
from edge.microphone.device import Device
from edge.microphone.live import Live
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


def ears_of(
    microphone: Callable[[], Microphone], clock: StillClock, listener: FakeListener | None = None
) -> Ears:
    """Ears alone, on a clock that stands still; `told` remembers their states."""
    told: list[str] = []
    ears = Ears(
        MicrophoneConfig(),
        Ear(microphone, Resampler, listener or FakeListener()),
        Gate(0.4),
        hear=lambda *_: None,
        tell=lambda *_, **values: told.append(values["state"]),
        wait=lambda seconds: clock.wait(threading.Event(), seconds),
        now_s=clock.now_s,
    )
    ears.told = told
    return ears


def test_d1_backoff() -> None:
    """An absent microphone is tried again after 1, 2, 4, 5, 5 … s; state WAITING, with signs of life."""
    clock, tries = StillClock(), []

    def absent() -> Microphone:
        tries.append(clock.time_s - 1000)
        if len(tries) < 8:
            raise DeviceError("there is no microphone")
        return FakeMicrophone([silence(0.1)])

    ears = ears_of(absent, clock)
    signs = []
    while ears.state != "LISTENING":
        ears.step()
        signs.append(ears.signs)
    assert tries == pytest.approx([0, 1, 3, 7, 12, 17, 22, 27])
    assert ears.told == ["WAITING", "LISTENING"]
    assert all(a < b for a, b in pairwise(signs))


class Room(FakeMicrophone):
    """A microphone in a room, for ever: chunks of 80 ms, `make` gives each. Reading moves the clock."""

    def __init__(self, clock: StillClock, make: Callable[[], Chunk | None]) -> None:
        super().__init__([])
        self._clock, self._make = clock, make

    def read(self, timeout_s: float) -> Chunk | None:
        chunk = self._make()
        self._clock.time_s += 0.08 if chunk else timeout_s
        return chunk


def noise() -> Chunk:
    return Chunk(np.random.default_rng().normal(0, 0.1, (1_280, 1)).astype(np.float32), 16_000)


def step_for(ears: Ears, clock: StillClock, seconds: float) -> None:
    until_s = clock.time_s + seconds
    while clock.time_s < until_s:
        ears.step()


def test_d7_a_deaf_microphone_is_opened_anew() -> None:
    """One that gives nothing but zeros is opened anew after a minute, then after 1, 2, 4 … minutes again; the
    state stays DEAF all the while, and the first sound ends it."""
    clock, opened, sound = StillClock(), [], [silence(0.08)]

    def open_it() -> Microphone:
        opened.append(clock.time_s - 1000)
        return Room(clock, lambda: sound[0])

    ears = ears_of(open_it, clock)
    step_for(ears, clock, 3600)
    assert opened == pytest.approx([0, 60, 180, 420, 900, 1860], abs=2)
    assert ears.told == ["LISTENING", "DEAF"]
    sound[0] = noise()
    step_for(ears, clock, 1)
    assert ears.told == ["LISTENING", "DEAF", "LISTENING"]


def test_d7_sound_with_a_constant_is_centred(caplog: pytest.LogCaptureFixture) -> None:
    """A tenth of full scale added to every sample is taken away, and said once; sound without one reaches the
    listener as it was."""

    class Mean(FakeListener):
        means: tuple[float, ...] = ()

        def step(self, samples: Samples) -> list[Heard]:
            self.means += (float(samples.mean()),)
            return super().step(samples)

    for constant, most in ((0.1, 0.01), (0.0, 0.02)):
        caplog.clear()
        clock, listener = StillClock(), Mean()
        chunks = [noise() for _ in range(100)]
        moved = iter([dataclasses.replace(c, samples=c.samples + np.float32(constant)) for c in chunks])
        ears = ears_of(lambda clock=clock, moved=moved: Room(clock, lambda: next(moved)), clock, listener)
        step_for(ears, clock, 7.9)
        assert max(map(abs, listener.means[20:])) < most
        assert caplog.text.count("constant_removed") == bool(constant)


def test_d11_a_stall_loses_the_oldest_and_is_caught_up() -> None:
    """Seven seconds in which nobody reads: the newest five are heard, the two before them are a gap, and
    nothing is late afterwards."""
    clock = StillClock()
    live = Live(Device(0, "usb", "ALSA", 1, 0, 16_000), 16_000, 0)
    listener = FakeListener()
    ears = ears_of(lambda: live, clock, listener)
    ears.step()
    block = np.full((640, 1), 0.1, np.float32)
    for _ in range(round(7 / 0.04)):
        live.hear(block, overflow=False)
    while live.ring.held_s:
        ears.step()
    assert ears._intake.lost_s == pytest.approx(2.0, abs=0.041)
    assert ears._intake.lost_s + listener.samples / 16_000 == pytest.approx(7.0)
    assert ears._intake.stream_s == pytest.approx(7.0)


def test_d16_a_wrong_rate_is_opened_anew_and_then_believed(caplog: pytest.LogCaptureFixture) -> None:
    """A microphone that gives 44.1 kHz under the name of 48 is opened anew; the second time what it gives is
    what is converted from."""
    clock, opened = StillClock(), []

    def open_it() -> Microphone:
        opened.append(Room(clock, lambda: Chunk(noise().samples, opened[-1].rate_hz)))
        opened[-1].rate_hz, opened[-1].measured_rate_hz = 48_000, 44_093.0
        return opened[-1]

    ears = ears_of(open_it, clock)
    step_for(ears, clock, 60)
    assert len(opened) == 2
    assert opened[1].rate_hz == 44_100
    assert ears.told == ["LISTENING", "WAITING", "LISTENING"]
    assert caplog.text.count("taken_as=44100") == 1


def test_d16_a_source_that_may_have_been_moved_is_opened_anew() -> None:
    """Where a sound server may give another source without a word, sound that is missing is a reason to open
    the named one anew; gaps that come all the time are not."""
    clock, opened, gap_s = StillClock(), [], [0.0]

    def open_it() -> Microphone:
        opened.append(Room(clock, lambda: dataclasses.replace(noise(), gap_s=gap_s[0])))
        opened[-1].may_move = True
        return opened[-1]

    ears = ears_of(open_it, clock)
    step_for(ears, clock, 20)
    assert len(opened) == 1
    gap_s[0] = 0.3
    step_for(ears, clock, 20)
    assert len(opened) == 2
    gap_s[0] = 0.0
    step_for(ears, clock, 20)
    assert len(opened) == 3


@pytest.mark.parametrize("words", [2, 1])
def test_b10_hops_that_come_too_fast(words: int, caplog: pytest.LogCaptureFixture) -> None:
    """Ten seconds in which no read had to wait: a bundle is given up, or, where there is only one, it is said
    once a minute. A daemon that keeps up gives up nothing."""

    class Heavy(FakeListener):
        shed_at: tuple[float, ...] = ()

        def step(self, samples: Samples) -> list[Heard]:
            clock.time_s += cost_s[0]
            return super().step(samples)

        def shed(self) -> str | None:
            self.shed_at += (clock.time_s - 1000,)
            return "a word" if len(self.shed_at) < words else None

    class Full(Room):
        def read(self, _timeout_s: float) -> Chunk | None:
            return self._make()

    clock, cost_s, listener = StillClock(), [0.1], Heavy()
    ears = ears_of(lambda: Full(clock, noise), clock, listener)
    step_for(ears, clock, 55)
    assert listener.shed_at == pytest.approx([10, 20, 30, 40, 50], abs=1.0)
    assert caplog.text.count("too_slow") == 1
    listener.shed_at, cost_s[0] = (), 0.01
    ears = ears_of(lambda: Room(clock, noise), clock, listener)
    step_for(ears, clock, 55)
    assert listener.shed_at == ()


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
