"""Everything that is written, kind by kind: how it is written again and again, and what must be so after.

    python tests/rig/writers.py write KIND FOLDER COUNT         writes, saying "ack 3" after the third
    python tests/rig/writers.py kill KIND FOLDER POINTS SEED    kills writers at random moments, and checks

Where HEYCHIP_CUTS says, there are bundles to activate; `make_all` makes them.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bundles import make_bundle

import edge.eventlog
from edge import activate, trial
from edge.bundle import load_bundle, verify_bundle
from edge.eventlog import EventLog
from edge.files import sweep, write_whole
from edge.memories import Memories, find, forget, mark, read_memories
from edge.starts import Starts
from edge.status import Status, read_status
from edge.wav import read_wav

if TYPE_CHECKING:
    from synth.voices import Take
    from synth.voices.cache import Clips

COUNT = 12  # writes of a recorded run
SOUND = np.linspace(-0.5, 0.5, 6_000, dtype=np.float32)
MOST = 4  # moments that are remembered


@dataclass(frozen=True)
class Kind:
    """One kind of write."""

    prepare: Callable[[Path], object]
    """makes what is there before the first; and what comes back is of no use"""
    write: Callable[[Path, int], object]
    """the write of this number, from 1 on"""
    check: Callable[[Path, int, int], object]
    """(folder, done, begun): raises AssertionError unless the state is a whole one, that of a write from the
    last that was done to the last that was begun; goes on from it as the program would"""
    flushed: bool = True
    """what is done outlasts a power cut"""


def nothing(_: Path) -> None:
    """There is nothing before the first."""


def text_of(number: int) -> bytes:
    """A file that shows where it was cut or mixed."""
    return f"{number:08d}\n".encode() * (700 + 300 * (number % 3))


def check_text(folder: Path, done: int, begun: int) -> None:
    """The old file or the new one; what was left beside it is swept away."""
    data = (folder / "file").read_bytes()
    number = int(data[:8])
    assert data == text_of(number)
    assert done <= number <= begun
    sweep(folder / "file")
    assert [path.name for path in folder.iterdir()] == ["file"]


def write_event(folder: Path, number: int) -> None:
    edge.eventlog.MOST_BYTES = 400  # so that the file is set aside now and then
    EventLog(folder / "events.jsonl", out=StringIO())("heard", number, word="hey " * (1 + number % 5))


def check_events(folder: Path, done: int, begun: int) -> None:
    """What is told next is a whole line of its own; every line that can be read is true, and none comes twice
    or out of order."""
    write_event(folder, 10**6)
    names = [folder / name for name in ("events.jsonl.1", "events.jsonl") if (folder / name).exists()]
    rows = []
    for line in (line for name in names for line in name.read_bytes().split(b"\n")):
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    times = [int(row["time_s"]) for row in rows]
    assert times[-1] == 10**6
    assert all(row["word"] == "hey " * (1 + int(row["time_s"]) % 5) for row in rows)
    times = [at for at in times if at < 10**6]
    assert times == sorted(set(times))
    assert max(times, default=0) <= begun


def remember(folder: Path, number: int) -> None:
    store = Memories(folder / "memory", most_files=MOST)
    store.open()
    store.keep(SOUND * np.float32(number % 10 / 10), {"kind": "heard", "word": f"w{number}", "write": number})
    store.close()


def check_memories(folder: Path, done: int, begun: int) -> None:
    """Every moment that is there is whole, and no more than there may be; once opened there is nothing
    else, and the next has a number of its own."""
    store = Memories(folder / "memory", most_files=MOST)
    store.open()
    kept = read_memories(folder / "memory")
    files = {path.name for one in kept for path in (one.wav, one.json)} | {".lock"}
    assert {path.name for path in (folder / "memory").iterdir()} == files
    for one in kept:
        number = one.facts["write"]
        sound = read_wav(one.wav).samples[:, 0]
        assert np.abs(sound - SOUND * np.float32(number % 10 / 10)).max() <= 1 / 32768
    assert len(kept) <= MOST
    numbers = [one.facts["write"] for one in kept]
    assert numbers == sorted(set(numbers))
    assert done <= max(numbers, default=0) <= begun
    more = store.keep(SOUND, {"kind": "heard", "word": "", "write": 0})
    assert more.number > max((one.number for one in kept), default=0)
    forget(more)
    store.close()


def prepare_mark(folder: Path) -> None:
    remember(folder, 5)


def write_mark(folder: Path, number: int) -> None:
    one = find(folder / "memory", 1)
    mark(one, "yes" if number % 2 else "no")


def check_mark(folder: Path, done: int, begun: int) -> None:
    """The moment is there, with the mark of a write that was done or begun."""
    (one,) = read_memories(folder / "memory")
    said = {number: ("yes" if number % 2 else "no") if number else "" for number in range(done, begun + 1)}
    assert one.label in said.values()
    assert one.facts["write"] == 5


def made(number: int) -> Path:
    """A bundle whose seed is this number."""
    return Path(os.environ["HEYCHIP_CUTS"]) / f"n{number % 20}" / "hey_test"


def make_all(place: Path) -> None:
    """The bundles for `made`."""
    for number in range(20):
        make_bundle(place / f"n{number}", change=lambda manifest, n=number: manifest.update(seed=n))


def unheard(*_: object) -> dict[str, float]:
    """No child process: it writes nothing, and one process alone is followed."""
    return {}


def activate_one(folder: Path, number: int) -> None:
    activate.hear_first = unheard
    activate.activate(made(number), folder=folder / "models")
    if number and number % 4 == 0:  # there and back
        activate.roll_back("hey_test", folder / "models")
        activate.activate(made(number), folder=folder / "models")


def check_activation(folder: Path, done: int, begun: int) -> None:
    """The name means a bundle whose every file is whole: one that was activated, or the one before."""
    os.environ["HEYCHIP_MODELS"] = str(folder / "models")
    assert [check.file for check in verify_bundle("hey_test") if check.bad] == []
    seed = load_bundle("hey_test").manifest.seed
    assert seed in {number % 20 for number in range(max(done - 1, 0), begun + 1)}
    activate_one(folder, 19)
    assert load_bundle("hey_test").manifest.seed == 19


def publish(folder: Path, number: int) -> None:
    from synth.bundle import move  # the kinds of edge need not wait for it

    move(made(number), folder / "out")


def check_published(folder: Path, done: int, begun: int) -> None:
    """A whole bundle, of a write that was done or begun; the next makes it another."""
    assert [check.file for check in verify_bundle(folder / "out") if check.bad] == []
    assert load_bundle(folder / "out").manifest.seed in {number % 20 for number in range(done, begun + 1)}
    publish(folder, 19)
    assert load_bundle(folder / "out").manifest.seed == 19


def write_trial(folder: Path, number: int) -> None:
    os.environ["XDG_CACHE_HOME"] = str(folder)
    trial._write_cache({f"{k:064d}": str(number) for k in range(number % 5 + 1)})


def check_trial(folder: Path, done: int, begun: int) -> None:
    """All results of one write."""
    os.environ["XDG_CACHE_HOME"] = str(folder)
    kept = trial._read_cache()
    numbers = {int(reason) for reason in kept.values()}
    assert len(numbers) == 1
    (number,) = numbers
    assert len(kept) == number % 5 + 1
    assert done <= number <= begun


def write_start(folder: Path, number: int) -> None:
    one = Starts(folder, folder / "models", now_s=lambda: 1000.0 + 400 * number)
    one.begin()
    if number % 2:
        one.end()


def check_starts(folder: Path, done: int, begun: int) -> None:
    """A whole file that knows the last start or the one before, or that it ended."""
    found = json.loads((folder / "starts.json").read_bytes())
    allowed = [[1000.0 + 400 * number] for number in range(done, begun + 1)]
    assert found["open"] in [[], *allowed]
    assert not Starts(folder, folder / "models", now_s=lambda: 1e7).begin()


def clip(folder: Path, number: int) -> tuple[Clips, Take]:
    from synth.voices import Take, Voice
    from synth.voices.cache import Clips

    return Clips(folder), Take(f"take {number}", Voice("fake", "one", "en-us", "none"))


def write_clip(folder: Path, number: int) -> None:
    clips, take = clip(folder, number)
    clips.put(take, SOUND * np.float32(number % 10 / 10))


def check_clips(folder: Path, done: int, begun: int) -> None:
    """Every clip that was done is there; one that was begun is there whole or not, and is made again."""
    for number in range(max(1, begun - 15), begun + 1):
        clips, take = clip(folder, number)
        found = clips.get(take)
        assert found is not None or number > done
        if found is not None:
            assert np.abs(found - SOUND * np.float32(number % 10 / 10)).max() <= 1 / 32768
    write_clip(folder, begun)


def fetch(folder: Path, number: int) -> None:
    from synth.fetch import _swap as swap

    with tempfile.TemporaryDirectory(prefix=".source.", dir=folder) as work:
        new = Path(work, "new")
        new.mkdir()
        for k in range(number % 3 + 1):
            write_whole(new / f"{k}.wav", text_of(number))
        write_whole(new / "source.json", json.dumps({"number": number}).encode())
        swap(new, folder / "source", Path(work, "old"))


def check_fetched(folder: Path, done: int, begun: int) -> None:
    """All recordings of one source, with the file that tells of them."""
    number = json.loads((folder / "source" / "source.json").read_bytes())["number"]
    assert done <= number <= begun
    names = {f"{k}.wav" for k in range(number % 3 + 1)} | {"source.json"}
    assert {path.name for path in (folder / "source").iterdir()} == names
    assert all((folder / "source" / name).read_bytes() == text_of(number) for name in names - {"source.json"})


def write_status(folder: Path, number: int) -> None:
    tell = EventLog(out=StringIO())
    tell.counts["heard"] = number
    Status(lambda: 100.0 * number, None, folder).step(None, tell)


def check_status(folder: Path, done: int, begun: int) -> None:
    """A whole file, of a write that was done or begun."""
    row = read_status(folder / "status.json")
    assert row is not None
    assert done <= row["counts"]["heard"] <= begun


def write_all(folder: Path, number: int) -> None:
    write_start(folder, number)
    write_event(folder, number)
    remember(folder, number)
    activate_one(folder, number)


def check_all(folder: Path, done: int, begun: int) -> None:
    """Each is of a write that was done or begun, whatever the others are."""
    check_starts(folder, done, begun)
    check_events(folder, 0, begun)
    check_memories(folder, done, begun)
    check_activation(folder, done, begun)


KINDS = {
    "a file written whole": Kind(lambda f: write_whole(f / "file", text_of(0)),
                                 lambda f, n: write_whole(f / "file", text_of(n)), check_text),
    "the event log": Kind(nothing, write_event, check_events, flushed=False),
    "memories": Kind(lambda f: remember(f, 0), remember, check_memories),
    "a mark on a memory": Kind(prepare_mark, write_mark, check_mark),
    "activation": Kind(lambda f: activate_one(f, 0), activate_one, check_activation),
    "results of trials": Kind(lambda f: write_trial(f, 0), write_trial, check_trial),
    "the count of starts": Kind(lambda f: write_start(f, 0), write_start, check_starts),
    "status.json": Kind(lambda f: write_status(f, 0), write_status, check_status),
    "all that the daemon writes": Kind(lambda f: write_all(f, 0), write_all, check_all),
    "a new bundle (synth)": Kind(lambda f: publish(f, 0), publish, check_published),
    "clips (synth)": Kind(nothing, write_clip, check_clips),
    "recordings that are fetched (synth)": Kind(lambda f: fetch(f, 0), fetch, check_fetched),
}  # fmt: skip


def write(kind: Kind, folder: Path, first: int, count: int, tell: int) -> None:
    """Writes one after the other, each acknowledged on the descriptor `tell`."""
    for number in range(first, first + count):
        kind.write(folder, number)
        os.write(tell, b"ack %d\n" % number)


def kill(kind: Kind, folder: Path, points: int, seed: int) -> None:
    """So many writers, each killed at a random moment of its life; after each the state is checked."""
    chance, number, each_s = random.Random(seed), 0, 0.0
    for _ in range(3):  # the first is slower: what it needs is imported
        number += 1
        begun_s = time.monotonic()
        kind.write(folder, number)
        each_s = time.monotonic() - begun_s
    for _ in range(points):
        number += 1
        kind.write(folder, number)
        heard, tell = os.pipe()
        if not (child := os.fork()):
            write(kind, folder, number + 1, 10**6, tell)
        os.close(tell)
        time.sleep(chance.uniform(0, 4 * each_s))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(heard, "rb") as file:
            done = max([number, *(int(line.split()[1]) for line in file if line.endswith(b"\n"))])
        kind.check(folder, done, done + 1)
        number = done + 1


def main(does: str, name: str, folder: str, count: str, seed: str = "0") -> None:
    """See above."""
    if does == "write":
        write(KINDS[name], Path(folder), 1, int(count), 2)
    else:
        kill(KINDS[name], Path(folder), int(count), int(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
