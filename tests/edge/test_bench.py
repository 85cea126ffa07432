"""`heychip bench`: what it prints, how it ends, and what it reads off a Raspberry Pi."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bundles import make_bundle

from edge.bench import page
from edge.bench.board import machine, mood, resident_mb, words
from edge.bench.clock import FEWEST, Meter, ratio, summary
from edge.bench.eyes import shown
from edge.bench.eyes import summary as summary_of_pictures
from edge.bench.members import networks, weights_of, with_members, written
from edge.bench.sound import room, sound_of
from edge.bundle import load_bundle
from edge.checkup import _board
from edge.commands import bench
from edge.detectors import Detectors, check_contract
from edge.errors import UsageError
from edge.onnx_scan import scan
from synth.draw import Recipe
from synth.export import fused
from synth.presets import PER_VOICE_NETS
from synth.train import Trained, start_params

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LISTENERS = ["whole listener", "with the lazy gate"]
ROOMS = ("resample from 48 kHz", "front end (mel)", "backbone", "detectors", "ensemble",
         "second look, a word near", *LISTENERS)


def heychip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`heychip …` in a process of its own."""
    argv = [sys.executable, "-m", "edge.cli", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False)


def pi(root: Path, *, throttled: str = "50005", model: str = "Raspberry Pi Zero 2 W Rev 1.0") -> Path:
    """The files of a Raspberry Pi that are read."""
    contents = {
        "proc/device-tree/model": f"{model}\0",
        "proc/meminfo": "MemTotal:         436272 kB\nMemFree:           69000 kB\n",
        "proc/loadavg": "0.52 0.34 0.20 1/128 1234\n",
        "sys/class/thermal/thermal_zone0/temp": "61224\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": f"{throttled}\n",
    }
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """A real run of the command, short, with everything asked for."""
    done = heychip("bench", "--json", "--seconds", "0.2", "--members", "1,3", "--streams", "1,2")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_room_is_measured(told: dict[str, Any]) -> None:
    """All rooms and the whole listener have a cost, in order, and their shares and multiples are of that."""
    assert (told["schema"], told["complete"], told["step_ms"]) == (1, True, 80)
    assert [row["stage"] for row in told["stages"]] == list(ROOMS)
    for row in told["stages"]:
        assert 0 < row["p50_us"] <= row["p95_us"] <= row["p99_us"]
        assert row["core_percent"] == pytest.approx(100 * row["us"] / 80_000, abs=1e-3)
        assert row["times_real_time"] == pytest.approx(80_000 / row["us"], rel=1e-2)
        assert row["steps"] >= FEWEST


def test_the_eyes_are_measured(told: dict[str, Any]) -> None:
    """Things and faces have a cost of a picture, and their share of a core is that of one every second."""
    assert [row["model"] for row in told["eyes"]] == ["things", "faces"]
    for row in told["eyes"]:
        assert 0 < row["p50_us"] <= row["p95_us"] <= row["p99_us"]
        assert row["interval_s"] == 1.0
        assert row["core_percent"] == pytest.approx(row["us"] / 1e4, abs=1e-3)
        assert row["pictures_per_s"] == pytest.approx(1e6 / row["us"], rel=1e-2)
        assert row["pictures"] >= FEWEST
        assert row["faces"] == 0


def test_pictures_to_look_at(tmp_path: Path) -> None:
    """--picture is looked at no larger than the cameras give it; half as often is half the share."""
    wide = tmp_path / "wide.npy"
    np.save(wide, np.random.default_rng(0).integers(0, 256, (90, 2000, 3), np.uint8))
    assert [frame.pixels.shape for frame in shown([str(wide)])] == [(29, 640, 3)]
    assert shown([])[0].pixels.shape == (480, 640, 3)
    costs = np.full(10, 20_000.0)
    assert summary_of_pictures(costs, 1.0)["core_percent"] == 2.0
    assert summary_of_pictures(costs, 0.5)["core_percent"] == 4.0


def test_without_eyes() -> None:
    """--eyes without a name leaves them out; an interval that is none is refused."""
    done = heychip("bench", "--eyes", "--seconds", "0.1", "--json")
    found = json.loads(done.stdout)
    assert (found["eyes"], found["complete"]) == ([], True)
    assert "CPU of a picture" not in page.text(found)
    for interval in ("0", "nan", "inf"):
        assert heychip("bench", "--interval", interval).returncode == 2


def test_growth_and_start_are_measured(told: dict[str, Any]) -> None:
    """A row for each count, compared with the first; memory and start-up of a process of its own."""
    assert [row["members"] for row in told["members"]] == [1, 3]
    assert [row["streams"] for row in told["streams"]] == [1, 2]
    for rows in (told["members"], told["streams"]):
        assert rows[0]["ratio"] == {"median": 1.0, "lowest": 1.0, "highest": 1.0}
        assert rows[1]["ratio"]["lowest"] <= rows[1]["ratio"]["median"] <= rows[1]["ratio"]["highest"]
    assert told["streams"][1]["us"] == pytest.approx(2 * told["streams"][1]["us_a_stream"], rel=1e-3)
    assert 0 < told["start"]["load_cpu_s"] <= told["start"]["cpu_s"]
    assert 20 < told["start"]["resident_mb"] <= told["start"]["peak_mb"]


def test_the_page_has_it_all(told: dict[str, Any]) -> None:
    """Rooms, members, streams, memory and the sound that was heard are in the table; colour only if asked."""
    shown = page.text(told)
    eyes = ("CPU of a picture", "things", "faces", "nobody in it")
    for part in (*ROOMS, *eyes, "members", "streams in one process", "resident", "hey_chip/golden.wav"):
        assert part in shown
    assert "\x1b" not in shown
    assert "\x1b" in page.text(told, colour=True)
    assert all(len(line) < 150 for line in shown.splitlines())


def test_a_pi_tells_of_heat_and_power(told: dict[str, Any], tmp_path: Path) -> None:
    """The page of a Raspberry Pi has its temperature and what its firmware did, and a warning."""
    root = pi(tmp_path)
    boards = {when: asdict(mood(root)) for when in ("before", "after")}
    there = told | {"machine": asdict(machine(root)), "board": boards}
    shown = page.text(there)
    assert "Raspberry Pi Zero 2 W Rev 1.0" in shown
    assert "temperature: 61.2 °C before, 61.2 °C after" in shown
    assert "too little voltage, throttled now" in shown
    assert "measure again" in shown
    pi(tmp_path, throttled="0")
    fine = there | {"board": {when: asdict(mood(root)) for when in ("before", "after")}}
    assert "never held back" in page.text(fine)
    assert "measure again" not in page.text(fine)


@pytest.mark.parametrize(("bits", "said"), [
    (0, "never held back"),
    (0x1, "too little voltage now"),
    (0x50000, "too little voltage, throttled since it was started"),
    (0x50005, "too little voltage, throttled now"),
    (0xA0002, "clock capped now; near the limit of temperature since it was started"),
    (0x8, "near the limit of temperature now"),
])
def test_the_bits_of_the_firmware(bits: int, said: str) -> None:
    """Bits 0 to 3 are of the moment, 16 to 19 of the time since the start; what still holds is told once."""
    assert words(bits) == said


def test_readers_of_the_board(tmp_path: Path) -> None:
    """Model, memory, temperature, load and bits are read below the root; a tree without them gives None."""
    root = pi(tmp_path / "pi")
    found, state = machine(root), mood(root)
    assert (found.model, found.pi, found.memory_mb) == ("Raspberry Pi Zero 2 W Rev 1.0", True, 426)
    assert (state.temperature_c, state.load, state.throttled) == (61.224, 0.52, 0x50005)
    assert resident_mb(root) is None
    assert not machine(tmp_path / "none").pi
    bare = mood(tmp_path / "none")
    assert (bare.load, bare.temperature_c, bare.throttled, bare.held_back) == (None, None, None, "")


def test_the_doctor_tells_of_power(tmp_path: Path) -> None:
    """On a Raspberry Pi that was short of power the doctor has a note and a remedy; elsewhere no line."""
    (held,) = _board(pi(tmp_path))
    assert (held.state, bool(held.remedy)) == ("note", True)
    assert "too little voltage" in held.found
    (fine,) = _board(pi(tmp_path, throttled="0"))
    assert (fine.state, fine.remedy) == ("ok", "")
    assert list(_board(pi(tmp_path, model="Some other board"))) == []


def test_ctrl_c_shows_what_there_is() -> None:
    """Interrupted while it measures, it prints what it has, marked as not complete, without a traceback."""
    argv = [sys.executable, "-m", "edge.cli", "bench", "--json", "--seconds", "60", "--members", "1"]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert child.stderr is not None
    assert "measuring every room" in child.stderr.readline()
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    out, said = child.communicate(timeout=60)
    found = json.loads(out)
    assert child.returncode == 130
    assert found["complete"] is False
    assert [row["stage"] for row in found["stages"]] == list(ROOMS)
    assert found["members"] == []
    assert "Traceback" not in said
    assert "ended early" in page.text(found)


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (("--members", "1,a"), 2, "different numbers"),
    (("--streams", "0"), 2, "different numbers"),
    (("--seconds", "0"), 2, "more than 0"),
    (("--models", "no_such"), 5, "no such bundle"),
    (("--sound", "no_such.wav"), 2, "no_such.wav"),
])
def test_exit_codes(arguments: tuple[str, ...], code: int, message: str) -> None:
    """What cannot be done is told in plain words and by the exit code."""
    done = heychip("bench", "--seconds", "0.1", *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_members_share_the_first_network() -> None:
    """The bundle with five members says five times what its first network says; its file passes the scan, and
    it goes on from hop to hop."""
    bundle = load_bundle("hey_chip")
    one, five = with_members(bundle, 1), with_members(bundle, 5)
    summary_of = scan(five.onnx, "five")
    check_contract(summary_of.inputs, summary_of.outputs, 5, "five")
    windows = np.random.default_rng(0).standard_normal((4, 16, 96)).astype(np.float32) * 10
    said = np.stack([Detectors(five).step(window) for window in windows])
    alone = np.stack([Detectors(one).step(window) for window in windows])
    assert said == pytest.approx(np.repeat(alone, 5, axis=1), rel=1e-4, abs=1e-4)
    assert said.std(axis=0).min() > 0
    own, grown = weights_of(bundle.onnx), weights_of(five.onnx)
    assert own is not None and grown is not None
    assert (networks(own), networks(grown), networks(weights_of(written(own)) or {})) == (8, 1, 8)
    assert len(grown["w1"]) == 32
    assert Detectors(five)._stream is not None


def test_members_are_measured_as_they_are_made() -> None:
    """The file is laid out, node by node and shape by shape, as that of `make --members per-voice`."""
    params = start_params(PER_VOICE_NETS, 0, Recipe().channels, heads=7)
    shared = Trained({name: np.asarray(value) for name, value in params.items()}, np.zeros(96, np.float32),
                     np.ones(96, np.float32), PER_VOICE_NETS)
    made, measured = (onnx.load_model_from_string(data).graph for data in
                      (fused(shared), with_members(load_bundle("hey_chip"), 7).onnx))
    nodes, shapes = [], []
    for graph in (made, measured):
        told = [(node.op_type, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
                for node in graph.node]
        nodes.append(told)
        shapes.append({one.name: tuple(one.dims) for one in graph.initializer})
    assert len(nodes[0]) == 7
    assert nodes[0] == nodes[1]
    assert shapes[0] == shapes[1]


def test_other_layouts_are_not_repeated(tmp_path: Path) -> None:
    """A bundle whose model is laid out in another way is named, with a remedy."""
    other = load_bundle(make_bundle(tmp_path))
    with pytest.raises(UsageError, match="--models"):
        with_members(other, 3)
    assert weights_of(b"") is None


def test_sounds(tmp_path: Path) -> None:
    """The golden recording, noise, a quiet room or a file; without a golden one it is noise, and says so."""
    bundle = load_bundle("hey_chip")
    assert "golden.wav" in sound_of("golden", [bundle]).name
    golden = sound_of("golden", [bundle])
    assert np.array_equal(golden.hop(len(golden.hops)), golden.hop(0))
    assert golden.at_microphone().shape == (len(golden.hops), 3840)
    assert "noise" in sound_of("golden", []).name
    assert 20 * np.log10(room(-70.0).std()) == pytest.approx(-70, abs=0.1)
    assert sound_of(str(bundle.path / "golden.wav"), []).hops.shape == golden.hops.shape


def test_turns_and_ratios() -> None:
    """Each step has all hops, in order; a ratio of a cost to itself is 1, and to half of it 2."""
    seen: dict[str, list[int]] = {"a": [], "b": []}
    steps = {name: row.append for name, row in seen.items()}
    costs = Meter(0.01).run("lists", steps, turn=12)
    assert seen["a"] == seen["b"] == sorted(seen["a"])
    assert len(costs["a"]) == len(costs["b"]) >= FEWEST
    row = np.arange(1.0, 101.0)
    assert ratio(row, row / 2) == {"median": 2.0, "lowest": 2.0, "highest": 2.0}
    assert summary(np.full(10, 800.0))["core_percent"] == 1.0


def test_realtime_waits() -> None:
    """With --realtime, hops come no faster than sound does."""
    started = time.monotonic()
    hops: list[int] = []
    Meter(0.01, realtime=True).run("hops", {"a": hops.append})
    counted = sum(hop >= 0 for hop in hops)
    assert time.monotonic() - started >= 0.08 * (counted - 2)


def test_realtime_is_the_listener_alone() -> None:
    """At the pace of sound only whole listeners are measured, and the table does not speak of rooms."""
    done = heychip("bench", "--realtime", "--seconds", "0.1", "--json")
    found = json.loads(done.stdout)
    assert [row["stage"] for row in found["stages"]] == LISTENERS
    assert found["eyes"] == []
    assert "resample" not in page.text(found)


def test_counts() -> None:
    """A list of counts is read as it is written; doubles are refused."""
    assert bench.counts("1,8,64") == (1, 8, 64)
