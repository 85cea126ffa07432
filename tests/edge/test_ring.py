"""The ring between callback and reader: bounded, and honest about what it lost."""

from __future__ import annotations

from threading import Event, Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events import Chunk
from edge.ring import Ring, seconds

RATE_HZ = 1_000


def chunk(first: int, count: int, gap_s: float = 0.0) -> Chunk:
    """Samples that count on from `first`, so that it shows which they are."""
    samples = np.arange(first, first + count, dtype=np.float32)[:, None]
    return Chunk(samples, RATE_HZ, gap_s)


def drain(ring: Ring) -> list[Chunk]:
    """All that waits."""
    return list(iter(ring.get, None))


def test_what_goes_in_comes_out_in_order() -> None:
    """Within its capacity the ring gives every chunk as it was, in order, then None."""
    ring = Ring(1.0)
    chunks = [chunk(0, 100), chunk(100, 1), chunk(101, 500, gap_s=0.25)]
    for each in chunks:
        ring.put(each)
    assert ring.held_s == pytest.approx(0.601)
    assert all(got is put for got, put in zip(drain(ring), chunks, strict=True))
    assert ring.get() is None
    assert ring.held_s == 0.0


def test_a_stall_loses_the_oldest_and_says_how_much() -> None:
    """After 5 s without a reader a ring of 1 s holds the newest second and tells of the other 4 s."""
    ring = Ring(1.0)
    for i in range(50):
        ring.put(chunk(100 * i, 100))
    chunks = drain(ring)
    assert chunks[0].samples[0, 0] == 4_000
    assert [c.gap_s for c in chunks] == [pytest.approx(4.0)] + [0.0] * 9


@given(st.lists(st.tuples(st.integers(0, 700), st.booleans(), st.sampled_from([0.0, 0.0, 0.5])), max_size=60))
def test_every_second_is_heard_or_told_of(steps: list[tuple[int, bool, float]]) -> None:
    """However puts and gets are mixed: never more than the capacity, and sound plus gaps is all there was."""
    ring, position, put_s, got_s, expected_first = Ring(0.5), 0, 0.0, 0.0, 0
    for count, read, gap_s in steps:
        ring.put(chunk(position, count, gap_s))
        position += count
        put_s += count / RATE_HZ + gap_s
        assert ring.held_s <= 0.5 + 1e-9
        for got in drain(ring) if read else []:
            got_s += seconds(got) + got.gap_s
            if len(got.samples):
                assert got.samples[0, 0] >= expected_first
                expected_first = int(got.samples[-1, 0]) + 1
    got_s += sum(seconds(got) + got.gap_s for got in drain(ring))
    assert got_s == pytest.approx(put_s)


def test_a_chunk_longer_than_the_ring_keeps_its_end() -> None:
    """A block of 10 s does not get past the bound: its newest part stays, the rest is a gap."""
    ring = Ring(1.0)
    ring.put(chunk(0, 10_000, gap_s=0.5))
    (kept,) = drain(ring)
    assert (kept.samples[0, 0], len(kept.samples)) == (9_000, 1_000)
    assert kept.gap_s == pytest.approx(9.5)


def test_a_reader_is_woken_by_a_chunk_and_by_the_end() -> None:
    """A reader that waits gets another thread's chunk; closing wakes it with None and ends further puts."""
    ring, got, started = Ring(1.0), [], Event()

    def read() -> None:
        started.set()
        got.extend([ring.get(60.0), ring.get(60.0)])

    reader = Thread(target=read, daemon=True)
    reader.start()
    started.wait(10)
    ring.put(chunk(0, 10))
    ring.close()
    reader.join(30)
    assert not reader.is_alive()
    assert len(got[0].samples) == 10
    assert got[1] is None
    ring.put(chunk(10, 10))
    assert ring.get(60.0) is None


def test_writers_and_readers_in_threads_lose_nothing_unsaid() -> None:
    """Of 4000 chunks through a small ring, read meanwhile, every sample is heard once or within a gap."""
    ring, heard, done = Ring(0.05), [], Event()

    def read() -> None:
        while not done.is_set() or ring.held_s > 0.0:
            if (got := ring.get(0.01)) is not None:
                heard.append(got)

    reader = Thread(target=read, daemon=True)
    reader.start()
    for i in range(4_000):
        ring.put(chunk(10 * i, 10))
    done.set()
    reader.join(60)
    assert not reader.is_alive()
    total_s = sum(seconds(got) + got.gap_s for got in heard)
    assert total_s == pytest.approx(40.0)
    firsts = [got.samples[0, 0] for got in heard]
    assert firsts == sorted(set(firsts))


def test_clear_forgets_without_a_gap() -> None:
    """A stream that starts anew finds the ring empty and no gap on its first chunk."""
    ring = Ring(1.0)
    ring.put(chunk(0, 100))
    ring.clear()
    ring.put(chunk(500, 100))
    assert [c.gap_s for c in drain(ring)] == [0.0]


@pytest.mark.parametrize("capacity_s", [0.0, -1.0, float("nan")])
def test_a_ring_without_room_is_refused(capacity_s: float) -> None:
    """A capacity of nothing is a mistake of the caller."""
    with pytest.raises(ValueError, match="above 0 s"):
        Ring(capacity_s)
