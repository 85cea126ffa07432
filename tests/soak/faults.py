"""What goes wrong in the soak: one row for each kind of fault, and a day's plan of them from a seed."""

from __future__ import annotations

import numpy as np

from tests.soak.fault import Fault, Kind, both, nothing
from tests.soak.hurt_ears import (
    blocks,
    drift,
    lose_blocks,
    mute,
    no_numbers,
    plug,
    read_fails,
    read_raises,
    stall,
    treat,
    true_rate,
    unplug,
    usual_blocks,
    wrong_rate,
)
from tests.soak.hurt_process import (
    BROKEN,
    GOOD,
    clock_jumps,
    command,
    config,
    events,
    garbage,
    manager,
    mended,
    nobody_reads,
    says,
    sees,
    signalled,
    usual_command,
)
from tests.soak.signs import (
    NOTE_PICTURES,
    NOTE_REFUSED,
    NOTE_RELOADS,
    NOTE_RESTARTS,
    alive,
    pictured,
    quiet,
    refused,
    reloaded,
    restarted,
)

KINDS: dict[str, Kind] = {
    "unplug and replug": Kind("D2, D1, D4", unplug, plug, 0.3, 60, weight=4),
    "absent for minutes": Kind("D1, D3", unplug, plug, 100, 300, weight=0.7),
    "library raises": Kind("D2", read_fails, nothing, 0.1, 0.1),
    # The gate may hold the last two hops of a word, until the stream is given up after 2 s.
    "callbacks stop": Kind("D6", mute, nothing, 0.1, 0.1, weight=2, limit_s=40, late=True),
    "overflow burst": Kind("D5", lose_blocks(0.5), lose_blocks(0.0), 2, 8, weight=2),
    "NaN and infinity": Kind("D9, B11", treat(no_numbers), treat(None), 0.2, 3, weight=2),
    "zeros": Kind("D7", treat(lambda _, x: x * 0), treat(None), 5, 150),
    "stuck value": Kind("D7", treat(lambda _, x: x * 0 + np.float32(0.123)), treat(None), 5, 100),
    "DC offset": Kind("D7", treat(lambda _, x: x + np.float32(0.2)), treat(None), 20, 120),
    "clipping": Kind("D8", treat(lambda _, x: np.clip(x * 40, -1, 1)), treat(None), 5, 60),
    "clock drift": Kind("D10", drift, true_rate, 30, 180, deaf=False),
    "wrong rate": Kind("D16", wrong_rate, nothing, 0.1, 0.1, limit_s=90, weight=0.5),
    "one sample a block": Kind("D10", blocks(0.0), usual_blocks, 0.2, 0.6, deaf=False, weight=0.5),
    "blocks of 1 s": Kind("D10", blocks(1.0), usual_blocks, 20, 90, deaf=False),
    "blocks of 10 s": Kind("D10, D6", blocks(10.0), usual_blocks, 15, 40, limit_s=40, late=True, weight=0.5),
    "ears stall": Kind("D11", stall(2, 15), nothing, 15.5, 16.5, hangs=True, late=True, weight=2),
    "ears hang": Kind(
        "D15",
        both(NOTE_RESTARTS, stall(40, 44)),
        nothing,
        46,
        50,
        well=restarted,
        hangs=True,
        late=True,
        limit_s=30,
        weight=0.5,
    ),
    "ears fail": Kind("D15", both(NOTE_RESTARTS, read_raises), nothing, 0.1, 0.1, well=restarted, limit_s=20),
    "voice fails": Kind(
        "D15", both(NOTE_RESTARTS, says("raises")), says("well"), 3, 3, well=restarted, limit_s=30, weight=0.5
    ),
    "eyes fail": Kind(
        "D15", both(NOTE_RESTARTS, sees("raises")), nothing, 3, 3, well=restarted, limit_s=20, weight=0.5
    ),
    "nobody reads": Kind(
        "D15", both(NOTE_RESTARTS, nobody_reads), nothing, 6, 6, well=restarted, limit_s=30, weight=0.5
    ),
    "SIGTERM": Kind(
        "F6", both(NOTE_RESTARTS, signalled("SIGTERM")), nothing, 0.1, 0.1, well=restarted, limit_s=20
    ),
    "SIGHUP, good": Kind(
        "C9",
        both(NOTE_RELOADS, config(*GOOD), signalled("SIGHUP")),
        nothing,
        0.1,
        0.1,
        well=reloaded,
        weight=2,
    ),
    "SIGHUP, broken": Kind(
        "C1 to C9",
        both(NOTE_REFUSED, config(*BROKEN), signalled("SIGHUP")),
        config(""),
        3,
        5,
        deaf=False,
        well=refused,
        weight=2,
    ),
    "SIGHUP, bundle is garbage": Kind(
        "B1, B2", both(NOTE_REFUSED, garbage, signalled("SIGHUP")), mended, 3, 5, deaf=False, well=refused
    ),
    "speech fails": Kind("F1", says("fails"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "speech is slow": Kind("F1", says("slow"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "speech hangs": Kind("F1", says("hangs"), says("well"), 20, 90, deaf=False, well=quiet, limit_s=20),
    "command hangs or forks": Kind(
        "F5",
        command(
            "sleep 900", "(sleep 900 &); (sleep 900 &); exit 0", "trap '' TERM; while :; do sleep 1; done"
        ),
        usual_command,
        30,
        120,
        deaf=False,
    ),
    "command fails": Kind("F5", command("exit 3", "kill -9 $$"), usual_command, 30, 120, deaf=False),
    "events: disk full": Kind("E9, F7", events("full"), events("well"), 30, 300, deaf=False),
    "events: not writable": Kind("F9", events("folder"), events("well"), 30, 300, deaf=False),
    "wall clock jumps": Kind("F8", clock_jumps, nothing, 5, 30, deaf=False),
    "camera absent": Kind(
        "E1",
        both(NOTE_PICTURES, sees("absent")),
        both(sees("well"), NOTE_PICTURES),
        5,
        60,
        deaf=False,
        well=pictured,
        limit_s=70,
    ),
    "camera frozen": Kind(
        "E5, E2",
        sees("frozen"),
        both(sees("well"), NOTE_PICTURES),
        1,
        3,
        deaf=False,
        well=pictured,
        limit_s=70,
    ),
    "camera hangs": Kind(
        "E3, D15",
        both(NOTE_RESTARTS, sees("hangs")),
        sees("well"),
        44,
        50,
        well=restarted,
        limit_s=40,
        weight=0.5,
    ),
    "service manager gone": Kind(
        "F10", manager(False), manager(True), 5, 60, deaf=False, well=alive, hangs=True
    ),
}


def plan(
    count: int, length_s: float, seed: int, *, first_s: float = 20.0, longest_s: float = float("inf")
) -> list[Fault]:
    """`count` faults, spread over the day; every kind comes once before any comes twice. None lasts longer
    than `longest_s` unless its kind has to."""
    rng = np.random.default_rng(seed + 1)
    names = [name for name, kind in KINDS.items() if kind.shortest_s < 60 or longest_s > 60]
    weights = np.array([KINDS[name].weight for name in names])
    order = list(rng.permutation(names))
    order += list(rng.choice(names, max(0, count - len(names)), p=weights / weights.sum()))
    order = order[:count]
    rng.shuffle(order)
    times = np.sort(rng.uniform(first_s, 0.97 * length_s - 30, count))
    return [
        Fault(
            str(name), float(at), _length_s(KINDS[name], longest_s, float(rng.random())), float(rng.random())
        )
        for name, at in zip(order, times, strict=True)
    ]


def _length_s(kind: Kind, longest_s: float, number: float) -> float:
    longest_s = max(kind.shortest_s, min(kind.longest_s, longest_s))
    return kind.shortest_s + number * (longest_s - kind.shortest_s)
